import Roost
import RoostCore
import RoostMemory

/// What a folder's tools found and did.
package struct FolderReport: Sendable, Equatable, Codable {
  /// A table and how many rows it has.
  package struct Table: Sendable, Equatable, Codable {
    package let name: String
    package let rows: Int
  }

  /// Why a program cannot open the store; nil when it can.
  package var problem: String?
  /// What is damaged, edited or missing.
  package var findings: [FileFinding] = []
  /// The rows that break a constraint.
  package var refused: [RefusedRow] = []
  /// The tables by name.
  package var tables: [Table]
  /// The number of the last commit.
  package var lastSequence: Int64
  /// How many bytes at the end are of a write that was never acknowledged.
  package var tornBytes = 0

  /// Whether nothing is wrong.
  package var isWhole: Bool { problem == nil && refused.isEmpty }

  init(_ store: RecoveredStore) {
    tables = zip(store.state.catalog.tables, store.state.tables).map {
      Table(name: $0.definition.name, rows: $1.rows.count)
    }
    lastSequence = store.lastSequence
    tornBytes = store.tornBytes
  }
}

extension DatabaseState {
  /// The rows that keep all constraints, and those that do not.
  func withoutRefused() throws(StoreError) -> (state: DatabaseState, refused: [RefusedRow]) {
    var refused: [RefusedRow] = []
    let state = try validated { table, row, reason in
      var json = JSONWriter()
      if let definition = catalog.schema.tables[table] {
        RowJSONWriter(definition).write(row, into: &json)
      }
      refused.append(RefusedRow(table: table, row: json.text, reason: reason.message))
    }
    return (state, refused)
  }
}
