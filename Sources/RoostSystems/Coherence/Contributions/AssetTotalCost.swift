import Foundation
import Roost
import RoostCore

/// The counterpart of `contributions_keep_asset_total_cost` on embedded backends.
struct AssetTotalCost: TriggerFunction {
  let table = Contribution.table
  let name = "contributions_keep_asset_total_cost"

  func fire<Session: RowSession>(
    _ firing: TriggerFiring, in session: inout Session
  ) throws(StoreError) {
    let columns = Contribution.columns
    let old = try firing.old.map { row throws(StoreError) in
      (asset: try row[columns.assetID], cost: try row[columns.costAmount])
    }
    let new = try firing.new.map { row throws(StoreError) in
      (asset: try row[columns.assetID], cost: try row[columns.costAmount])
    }
    if let old, let new, old == new { return }
    if let old { try add(-old.cost, to: old.asset, &session) }
    if let new { try add(new.cost, to: new.asset, &session) }
  }

  private func add<Session: RowSession>(
    _ cost: Numeric, to asset: UUID, _ session: inout Session
  ) throws(StoreError) {
    let columns = Asset.columns
    try session.apply(
      .update(
        .init(
          table: Asset.table,
          assignments: [
            columns.totalCost.increment(by: cost), columns.updatedAt.set(to: session.now),
          ],
          filter: (columns.id == asset).expression)))
  }
}
