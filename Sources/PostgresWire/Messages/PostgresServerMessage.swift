public import RoostCore

/// What a server says in an ErrorResponse or a NoticeResponse, field by field.
///
/// Source: PostgreSQL manual, "Error and Notice Message Fields".
public struct PostgresServerMessage: Sendable, Hashable {
  /// How bad it is; never translated.
  public enum Severity: String, Sendable, Hashable {
    /// The statement failed.
    case error = "ERROR"
    /// The session ends.
    case fatal = "FATAL"
    /// All sessions end.
    case panic = "PANIC"
    /// A warning.
    case warning = "WARNING"
    /// Something worth telling.
    case notice = "NOTICE"
    /// A detail for developers.
    case debug = "DEBUG"
    /// A detail that was asked for.
    case info = "INFO"
    /// A line of the server's log.
    case log = "LOG"
  }

  private var fields: [UInt8: String]

  package init(fields: [UInt8: String]) {
    self.fields = fields
  }

  /// The fields by their letters, as the wire has them.
  package var rawFields: [UInt8: String] { fields }

  private subscript(letter: Unicode.Scalar) -> String? {
    fields[UInt8(truncatingIfNeeded: letter.value)]
  }

  /// How bad it is. An unknown word counts as an error.
  public var severity: Severity { Severity(rawValue: self["V"] ?? self["S"] ?? "") ?? .error }

  /// The SQLSTATE; `XX000` (internal error) when the server sent none.
  public var sqlState: SQLState { SQLState(self["C"] ?? "XX000") }

  /// The message, in the server's language.
  public var message: String { self["M"] ?? "" }

  /// More about the problem; it may show values of rows. Nil when there is none.
  public var detail: String? { self["D"] }

  /// What to do about it, nil when the server has no idea.
  public var hint: String? { self["H"] }

  /// Where in the statement's text, counted in characters from 1. Nil when it is nowhere.
  public var position: Int? { self["P"].flatMap { Int($0) } }

  /// Where in `internalQuery`, counted in characters from 1. Nil when it is nowhere.
  public var internalPosition: Int? { self["p"].flatMap { Int($0) } }

  /// The statement that the server made itself and that failed, nil when it was the client's.
  public var internalQuery: String? { self["q"] }

  /// The call stack of server-side functions, nil when there is none.
  public var context: String? { self["W"] }

  /// The schema of what the error is about, nil when it is about none.
  public var schema: String? { self["s"] }

  /// The table that the error is about, nil when it is about none.
  public var table: String? { self["t"] }

  /// The column that the error is about, nil when it is about none.
  public var column: String? { self["c"] }

  /// The data type that the error is about, nil when it is about none.
  public var dataType: String? { self["d"] }

  /// The constraint that is violated, nil when none is.
  public var constraint: String? { self["n"] }

  /// The server's source file that reported it, nil when it does not say.
  public var file: String? { self["F"] }

  /// The line in the server's source file, nil when it does not say.
  public var line: Int? { self["L"].flatMap { Int($0) } }

  /// The server's function that reported it, nil when it does not say.
  public var routine: String? { self["R"] }

  /// Whether the server ends the session after this.
  public var endsSession: Bool { severity == .fatal || severity == .panic }
}

extension PostgresServerMessage {
  /// A message as a server writes it, for scripted servers.
  package init(severity: Severity, sqlState: SQLState, message: String) {
    self.init(fields: [
      UInt8(ascii: "S"): severity.rawValue, UInt8(ascii: "V"): severity.rawValue,
      UInt8(ascii: "C"): sqlState.rawValue, UInt8(ascii: "M"): message,
    ])
  }

  init(_ reader: inout WireReader) throws(WireError) {
    var fields: [UInt8: String] = [:]
    while true {
      let letter = try reader.integer(UInt8.self)
      if letter == 0 { break }
      fields[letter] = try reader.string()
    }
    self.init(fields: fields)
  }

  func write(into writer: inout WireWriter) throws(WireError) {
    for (letter, text) in fields.sorted(by: { $0.key < $1.key }) {
      writer.write(letter)
      try writer.write(text, field: "server message")
    }
    writer.write(UInt8(0))
  }

  /// The message with its texts cut short, for what comes from a server that is not authenticated.
  package func limited(toByteCount count: Int) -> PostgresServerMessage {
    PostgresServerMessage(
      fields: fields.mapValues { text in
        text.utf8.count <= count
          ? text : String(decoding: text.utf8.prefix(count), as: UTF8.self) + "..."
      })
  }
}
