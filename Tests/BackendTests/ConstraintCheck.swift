import Roost
import Testing

/// Breaks each constraint of a store's tables and looks at what the backend says.
struct ConstraintCheck {
  let store: Store
  /// Rows that break nothing, parents first.
  let rows: [(table: String, row: [String: Value])]
  /// What to change in the first row of a table to break a constraint by inserting it.
  let breaks: [(constraint: String, table: String, change: [String: Value])]

  /// - Throws: what storing the good rows throws.
  func run() async throws {
    for (table, row) in rows { try await insert(row, into: table) }
    for (constraint, table, change) in breaks {
      guard let row = first(table) else { continue }
      let outcome = await failure {
        try await insert(row.merging(change) { $1 }, into: table)
      }
      #expect(outcome == "\(code(of: constraint, on: table)) \(constraint)")
    }
    for table in store.schema.tables.values {
      guard let row = first(table.name) else { continue }
      for column in table.columns where !column.isNullable {
        let error = await #expect(throws: StoreError.self) {
          try await insert(row.merging([column.name: .null]) { $1 }, into: table.name)
        }
        #expect(error?.code == .notNullViolation && error?.column == column.name)
      }
    }
    expectAll()
  }

  /// A constraint that nobody breaks would go unnoticed when a migration adds one.
  private func expectAll() {
    for table in store.schema.tables.values {
      #expect(first(table.name) != nil, "no row of \(table.name)")
      var names = [table.primaryKey.name] + table.uniqueConstraints.map(\.name)
      names += table.checks.map(\.name) + table.foreignKeys.map(\.name)
      names += table.indexes.filter(\.isUnique).map(\.name)
      for name in names {
        #expect(breaks.contains { $0.constraint == name && $0.table == table.name }, "\(name)")
      }
    }
  }

  private func first(_ table: String) -> [String: Value]? {
    rows.first { $0.table == table }?.row
  }

  private func insert(_ row: [String: Value], into table: String) async throws {
    var row = row
    // A backend gets these from the store; the test goes past it, to insert NULL where it likes.
    for column in store.schema.tables[table]?.columns ?? []
    where column.defaultValue == .now && row[column.name] == nil {
      row[column.name] = .timestamp(.now())
    }
    let columns = row.keys.sorted()
    _ = try await store.backend.apply([
      .insert(.init(table: table, columns: columns, rows: [columns.map { row[$0] ?? .null }]))
    ])
  }

  private func code(of constraint: String, on table: String) -> StoreError.Code {
    let table = store.schema.tables[table]
    if table?.checks.contains(where: { $0.name == constraint }) == true { return .checkViolation }
    if table?.foreignKeys.contains(where: { $0.name == constraint }) == true {
      return .foreignKeyViolation
    }
    return .uniqueViolation
  }
}
