public import Foundation
public import Roost
import RoostCore

/// Those who contribute.
public struct ContributorStore: Sendable {
  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `coherence`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Stores a new contributor.
  /// - Returns: the contributor as stored.
  /// - Throws: `uniqueViolation` when the key is taken; what a store throws.
  @discardableResult
  public func create(_ contributor: Contributor) async throws(StoreError) -> Contributor {
    try await store.insert(contributor)
  }

  /// The contributor with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ id: UUID) async throws(StoreError) -> Contributor? {
    try await store.find(Contributor.self, id)
  }

  /// The contributors with a name at GitHub, the oldest first; it is not unique.
  /// - Throws: what a store throws.
  public func find(githubUsername: String) async throws(StoreError) -> [Contributor] {
    try await store.select(Contributor.self).where { $0.githubUsername == githubUsername }
      .order { $0.createdAt.ascending }.fetch()
  }

  /// The contributors with an e-mail address, the oldest first; it is not unique.
  /// - Throws: what a store throws.
  public func find(email: String) async throws(StoreError) -> [Contributor] {
    try await store.select(Contributor.self).where { $0.email == email }
      .order { $0.createdAt.ascending }.fetch()
  }

  /// A page of the contributors, the newest first.
  /// - Throws: what a store throws.
  public func list(
    size: Int = 50, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<Contributor> {
    try await store.select(Contributor.self).order { $0.createdAt.descending }
      .page(size: size, after: position)
  }

  /// Gives a stored contributor the values of this one, and moves its `updatedAt`.
  /// - Returns: the contributor as stored.
  /// - Throws: `notFound`; what a store throws.
  @discardableResult
  public func update(_ contributor: Contributor) async throws(StoreError) -> Contributor {
    let now = store.now
    let stored = try await store.select(Contributor.self).where {
      $0.id.isIn(contributor.id.map { [$0] } ?? [])
    }
    .updateReturning { columns in
      [
        columns.name.set(to: contributor.name), columns.email.set(to: contributor.email),
        columns.githubUsername.set(to: contributor.githubUsername),
        columns.walletAddress.set(to: contributor.walletAddress),
        columns.metadata.set(to: contributor.metadata ?? [:]),
        columns.updatedAt.set(to: now),
      ]
    }
    guard let first = stored.first else {
      throw StoreError(.notFound, "there is no such contributor", table: Contributor.table)
    }
    return first
  }

  /// Removes a contributor with all contributions, whose costs leave the totals of their assets.
  /// - Returns: whether there was one.
  /// - Throws: what a store throws.
  @discardableResult
  public func remove(_ id: UUID) async throws(StoreError) -> Bool {
    try await store.delete(Contributor.self, id)
  }
}
