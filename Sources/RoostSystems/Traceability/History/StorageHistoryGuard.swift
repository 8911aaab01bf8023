import Roost

/// The counterpart of `storage_history_append_only` on embedded backends.
struct StorageHistoryGuard: TriggerFunction {
  let table = StorageRecord.table
  let name = "storage_history_append_only"

  func fire<Session: RowSession>(
    _ firing: TriggerFiring, in session: inout Session
  ) throws(StoreError) {
    throw StoreError(
      .checkViolation, "the storage history is only added to", table: table, constraint: name)
  }
}
