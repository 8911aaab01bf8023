/// Rows that are read without waiting, because they are in this process.
///
/// Calls that could suspend, one for each layer, cost more than to find a row in memory; so `find`
/// takes this way where there is one.
package protocol ImmediateReads: Sendable {
  /// The row with a primary key, nil when there is none; as `StorageSession.get` of one key.
  func row(_ table: String, key: [Value]) throws(StoreError) -> [Value]?
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
private struct MeteredReads: ImmediateReads {
  let layer: MetricsLayer
  let reads: any ImmediateReads
  let isInTransaction: Bool

  func row(_ table: String, key: [Value]) throws(StoreError) -> [Value]? {
    try layer.run(.get, table, isInTransaction: isInTransaction) { () throws(StoreError) in
      try reads.row(table, key: key)
    }
  }
}
