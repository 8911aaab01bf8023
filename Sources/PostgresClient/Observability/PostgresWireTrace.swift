public import Foundation
import PostgresWire
public import RoostCore

/// Who is shown each message of the protocol, as by libpq's `PQtrace`.
///
///     observer.trace = PostgresWireTrace(to: FileHandle.standardError)
///
/// Values of parameters, rows, COPY data and notifications, and the details of errors, which may
/// show some, are `***` unless `showsValues` asks for them. Passwords, what SASL exchanges and the
/// keys of cancel requests are never shown; nor is a literal behind the word PASSWORD in SQL. What
/// TLS is negotiated with, and cancel requests, which go over connections of their own, are not a
/// part of it.
public struct PostgresWireTrace: Sendable {
  /// Whether the values of parameters and rows are shown.
  public var showsValues = false
  let write: @Sendable (PostgresWireMessage) -> Void

  /// Hands each message to the closure, on the connection's thread.
  public init(_ write: @escaping @Sendable (PostgresWireMessage) -> Void) {
    self.write = write
  }

  /// Writes each message as a line: its time, the server's process, and the message's description,
  /// with tabs between. What cannot be written is lost.
  public init(to file: FileHandle) {
    self.init { message in
      let line = "\(message.time)\t\(message.processID)\t\(message)\n"
      try? file.write(contentsOf: Data(line.utf8))
    }
  }
}

/// A message of the protocol as it was sent or received.
public struct PostgresWireMessage: Sendable, Hashable, CustomStringConvertible {
  /// When it was sent or read.
  public let time: Timestamp
  /// The server's process of the session; 0 until it has said so.
  public let processID: Int32
  /// Whether the server sent it.
  public let isFromServer: Bool
  /// What its length field says: its bytes without the one that tells its kind.
  public let byteCount: Int
  /// Its name in the PostgreSQL manual, "Message Formats"; `AuthenticationResponse` for all those
  /// that answer a request for authentication, and `Unknown` for what cannot be read.
  public let name: String
  /// Its fields with spaces between, texts in quotes; empty when it has none.
  public let fields: String

  /// The line that libpq's `PQtrace` would write without a time: `F` or `B` for the side that sent
  /// it, length, name and fields, with tabs between.
  public var description: String {
    let line = "\(isFromServer ? "B" : "F")\t\(byteCount)\t\(name)"
    return fields.isEmpty ? line : "\(line)\t \(fields)"
  }
}
