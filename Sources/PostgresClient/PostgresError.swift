public import PostgresWire
public import RoostCore

/// What went wrong, by code; act on the code, never on the text.
///
/// No description of it holds a password. `description` has the server's primary message, which may
/// repeat a literal of the statement; only `debugDescription` has its detail, which may show values
/// of rows.
public struct PostgresError: Error, Sendable {
  /// A kind of failure. More may come; a `switch` needs a `default`.
  public struct Code: Sendable, Hashable, CustomStringConvertible {
    /// The code's name.
    public let description: String

    private init(_ name: String) {
      description = name
    }

    /// The configuration is wrong: a parameter that is unknown or malformed.
    public static let invalidConfiguration = Code("invalidConfiguration")
    /// What was asked for is not there (yet), such as TLS where OpenSSL is not installed.
    public static let unsupported = Code("unsupported")
    /// The host's name has no address.
    public static let unknownHost = Code("unknownHost")
    /// Nobody listens at the address, or the socket's file does not exist.
    public static let connectionRefused = Code("connectionRefused")
    /// There is no way to the address.
    public static let hostUnreachable = Code("hostUnreachable")
    /// The connect deadline passed.
    public static let connectTimeout = Code("connectTimeout")
    /// The session cannot be encrypted as asked: the server has no TLS, its certificate is not to
    /// be believed, it refused ours, or the two agree on no version.
    public static let tlsFailed = Code("tlsFailed")
    /// The role may not log in: a wrong password, an authentication that was refused by either
    /// side, or a server that failed to prove itself.
    public static let authenticationFailed = Code("authenticationFailed")
    /// The program's `credentialProvider` threw, or gave what is no password.
    public static let credentialsFailed = Code("credentialsFailed")
    /// The database does not exist (3D000).
    public static let unknownDatabase = Code("unknownDatabase")
    /// The server is not what `target_session_attrs` asks for, such as a standby for `read-write`.
    public static let unsuitableServer = Code("unsuitableServer")
    /// The server has no connection slot left (53300).
    public static let tooManyConnections = Code("tooManyConnections")
    /// The server reports an error; `server` has it, `sqlState` its code.
    public static let server = Code("server")
    /// The server broke the protocol; the connection is closed.
    public static let protocolViolation = Code("protocolViolation")
    /// The connection is closed, or was lost in this call.
    public static let closed = Code("closed")
    /// The deadline passed. What the server was doing is cancelled; `cause` is its word for that,
    /// and `ranToItsEnd` says whether that came too late. The connection is usable, unless it had
    /// to be closed because the server would not stop within `cancelTimeout`.
    public static let deadlineExceeded = Code("deadlineExceeded")
    /// Another statement of the same batch failed, which made this one void; `cause` is its error.
    public static let pipelineAborted = Code("pipelineAborted")
    /// The task was cancelled, before anything was sent or with what the server was doing; then as
    /// under `deadlineExceeded`.
    public static let cancelled = Code("cancelled")
    /// A COMMIT was answered with ROLLBACK: the transaction had failed before.
    public static let transactionRolledBack = Code("transactionRolledBack")
    /// The connection was lost after COMMIT was sent: it may have happened or not.
    public static let outcomeUnknown = Code("outcomeUnknown")
    /// A value of a result is not of the Swift type that was asked for.
    public static let decoding = Code("decoding")
    /// A parameter cannot be sent.
    public static let encoding = Code("encoding")
    /// A result has more or fewer rows than the call is for.
    public static let unexpectedRowCount = Code("unexpectedRowCount")
    /// No connection of the pool became free in time; `cause` is the last connect error.
    public static let acquireTimeout = Code("acquireTimeout")
    /// The pool's waiting queue is full.
    public static let poolExhausted = Code("poolExhausted")
    /// The pool is closed.
    public static let poolClosed = Code("poolClosed")
  }

  private final class Storage: Sendable {
    let code: Code
    let message: String
    let server: PostgresServerMessage?
    let decoding: PostgresDecodingError?
    let cause: PostgresError?
    let completedTag: String?

    init(
      _ code: Code, _ message: String, server: PostgresServerMessage?,
      decoding: PostgresDecodingError?, cause: PostgresError?, completedTag: String?
    ) {
      self.code = code
      self.message = message
      self.server = server
      self.decoding = decoding
      self.cause = cause
      self.completedTag = completedTag
    }
  }

  // One pointer, so that functions which throw it stay cheap where they do not.
  private let storage: Storage

