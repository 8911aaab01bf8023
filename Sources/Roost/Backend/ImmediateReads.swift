/// Rows that are read without waiting, because they are in this process.
///
/// Calls that could suspend, one for each layer, cost more than to find a row in memory; so `find`
/// takes this way where there is one.
package protocol ImmediateReads: AnyObject, Sendable {
  /// The row with a primary key, nil when there is none; as `StorageSession.get` of one key.
  /// - Parameter rest: the key's values behind its first: a key of one value needs no array.
  func row(_ table: String, key first: Value, _ rest: [Value]) throws(StoreError) -> [Value]?
}

/// A session that may have immediate reads.
package protocol ImmediateSession: StorageSession {
  /// Nil where somebody in between has to see the calls as they are.
  var immediateReads: (any ImmediateReads)? { get }
}

extension LayeredSession {
  /// Those of what is below. Of all layers only the one that counts lets them through.
  fileprivate var readsBelow: (any ImmediateReads)? {
    guard let layer = layer as? MetricsLayer,
      let reads = (below as? any ImmediateSession)?.immediateReads
    else { return nil }
    return MeteredReads(layer: layer, reads: reads, isInTransaction: isInTransaction)
  }
}

extension LayeredBackend: ImmediateSession {
  package var immediateReads: (any ImmediateReads)? { readsBelow }
}

extension LayeredTransaction: ImmediateSession {
  package var immediateReads: (any ImmediateReads)? { readsBelow }
}

/// Immediate reads that are counted.
private final class MeteredReads: ImmediateReads {
  private let layer: MetricsLayer
  private let reads: any ImmediateReads
  private let isInTransaction: Bool

  init(layer: MetricsLayer, reads: any ImmediateReads, isInTransaction: Bool) {
    self.layer = layer
    self.reads = reads
    self.isInTransaction = isInTransaction
  }

  func row(_ table: String, key first: Value, _ rest: [Value]) throws(StoreError) -> [Value]? {
    try layer.run(.get, table, isInTransaction: isInTransaction) { () throws(StoreError) in
      try reads.row(table, key: first, rest)
    }
  }
}
