import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems
import Testing

/// The migrations of traceability and what undoes them.
@Suite(.timeLimit(.minutes(15))) struct TraceabilityMigrationTests {
  /// All of them are undone, the last first, and applied again.
  @Test(arguments: TestBackend.allCases)
  func areUndone(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let migrator = try await Migrator.open(
      try await backend.freshURL(in: folder), backends: [.memory, .file, .postgres],
      migrations: [.traceability], environment: [:])
    for _ in 0..<2 {
      #expect(try await migrator.up().count == 13)
      #expect(try await migrator.verify().drifts.isEmpty)
      #expect(try await migrator.down(to: 0).count == 13)
      #expect(try await migrator.applied() == [])
    }
    await migrator.close()
  }

  /// Whatever the tables, their texts are compared by bytes; only a trigger's SQL is passed over,
  /// which has a counterpart.
  @Test func onlyAFunctionIsPassedOver() async throws {
    try await Traceability.withStore(.memory) { store in
      #expect(store.opening.passedOver.count == 1)
      #expect(store.opening.passedOver[0].contains("CREATE FUNCTION keep_storage_history()"))
      let texts = store.schema.tables.values.flatMap(\.columns).filter(\.type.isText)
      #expect(texts.count > 40 && texts.allSatisfy { $0.collation == "C" })
    }
  }
}
