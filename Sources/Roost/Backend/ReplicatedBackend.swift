/// How far a server of a `ReplicatedBackend` has come.
public struct ReplicationStatus: Sendable, Hashable {
  /// Whether it copies another server, and takes no writes.
  public var isReplica: Bool
  /// What it has written, or, as a replica, has applied so far: a number that grows with each
  /// commit, and is the same on all servers of the system.
  public var position: UInt64

  /// Makes a status.
  public init(isReplica: Bool, position: UInt64) {
    self.isReplica = isReplica
    self.position = position
  }
}

/// A backend whose rows other servers may copy as they are written.
///
/// A layer finds it under the others as `innermost`.
public protocol ReplicatedBackend: StorageBackend {
  /// What the server and its copies have in common, and no others; nil where it cannot be asked.
  /// - Throws: `unavailable`.
  func replicationIdentity() async throws(StoreError) -> String?

  /// How far the server has come: when this is asked after a commit was acknowledged, at least to
  /// that.
  /// - Throws: `unavailable`.
  func replicationStatus() async throws(StoreError) -> ReplicationStatus
}
