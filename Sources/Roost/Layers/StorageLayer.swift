/// A call on its way to a backend, as a layer sees it.
public struct StorageCall: Sendable, Hashable {
  /// What is asked of the backend.
  public enum Operation: String, Sendable, Hashable, CaseIterable, Codable {
    /// Rows by their keys.
    case get
    /// Rows by a query.
    case query
    /// Figures over rows.
    case aggregate
    /// How a query would be answered.
    case explain
    /// Rows of a query, in batches.
    case scan
    /// Changes.
    case apply
    /// Many new rows.
    case load
    /// A whole transaction, with all calls in it and its commit.
    case transaction
    /// The end of a transaction's body; what is thrown here rolls the transaction back.
    case commit
  }

  /// What is asked.
  public var operation: Operation
  /// The table, the first where there are several; nil for a transaction, which has none.
  public var table: String?
  /// Whether rows may be changed or locked. A transaction that is not read-only may.
  public var mayWrite: Bool
  /// Whether the call is one of a transaction's own, so that it is never run again by itself.
  public var isInTransaction: Bool
  /// The rows that are asked for or changed by a condition; nil where there is none, as in an
  /// insert or a call for rows by their keys. It holds the values; its `shape` does not.
  public var query: Query?
  /// Whether it is a transaction that a layer has made of one call of a session.
  package var isOneCall = false

  /// Makes a call.
  public init(
    _ operation: Operation, table: String? = nil, mayWrite: Bool = false,
    isInTransaction: Bool = false, query: Query? = nil
  ) {
    self.query = query
    self.operation = operation
    self.table = table
    self.mayWrite = mayWrite
    self.isInTransaction = isInTransaction
  }

  /// A transaction with these options.
  init(beginning options: TransactionOptions) {
    self.init(.transaction, mayWrite: !options.isReadOnly)
    isOneCall = options.isOneCall
  }

  /// Whether it may be run again when nothing has come of it. A scan may not: its caller has seen
  /// rows.
  public var isRepeatable: Bool { !isInTransaction && operation != .scan }
}

/// Something that stands around a backend: it counts, refuses, repeats, bounds or answers calls,
/// and knows neither what is above nor what is below.
///
/// A custom backend gets all layers for free, and a custom layer fits all backends. A layer that
/// needs no more of a call than what `StorageCall` says implements `run`; one that needs to see
/// keys, rows or changes implements `around`, and is a backend around a backend.
public protocol StorageLayer: Sendable {
  /// Where in a stack of layers it belongs.
  var place: LayerPlace { get }

  /// Whether raw SQL may pass beside the layer. True unless implemented.
  var letsRawSQLPass: Bool { get }

  /// The backend with the layer around it. One whose every call goes through `run` unless
  /// implemented. When it throws, the backend is left open.
  func around(
    _ backend: any StorageBackend, _ context: LayerContext
  ) async throws(StoreError) -> any StorageBackend

  /// Runs a call: hands it on to what is below by `next`, once, again, or not at all. Once unless
  /// implemented.
  ///
  /// A transaction is one call, and each call in it one more, with `isInTransaction`.
  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result

  /// How the store is, after what is below said how that is. The same unless implemented.
  func health(_ below: Health) async -> Health

  /// Lets go of what the layer itself holds, before what is below is closed. Nothing unless
  /// implemented.
  func close() async

  /// What the layer counts and measures of itself. None unless implemented.
  func figures() async -> [Figure]

  /// What else can be said of how the layer is, beside `health`. None unless implemented.
  func healthChecks() async -> [HealthCheck]
}

/// What a layer gets beside the backend that it stands around.
public struct LayerContext: Sendable {
  /// The tables that the backend holds, in the shape that it has them.
  public var schema: Schema
  /// Where log lines go.
  public var log: @Sendable (LogLine) -> Void

  /// Makes a context.
  public init(schema: Schema, log: @escaping @Sendable (LogLine) -> Void = { _ in }) {
    self.schema = schema
    self.log = log
  }
}

extension StorageLayer {
  /// True.
  public var letsRawSQLPass: Bool { true }

  /// The backend, with its calls going through `run`.
  public func around(
    _ backend: any StorageBackend, _ context: LayerContext
  ) async throws(StoreError) -> any StorageBackend {
    LayeredBackend(backend, self)
  }

  /// Hands the call on.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await next()
  }

  /// What is below.
  public func health(_ below: Health) async -> Health { below }

  /// Nothing.
  public func close() async {}

  /// None.
  public func figures() async -> [Figure] { [] }

  /// None.
  public func healthChecks() async -> [HealthCheck] { [] }
}

/// Where a layer stands: the first case is the outermost. The order matters: a cache keeps what
/// came, from wherever it came; replicas are beside all that minds the primary, since each of them
/// has layers of its own; a fallback sees what nothing below it could mend; a breaker counts what
/// retries could not mend, each attempt has a timeout of its own and waits for its turn, and chaos
/// strikes as the backend itself would.
public enum LayerPlace: Int, Sendable, Hashable, Comparable, CaseIterable {
  /// A program's own layer around all others, such as one that makes spans for tracing.
  case tracing
  /// The store's own, which counts the calls and what they come to. A program has none there.
  case metrics
  /// Refuses changes.
  case readOnly
  /// Answers from rows that were read before.
  case cache
  /// Reads from copies of the backend.
  case replicas
  /// Goes on with less when the backend cannot be reached or written.
  case fallback
  /// Moves rows to another backend.
  case migrating
  /// Refuses calls while the backend keeps failing.
  case breaker
  /// Runs calls again.
  case retry
  /// Lets so many calls through at once.
  case concurrencyLimit
  /// Bounds a call's time.
  case timeout
  /// Makes things go wrong.
  case chaos

  /// Outer places come first.
  public static func < (left: LayerPlace, right: LayerPlace) -> Bool {
    left.rawValue < right.rawValue
  }
}

extension StorageBackend {
  /// Puts layers around the backend, which is closed when this throws.
  /// - Parameters:
  ///   - layers: the outermost first.
  ///   - context: what the layers get beside it.
  /// - Throws: `invalidConfiguration` when they are not in the order of their places, or two have
  ///   the same; what a layer throws.
  public func under(
    _ layers: [any StorageLayer], _ context: LayerContext
  ) async throws(StoreError) -> any StorageBackend {
    var backend: any StorageBackend = self
    do throws(StoreError) {
      try layers.requireOrder()
      for layer in layers.reversed() { backend = try await layer.around(backend, context) }
      return backend
    } catch {
      await backend.close()
      throw error
    }
  }
}
