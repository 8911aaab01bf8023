public import Foundation
public import Roost
import RoostCore

/// Contributions: a trail to which is only added, and what it is worth.
public struct ContributionStore: Sendable {
  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `coherence`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Adds a contribution for good. Its cost is in the asset's total from then on.
  /// - Returns: the contribution as stored.
  /// - Throws: `checkViolation` for a negative cost or a score outside 0 to 1;
  ///   `foreignKeyViolation` when contributor or asset are not there; `valueOutOfRange`; what a
  ///   store throws.
  @discardableResult
  public func record(_ contribution: Contribution) async throws(StoreError) -> Contribution {
    try await store.insert(contribution)
  }

  /// The contribution with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ id: UUID) async throws(StoreError) -> Contribution? {
    try await store.find(Contribution.self, id)
  }

  /// A page of the contributions, the newest first.
  /// - Parameters:
  ///   - asset: what they are to; nil for whatever.
  ///   - contributor: who made them; nil for whoever.
  /// - Throws: what a store throws.
  public func list(
    asset: UUID? = nil, contributor: UUID? = nil, size: Int = 50,
    after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<Contribution> {
    var selection = store.select(Contribution.self)
    if let asset { selection = selection.where { $0.assetID == asset } }
    if let contributor { selection = selection.where { $0.contributorID == contributor } }
    return try await selection.order { $0.timestamp.descending }.page(size: size, after: position)
  }

  /// What the contributions to an asset are worth, contributor by contributor.
  ///
  /// Added up by the backend: one row comes back for each contributor and score.
  /// - Throws: what a store throws.
  public func valuation(of asset: UUID) async throws(StoreError) -> Valuation {
    let groups = try await store.select(Contribution.self).where { $0.assetID == asset }
      .aggregate(
        by: { [$0.contributorID, $0.coherenceScore] }, [.count, .sum("cost_amount")])
    var valuation = Valuation(contributors: [])
    for group in groups {
      guard group.count == 4, let contributor = UUID(value: group[0]),
        let score = Numeric(value: group[1]), let count = Int(value: group[2]),
        let cost = Numeric(value: group[3])
      else {
        throw StoreError(
          .schemaDrift, "the sums over contributions have other types", table: Contribution.table)
      }
      // The groups come ordered by contributor.
      if valuation.contributors.last?.contributorID != contributor {
        valuation.contributors.append(
          .init(contributorID: contributor, contributions: 0, cost: 0, value: 0))
      }
      let last = valuation.contributors.count - 1
      valuation.contributors[last].contributions += count
      valuation.contributors[last].cost = valuation.contributors[last].cost + cost
      valuation.contributors[last].value = valuation.contributors[last].value + cost * score
    }
    return valuation
  }
}
