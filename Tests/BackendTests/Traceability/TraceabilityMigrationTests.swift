import Foundation
import Roost
import RoostSystems
import Testing

/// The migrations of traceability and what undoes them.
@Suite(.timeLimit(.minutes(2))) struct TraceabilityMigrationTests {
  private static let files = MigrationSet.traceability.files

  /// Each migration has a file that undoes it; all of them, applied as migrations behind the rest,
  /// the last first, leave neither a table nor a type.
  @Test(arguments: TestBackend.allCases)
  func areUndone(_ backend: TestBackend) async throws {
    let ups = Self.files.filter { !$0.name.hasSuffix(".down.sql") }
    let downs = Self.files.filter { $0.name.hasSuffix(".down.sql") }
    let undoing = Set(ups.map { $0.name.replacingOccurrences(of: ".sql", with: ".down.sql") })
    #expect(ups.count == 13 && Set(downs.map(\.name)) == undoing)
    let last = downs.sorted { $0.name > $1.name }.enumerated().map { place, file in
      MigrationFile(name: "V\(100 + place)__undo_\(place).sql", text: file.text)
    }
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let store = try await TestBackend.open(
      url, [MigrationSet(system: "undone", files: ups + last)])
    #expect(store.schema.tables.isEmpty && store.schema.enumerations.isEmpty)
    #expect(store.opening.migrated.count == 26)
    await store.close()
  }

  /// Whatever the tables, their texts are compared by bytes and nothing is passed over.
  @Test func nothingIsPassedOver() async throws {
    try await Traceability.withStore(.memory) { store in
      #expect(store.opening.passedOver == [])
      let texts = store.schema.tables.values.flatMap(\.columns).filter(\.type.isText)
      #expect(texts.count > 40 && texts.allSatisfy { $0.collation == "C" })
    }
  }
}
