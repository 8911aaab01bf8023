public import Foundation
public import Roost
public import RoostCore

/// What the contributions to an asset cost and are worth. All figures are exact.
public struct Valuation: Sendable, Equatable {
  /// The part of one contributor.
  public struct Part: Sendable, Equatable {
    /// Who it is.
    public var contributorID: UUID
    /// How many contributions.
    public var contributions: Int
    /// What they cost.
    public var cost: Numeric
    /// The cost of each times its coherence score, added up.
    public var value: Numeric

    /// Describes a part.
    public init(contributorID: UUID, contributions: Int, cost: Numeric, value: Numeric) {
      self.contributorID = contributorID
      self.contributions = contributions
      self.cost = cost
      self.value = value
    }
  }

  /// A contributor's share of a payout.
  public struct Share: Sendable, Equatable {
    /// Who it is.
    public var contributorID: UUID
    /// How much, in the payout's units.
    public var amount: Numeric
  }

  /// The contributors' parts, by contributor.
  public var contributors: [Part]

  /// Makes a valuation of parts, one for each contributor.
  public init(contributors: [Part]) {
    self.contributors = contributors
  }

  /// What all contributions cost.
  public var cost: Numeric { contributors.reduce(0) { $0 + $1.cost } }
  /// What all contributions are worth.
  public var value: Numeric { contributors.reduce(0) { $0 + $1.value } }

  /// Shares a payout in proportion to the values, so that the shares add up to it exactly.
  ///
  /// Each share is rounded down to the scale, and the units that are left go to those who lost most
  /// by it (the largest remainder), among equals to the first by contributor.
  /// - Parameters:
  ///   - payout: what is shared, at least 0 and without more decimal places than `scale`.
  ///   - scale: the decimal places of a share, from 0 to 18.
  /// - Returns: a share for each contributor, by contributor; 0 for a value of 0. Empty when
  ///   nothing is worth anything: the payout is then nobody's.
  /// - Throws: `invalidValue` for a payout that cannot be shared.
  public func shares(of payout: Numeric, scale: Int = 2) throws(StoreError) -> [Share] {
    guard payout.isFinite, !payout.isNegative, (0...18).contains(scale),
      payout.rounded(toScale: scale) == payout
    else {
      throw StoreError(
        .invalidValue,
        "a payout is a number of at least 0 with at most \(scale) decimal places, not \(payout)")
    }
    let total = value
    guard !total.isZero, let unit = Numeric("1e-\(scale)") else { return [] }
    // With all of its decimal places, so that the quotients below have as many.
    let payout = payout.rounded(toScale: scale)
    var shares: [Share] = []
    var remainders: [Numeric] = []
    for part in contributors {
      let product = payout * part.value
      let remainder = product.remainder(dividingBy: total * unit) ?? 0
      let amount = (product - remainder).divided(by: total) ?? 0
      shares.append(
        Share(contributorID: part.contributorID, amount: amount.rounded(toScale: scale)))
      remainders.append(remainder)
    }
    var left = payout - shares.reduce(0) { $0 + $1.amount }
    // A stable order: among equal remainders the first contributor is first.
    let order = shares.indices.sorted {
      remainders[$0] == remainders[$1] ? $0 < $1 : remainders[$1] < remainders[$0]
    }
    for index in order where !left.isZero {
      shares[index].amount = shares[index].amount + unit
      left = left - unit
    }
    return shares
  }
}
