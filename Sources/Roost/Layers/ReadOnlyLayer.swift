/// Refuses changes and row locks. A transaction may be opened, and read in.
///
/// Promise: no call through the store changes a row. Raw SQL, which could, is `unsupported`.
public struct ReadOnlyLayer: StorageLayer {
  /// Refuses changes.
  public init() {}

  /// `readOnly`.
  public var place: LayerPlace { .readOnly }
  /// False: it could change rows.
  public var letsRawSQLPass: Bool { false }

  /// Throws for what changes rows, and hands on the rest.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let holdsCalls = call.operation == .transaction || call.operation == .commit
    guard !call.mayWrite || holdsCalls else {
      // The code that a write in a read-only transaction has.
      throw StoreError(.invalidQuery, "the store is read-only", table: call.table)
    }
    return try await next()
  }
}
