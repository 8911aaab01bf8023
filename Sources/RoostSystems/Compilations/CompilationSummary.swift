public import Roost
public import RoostCore

/// A compilation without its documents, as lists show it.
public struct CompilationSummary: Record, Equatable {
  /// The key.
  public var id: String
  /// The account that it belongs to.
  public var accountID: String
  /// What people call it; nil when it has no name.
  public var name: String?
  /// How it ended.
  public var status: Compilation.Status
  /// When it was first stored.
  public var createdAt: Timestamp
  /// When it was last stored.
  public var updatedAt: Timestamp

  /// The table.
  public static let table = Compilation.table
  /// The columns.
  public static let columns = Compilation.columns

  /// Reads a row, of which the documents may be missing.
  public init(row: Row) throws(StoreError) {
    let columns = Self.columns
    id = try row[columns.id]
    accountID = try row[columns.accountID]
    name = try row[columns.name]
    status = try row[columns.status] ?? .success
    createdAt = try row[columns.createdAt]
    updatedAt = try row[columns.updatedAt]
  }
}

extension RecordSession {
  /// Starts a question for summaries, which does not read the documents.
  func selectSummaries() -> Selection<CompilationSummary> {
    select(CompilationSummary.self).reading {
      [$0.id, $0.accountID, $0.name, $0.status, $0.createdAt, $0.updatedAt]
    }
  }
}
