/// How a backend is made from a URL.
public struct BackendFactory: Sendable {
  /// The schemes that it answers to, in lower case.
  public let schemes: [String]
  /// Opens the backend.
  public let open:
    @Sendable (BackendURL, BackendContext) async throws(StoreError) -> any StorageBackend

  /// Makes a factory.
  public init(
    schemes: [String],
    open:
      @escaping @Sendable (BackendURL, BackendContext) async throws(StoreError) ->
      any StorageBackend
  ) {
    self.schemes = schemes.map { $0.lowercased() }
    self.open = open
  }
}

/// What a factory gets beside the URL.
public struct BackendContext: Sendable {
  /// The environment's variables; empty ones count as unset.
  public var environment: [String: String]
  /// What backends that run no SQL run for the triggers of the migrations.
  public var triggers: [any TriggerFunction]
  /// Where log lines go.
  public var log: @Sendable (LogLine) -> Void

  /// Makes a context.
  public init(
    environment: [String: String] = [:], triggers: [any TriggerFunction] = [],
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) {
    self.environment = environment.filter { !$0.value.isEmpty }
    self.triggers = triggers
    self.log = log
  }
}

/// A line for an operator.
public struct LogLine: Sendable, CustomStringConvertible {
  /// How much it matters.
  public enum Level: String, Sendable {
    /// Part of normal life.
    case info
    /// Worth a look.
    case warning
  }

  /// How much it matters.
  public var level: Level
  /// The text, without secrets.
  public var message: String

  /// Makes a line.
  public init(_ level: Level, _ message: String) {
    self.level = level
    self.message = message
  }

  /// Level and text.
  public var description: String { "\(level.rawValue): \(message)" }
}

/// The backends that a program knows, by URL scheme.
///
/// A value, made at start-up: `try BackendRegistry([.memory, .file, .postgres])`.
public struct BackendRegistry: Sendable {
  private var factories: [String: BackendFactory] = [:]

  /// Makes a registry.
  /// - Throws: `invalidConfiguration` when two factories name the same scheme.
  public init(_ factories: [BackendFactory]) throws(StoreError) {
    for factory in factories { try register(factory) }
  }

  /// Adds a factory.
  /// - Throws: `invalidConfiguration` when a scheme is taken.
  public mutating func register(_ factory: BackendFactory) throws(StoreError) {
    for scheme in factory.schemes {
      guard factories[scheme] == nil else {
        throw StoreError(
          .invalidConfiguration, "the scheme \"\(scheme)\" is registered twice")
      }
      factories[scheme] = factory
    }
  }

  /// The schemes known, sorted.
  public var schemes: [String] { factories.keys.sorted() }

  /// Opens the backend that a URL names.
  /// - Throws: `invalidConfiguration` for an unknown scheme or parameter, and what the backend
  ///   throws.
  public func open(
    _ url: BackendURL, context: BackendContext
  ) async throws(StoreError) -> any StorageBackend {
    guard let factory = factories[url.scheme] else {
      throw StoreError(
        .invalidConfiguration,
        "unknown scheme \"\(url.scheme)\"; known are: \(schemes.joined(separator: ", "))")
    }
    return try await factory.open(url, context)
  }
}
