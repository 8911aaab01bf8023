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

  /// Whether it may be run again when nothing has come of it. A scan may not: its caller has seen
  /// rows.
  public var isRepeatable: Bool { !isInTransaction && operation != .scan }
}

/// Something that stands around every call of a backend: it counts, refuses, repeats or bounds
/// them, and knows neither what is above nor what is below.
///
/// A custom backend gets all layers for free, and a custom layer fits all backends.
public protocol StorageLayer: Sendable {
  /// Where in a stack of layers it belongs.
  var place: LayerPlace { get }

  /// Whether raw SQL may pass beside the layer. True unless implemented.
  var letsRawSQLPass: Bool { get }

  /// Runs a call: hands it on to what is below by `next`, once, again, or not at all.
  ///
  /// A transaction is one call, and each call in it one more, with `isInTransaction`.
  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result

  /// How the store is, after what is below said how that is. The same unless implemented.
  func health(_ below: Health) async -> Health

  /// What the layer counts and measures of itself. None unless implemented.
  func figures() async -> [Figure]

  /// What else can be said of how the layer is, beside `health`. None unless implemented.
  func healthChecks() async -> [HealthCheck]
}

extension StorageLayer {
  /// True.
  public var letsRawSQLPass: Bool { true }

  /// What is below.
  public func health(_ below: Health) async -> Health { below }

  /// None.
  public func figures() async -> [Figure] { [] }

  /// None.
  public func healthChecks() async -> [HealthCheck] { [] }
}

/// Where a layer stands: the first case is the outermost. The order matters: a breaker counts what
/// retries could not mend, each attempt has a timeout of its own and waits for its turn, and chaos
/// strikes as the backend itself would.
public enum LayerPlace: Int, Sendable, Hashable, Comparable, CaseIterable {
  /// A program's own layer around all others, such as one that makes spans for tracing.
  case tracing
  /// The store's own, which counts the calls and what they come to. A program has none there.
  case metrics
  /// Refuses changes.
  case readOnly
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
  /// Puts layers around the backend.
  /// - Parameter layers: the outermost first.
  /// - Throws: `invalidConfiguration` when they are not in the order of their places, or two have
  ///   the same.
  public func under(_ layers: [any StorageLayer]) throws(StoreError) -> any StorageBackend {
    for (outer, inner) in zip(layers, layers.dropFirst()) where outer.place >= inner.place {
      throw StoreError(
        .invalidConfiguration,
        "the layer \(outer.place) cannot stand outside of \(inner.place); the order is "
          + LayerPlace.allCases.map { "\($0)" }.joined(separator: ", "))
    }
    var backend: any StorageBackend = self
    for layer in layers.reversed() { backend = backend.under(one: layer) }
    return backend
  }

  private func under(one layer: some StorageLayer) -> any StorageBackend {
    LayeredBackend(self, layer)
  }
}
