import Foundation
package import RoostCore

extension MigrationSet {
  /// The tables in which Roost itself keeps what it must not lose while changes are carried from
  /// one store to another. They are no system's, so that no migrations folder has them.
  public static let changes = MigrationSet(
    system: "roost",
    files: [
      MigrationFile(
        name: "V001__create_changes.sql",
        text: """
          -- Which rows have changed here and wait to be carried to another store. What they hold
          -- now is read from their tables; a row that is not there any more is to go there, too.
          CREATE TABLE roost_changes (
            table_name text COLLATE "C" NOT NULL,
            row_key text COLLATE "C" NOT NULL,
            version uuid NOT NULL,
            changed_at timestamptz NOT NULL,
            CONSTRAINT roost_changes_pkey PRIMARY KEY (table_name, row_key),
            CONSTRAINT roost_changes_version_key UNIQUE (version)
          );
          CREATE INDEX roost_changes_changed_at_idx ON roost_changes (changed_at);

          -- How far a move between two stores is; both of them have it.
          CREATE TABLE roost_moves (
            name varchar(50) COLLATE "C" NOT NULL,
            document jsonb NOT NULL,
            CONSTRAINT roost_moves_pkey PRIMARY KEY (name)
          );
          """),
      MigrationFile(
        name: "V001__create_changes.down.sql",
        text: "DROP TABLE roost_moves;\nDROP TABLE roost_changes;\n"),
    ])
}

/// The rows that have changed in a store and wait to be carried to another.
///
/// A change is noted in the transaction that makes it, so that neither is there without the other.
/// The journal holds which rows, not what is in them: a row that changes twice is carried once, as
/// it is then, and a row that is gone is removed. So nothing old can overwrite anything newer, and
/// to carry a row again does no harm.
package struct ChangeJournal: Sendable {
  static let table = "roost_changes"
  static let moves = "roost_moves"

  /// Whether a table is Roost's own, and not carried.
  package static func isOwn(_ table: String) -> Bool { table == Self.table || table == moves }

  /// A row that waits.
  struct Entry: Sendable {
    let row: RowReference
    /// Which change it was: another one each time, so that an entry is only removed by who has
    /// seen it.
    let version: UUID
    let changedAt: Timestamp
  }

  /// How much waits.
  package struct Depth: Sendable, Equatable {
    /// How many rows.
    package var count: Int
    /// When the first of them changed; nil when there is none.
    package var oldest: Timestamp?
  }

  let links: TableLinks

  /// Notes rows, in the transaction that has changed them.
  /// - Returns: the version of each.
  @discardableResult
  func note(
    _ rows: some Collection<RowReference>, in session: any StorageTransaction, at now: Timestamp
  ) async throws(StoreError) -> [RowReference: UUID] {
    var versions: [RowReference: UUID] = [:]
    var values: [(table: String, key: String, values: [Value])] = []
    for row in rows {
      let key = row.keyText(try links.node(row.table))
      let version = UUID()
      versions[row] = version
      values.append(
        (row.table, key, [.text(row.table), .text(key), .uuid(version), .timestamp(now)]))
    }
    // In one order in all transactions, so that two of them do not wait for each other.
    values.sort { ($0.table, $0.key) < ($1.table, $1.key) }
    for part in values.parts(of: TableLinks.batch) {
      let insert = Mutation.Insert(
        table: Self.table, columns: ["table_name", "row_key", "version", "changed_at"],
        rows: part.map(\.values),
        conflict: .update(
          target: ["table_name", "row_key"], set: ["version", "changed_at"], ifChanged: nil))
      _ = try await session.apply([.insert(insert)])
    }
    return versions
  }

  /// The entries that have waited for longest.
  func next(
    _ limit: Int, in session: any StorageSession
  ) async throws(StoreError) -> [Entry] {
    let order = ["changed_at", "table_name", "row_key"].map { OrderTerm(.column($0)) }
    let rows = try await session.query(Query(table: Self.table, order: order, limit: limit))
    var entries: [Entry] = []
    for row in rows { entries.append(try entry(row)) }
    return entries
  }

  private func entry(_ row: [Value]) throws(StoreError) -> Entry {
    guard row.count == 4, case .text(let table) = row[0], case .text(let key) = row[1],
      case .uuid(let version) = row[2], case .timestamp(let changedAt) = row[3]
    else { throw StoreError(.corrupted, "the change journal cannot be read", table: Self.table) }
    let definition: TableDefinition
    do throws(StoreError) {
      definition = try links.node(table).definition
    } catch {
      throw StoreError(
        .corrupted, "the change journal names a table that there is not: \(error.message)",
        table: table)
    }
    return Entry(
      row: try RowReference(definition, keyText: key), version: version, changedAt: changedAt)
  }

  /// The versions of those of the rows that wait.
  func versions(
    of rows: some Collection<RowReference>, in session: any StorageSession
  ) async throws(StoreError) -> [RowReference: UUID] {
    var found: [RowReference: UUID] = [:]
    for part in Array(rows).parts(of: TableLinks.batch) {
      var keys: [[Value]] = []
      for row in part {
        let text = row.keyText(try links.node(row.table))
        keys.append([.text(row.table), .text(text)])
      }
      let entries = try await session.get(Self.table, keys: keys, lock: nil)
      for (row, entry) in zip(part, entries) {
        if let entry { found[row] = try self.entry(entry).version }
      }
    }
    return found
  }

  /// Takes out what has been carried. An entry that was noted anew meanwhile stays.
  func remove(_ entries: [Entry], from backend: any StorageBackend) async throws(StoreError) {
    for part in entries.parts(of: TableLinks.batch) {
      let filter = TableLinks.condition(["version"], among: part.map { [.uuid($0.version)] })
      _ = try await backend.apply([.delete(Mutation.Delete(table: Self.table, filter: filter))])
    }
  }

  /// Takes out everything.
  func removeAll(from session: any StorageSession) async throws(StoreError) {
    _ = try await session.apply([.delete(Mutation.Delete(table: Self.table, filter: nil))])
  }

  /// How much waits.
  func depth(in session: any StorageSession) async throws(StoreError) -> Depth {
    let query = AggregateQuery(table: Self.table, figures: [.count, .minimum("changed_at")])
    guard let row = try await session.aggregate(query).first, row.count == 2,
      case .int(let count) = row[0]
    else { throw StoreError(.internal, "the change journal cannot be counted") }
    guard case .timestamp(let oldest) = row[1] else { return Depth(count: Int(count)) }
    return Depth(count: Int(count), oldest: oldest)
  }
}
