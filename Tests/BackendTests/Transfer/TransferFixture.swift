import Foundation
import Roost
import RoostCore
import RoostSystems
import RoostTesting

/// Stores with rows in every table, and what comparing two of them finds.
enum TransferFixture {
  static let systems: [MigrationSet] = [.coherence, .compilations, .traceability]

  /// Every pair of backends.
  static let pairs = TestBackend.allCases.flatMap { from in
    TestBackend.allCases.map { (from, $0) }
  }

  /// Opens two stores of their own, and closes them.
  static func withPair(
    _ backends: (TestBackend, TestBackend), _ sets: [MigrationSet],
    _ body: (_ from: Store, _ to: Store, _ folder: TemporaryFolder) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let from = try await TestBackend.open(try await backends.0.freshURL(in: folder), sets)
    let to = try await TestBackend.open(try await backends.1.freshURL(in: folder), sets)
    do {
      try await body(from, to, folder)
    } catch {
      await from.close()
      await to.close()
      throw error
    }
    await from.close()
    await to.close()
  }

  /// Puts rows into all tables of the three systems. Assets get totals that no trigger would give.
  static func fill(_ store: Store) async throws {
    for table in SampleRows.tables {
      for number in 0..<4 { try await insert(table, SampleRows.row(table, number), store) }
    }
    try await fillCoherence(store)
    for number in 0..<5 {
      let id = "00000000-0\(number)A"
      try await store.insert(
        CompilationSample.compilation(id, name: ["shop", nil, "é", "e\u{301}", ""][number]))
      try await insert(
        "mock_data",
        [
          "account_id": .text(CompilationSample.account), "data_key": .text("\(number)"),
          "resource_slug": .text("users"), "records": .json([["id": 1.50], .null]),
        ], store)
    }
  }

  private static func fillCoherence(_ store: Store) async throws {
    let names = (0..<80).map { "package-\($0)" }
    _ = try await ProjectStore(store).index(
      names.enumerated().map { place, name in
        PackageListing(name: name, requires: [names[(place + 1) % 80], names[(place * 7) % 80]])
      }, ecosystem: "debian")
    for number in 0..<4 {
      try await insert(
        "contributors", ["id": SampleRows.uuid(number), "name": .text("Ada \(number)")], store)
      try await insert(
        "assets",
        [
          "id": SampleRows.uuid(number), "name": .text("Parser"), "asset_type": .text("code"),
          "metadata": .json(["a": 1.10, "b": [.null, "é"]]),
        ], store)
      try await insert(
        "contributions",
        [
          "id": SampleRows.uuid(number), "contributor_id": SampleRows.uuid(0),
          "asset_id": SampleRows.uuid(number % 2), "cost_amount": .numeric(12),
          "coherence_score": .numeric(1),
        ], store)
      try await insert(
        "agent_tasks",
        [
          "id": .text("t\(number)"), "direction": .text("build"), "task_type": .text("impl"),
          "model": .text("m"), "command": .text("c"),
        ], store)
    }
    _ = try await store.backend.apply([
      .update(
        .init(
          table: "assets", assignments: [.init("total_cost", .literal(.numeric(7)))],
          filter: .comparison(.equal, .column("id"), .literal(SampleRows.uuid(1)))))
    ])
  }

  static func insert(_ table: String, _ row: [String: Value], _ store: Store) async throws {
    let definition = try store.schema.table(table)
    var values = row
    // What a store gives by itself.
    for column in definition.columns where values[column.name] == nil {
      switch column.defaultValue {
      case .now: values[column.name] = .timestamp(.now())
      case .randomUUID: values[column.name] = .uuid(UUID())
      default: break
      }
    }
    let all = values.keys.sorted()
    _ = try await store.backend.apply([
      .insert(.init(table: table, columns: all, rows: [all.map { values[$0] ?? .null }]))
    ])
  }

  /// Compares without waiting, since nobody writes.
  static func verify(_ from: Store, _ to: Store) async throws -> VerificationReport {
    var options = StoreVerifier.Options()
    options.rechecks = 0
    return try await StoreVerifier(from: from, to: to, options).verify()
  }

  /// What differs: `projects missing 1 extra 0 different 2`, a table a text.
  static func differences(_ report: VerificationReport) -> [String] {
    report.tables.filter { !$0.isEqual }.map { table in
      "\(table.name) missing \(table.missing.count) extra \(table.extra.count) "
        + "different \(table.different.count)"
    }
  }

  /// The exact rows of all tables, as every backend must have them.
  static func dump(_ store: Store) async throws -> [String] {
    var lines: [String] = []
    for name in store.schema.tables.keys.sorted() {
      let table = try store.schema.table(name)
      let order = table.primaryKey.columns.map { OrderTerm(.column($0)) }
      for row in try await store.backend.query(Query(table: name, order: order)) {
        lines.append("\(name): \(ValueText.exact(row))")
      }
    }
    return lines
  }
}
