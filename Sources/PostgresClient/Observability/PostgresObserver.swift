public import PostgresWire

/// Is told what connections do: put it into the configuration that they are opened with.
///
///     var observer = PostgresObserver()
///     observer.onQuery = { event in
///       log("\(event.sql) took \(event.duration), \(event.rowCount ?? 0) rows")
///     }
///     configuration.observer = observer
///
/// The closures run on the connection's thread, between the query and its caller: they should do
/// little, and cannot use the connection. Without an observer nothing is counted or timed.
public struct PostgresObserver: Sendable {
  /// Called when a statement has ended: one of a query, a script, each of a pipeline, a COPY, each
  /// batch of a cursor. Nil for nobody.
  public var onQuery: (@Sendable (PostgresQueryEvent) -> Void)?
  /// Whether `onQuery` is shown the parameters' values.
  public var showsParameters = false
  /// Called when a connection was opened, could not be, or is closed. Nil for nobody.
  public var onConnection: (@Sendable (PostgresConnectionEvent) -> Void)?
  /// Called when the server says that a run-time parameter of an open session has changed; what it
  /// says at the start is in `PostgresConnection.serverParameters`. Nil for nobody.
  public var onParameterChange: (@Sendable (PostgresParameterChange) -> Void)?
  /// Who is told of slow queries, nil for nobody.
  public var slowQueries: PostgresSlowQueries?
  /// Who is shown the messages of the protocol, nil for nobody.
  public var trace: PostgresWireTrace?

  /// An observer that wants to know nothing yet.
  public init() {}
}

/// A statement that has ended, well or not.
public struct PostgresQueryEvent: Sendable {
  /// How a statement was run. More may come; a `switch` needs a `default`.
  public enum Kind: String, Sendable, Hashable {
    /// By itself, as the extended protocol has it.
    case statement
    /// As a script of any number of statements.
    case script
    /// As one of many in a pipeline.
    case pipelined
    /// As a COPY to the server.
    case copyIn
    /// As a COPY from the server.
    case copyOut
    /// As a portal, of whose rows this was a batch.
    case cursor
  }

  /// How it was run.
  public let kind: Kind
  let statement: String
  /// The rows that it returned, changed or copied, by the server's count; nil when it failed or is
  /// not about rows.
  public let rowCount: Int?
  /// Bytes of the protocol that were sent for it, before TLS.
  public let sentByteCount: Int
  /// Bytes of the protocol that came for it, within TLS; of a statement of a pipeline, its rows'.
  public let receivedByteCount: Int
  /// How long it took, from its turn on the connection to its end; what the caller's closure does
  /// with the rows is a part of it.
  public let duration: Duration
  /// Why it failed, nil when it did not. An error of the caller's own closure shows as `decoding`.
  public let error: PostgresError?
  /// The server's process of the connection; 0 when it said none.
  public let processID: Int32
  /// Whether the server had to parse it first: it was not among the prepared ones.
  public let wasParsed: Bool
  /// The parameters; nil unless the observer's `showsParameters` asks for them.
  public let parameters: PostgresParameters?

  /// The text as it was sent; a literal behind the word PASSWORD is masked.
  public var sql: String { PasswordMask.apply(to: statement) }

  /// The parameters as readable texts, nil for NULL; empty unless they were asked for.
  public var parameterTexts: [String?] { parameters?.readableTexts ?? [] }
}

/// A connection that was opened, could not be, or is closed.
public struct PostgresConnectionEvent: Sendable {
  /// What became of it. More may come; a `switch` needs a `default`.
  public enum Kind: String, Sendable, Hashable {
    /// It takes queries.
    case opened
    /// It did not come about.
    case failed
    /// It is closed.
    case closed
  }

  /// What became of it.
  public let kind: Kind
  /// The host of the configuration's list; the one that was tried last when none let us in, nil
  /// when none was tried.
  public let host: PostgresConfiguration.Host?
  /// The server's process; 0 when it said none.
  public let processID: Int32
  /// How long opening it took; when it is closed, how long it was open.
  public let duration: Duration
  /// Why it failed or was lost; nil when it was opened, or closed by its user.
  public let error: PostgresError?
}

/// A run-time parameter of a session that has changed.
public struct PostgresParameterChange: Sendable, Hashable {
  /// Its name, such as `TimeZone`.
  public let name: String
  /// Its new value.
  public let value: String
  /// The server's process of the session; 0 when it said none.
  public let processID: Int32
}

extension PostgresParameters {
  /// The values as readable texts, nil for NULL.
  var readableTexts: [String?] {
    var texts: [String?] = []
    var reader = encoded.bytes[...]
    for type in types {
      let length = reader.prefix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      reader = reader.dropFirst(4)
      guard let count = Int(exactly: Int32(bitPattern: length)), count >= 0 else {
        texts.append(nil)
        continue
      }
      let text = reader.prefix(count).withUnsafeBytes { bytes in
        let cell = PostgresCell(bytes: bytes, type: type, format: type.parameterFormat)
        return (try? cell.readableText()) ?? "(\(count) bytes)"
      }
      texts.append(text)
      reader = reader.dropFirst(count)
    }
    return texts
  }
}

/// Hides the passwords that SQL texts hold, as those of ALTER ROLE do.
enum PasswordMask {
  static let mask = "***"

  /// The text with `***` for each literal behind the word PASSWORD.
  static func apply(to sql: String) -> String {
    let word = Array("password".utf8)
    var bytes = Array(sql.utf8)
    var index = 0
    while index + word.count < bytes.count {
      guard bytes[index..<index + word.count].elementsEqual(word, by: { $0 | 0x20 == $1 }) else {
        index += 1
        continue
      }
      index += word.count
      guard let literal = literal(in: bytes, from: index) else { continue }
      bytes.replaceSubrange(literal, with: mask.utf8)
      index = literal.lowerBound + mask.utf8.count
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// What is between the quotes of the literal that follows behind blanks and `=`, of whatever
  /// kind; nil when something else follows. A doubled quote is a part of it, as is what follows a
  /// backslash: rather too much is hidden than too little.
  private static func literal(in bytes: [UInt8], from start: Int) -> Range<Int>? {
    let quote = UInt8(ascii: "'")
    let blanks = Set(" \t\r\n=EeUu&".utf8)
    guard let open = bytes[start...].firstIndex(where: { !blanks.contains($0) }),
      bytes[open] == quote
    else { return nil }
    var end = open + 1
    while end < bytes.count {
      if bytes[end] == UInt8(ascii: "\\") {
        end += 2
      } else if bytes[end] == quote {
        guard end + 1 < bytes.count, bytes[end + 1] == quote else { break }
        end += 2
      } else {
        end += 1
      }
    }
    return open + 1..<min(end, bytes.count)
  }
}