  package init(
    _ code: Code, _ message: String, server: PostgresServerMessage? = nil,
    decoding: PostgresDecodingError? = nil, cause: PostgresError? = nil,
    completedTag: String? = nil
  ) {
    storage = Storage(
      code, message, server: server, decoding: decoding, cause: cause, completedTag: completedTag)
  }

  /// Thrown within an exchange whose rest nobody wants; with it the session is closed when the
  /// server does not stop.
  static let unwantedAnswer = PostgresError(
    .closed, "the server would not stop sending what nobody wants")

  /// Whether it is `unwantedAnswer` itself.
  var isUnwantedAnswer: Bool { storage === Self.unwantedAnswer.storage }

  /// The kind of failure.
  public var code: Code { storage.code }

  /// What happened, in one line.
  public var message: String { storage.message }

  /// What the server said, nil when the error is not the server's.
  public var server: PostgresServerMessage? { storage.server }

  /// The server's code, nil when the error is not the server's.
  public var sqlState: SQLState? { storage.server?.sqlState }

  /// The value that could not be read; nil unless the code is `decoding`.
  public var decoding: PostgresDecodingError? { storage.decoding }

  /// The error behind this one, such as the last failure to connect; nil when there is none.
  public var cause: PostgresError? { storage.cause }

  /// Whether the statement had done its work all the same, before the server heard that it was to
  /// stop: its result is lost, its effect is not. True with the codes `cancelled` and
  /// `deadlineExceeded` only.
  public var ranToItsEnd: Bool { storage.completedTag != nil }

  /// The command tag of a statement that ran to its end.
  package var completedTag: String? { storage.completedTag }

  /// Whether running the whole transaction again may succeed: a serialization failure or deadlock.
  public var isRetryable: Bool {
    sqlState == .serializationFailure || sqlState == .deadlockDetected
  }

  /// Whether connecting again would fail in the same way until somebody changes something.
  package var isPermanent: Bool {
    switch code {
    case .authenticationFailed, .unknownDatabase, .invalidConfiguration, .unsupported, .tlsFailed:
      true
    default: false
    }
  }
}

extension PostgresError {
  /// An error that the server reports for a statement.
  package init(server message: PostgresServerMessage) {
    self.init(.server, message.message, server: message)
  }

  /// An error that the server reports instead of letting us in.
  package init(refusal message: PostgresServerMessage) {
    let code: Code =
      switch message.sqlState {
      case .invalidPassword, .invalidAuthorization: .authenticationFailed
      case .invalidCatalogName: .unknownDatabase
      case .tooManyConnections: .tooManyConnections
      default: .server
      }
    self.init(code, message.message, server: message)
  }

  /// The same error with another behind it.
  init(_ error: PostgresError, cause: PostgresError) {
    self.init(
      error.code, error.message, server: error.server, decoding: error.decoding, cause: cause)
  }

  package init(_ error: WireError) {
    switch error {
    case .authenticationRefused, .authenticationViolation, .passwordMissing:
      self.init(.authenticationFailed, error.description)
    case .protocolRefused: self.init(.unsupported, error.description)
    case .nulInString, .tooManyParameters:
      self.init(.encoding, error.description)
    case .sessionEnded: self.init(.closed, "the connection is closed")
    default: self.init(.protocolViolation, error.description)
    }
  }

  package init(_ error: PostgresDecodingError) {
    self.init(.decoding, error.description, decoding: error)
  }

  package init(_ error: PostgresEncodingError) {
    self.init(.encoding, error.description)
  }

  package static var closed: PostgresError {
    PostgresError(.closed, "the connection is closed")
  }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
  /// One line: the code, the SQLSTATE where there is one, and the message.
  public var description: String {
    var text = "\(code)"
    if let sqlState { text += " \(sqlState)" }
    text += ": \(message)"
    if let cause { text += " (\(cause))" }
    return text
  }

  /// The description with the server's other fields, which may show values of rows.
  public var debugDescription: String {
    guard let server else { return description }
    let fields: [(String, String?)] = [
      ("detail", server.detail), ("hint", server.hint),
      ("position", server.position.map(String.init)), ("schema", server.schema),
      ("table", server.table), ("column", server.column), ("type", server.dataType),
      ("constraint", server.constraint), ("context", server.context),
      ("routine", server.routine),
    ]
    return fields.reduce(description) { text, field in
      field.1.map { "\(text)\n  \(field.0): \($0)" } ?? text
    }
  }
}
