import Foundation
import Roost
import RoostCore
import Testing

/// The migrations that the package ships are read as they stand, and on top of each other.
@Suite struct OwnMigrationsTests {
  @Test func areRead() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("migrations")
    let systems = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(!systems.isEmpty)
    for system in systems {
      let set = try MigrationSet(folder: folder.appendingPathComponent(system).path)
      let plan = try MigrationPlan([set], now: .now())
      #expect(!plan.schema.tables.isEmpty)
      #expect(set.files.count == 2 * plan.migrations.count, "each has a script that undoes it")
      let records = plan.migrations.map(\.record)
      let scripts = try plan.undoing(system, to: 0, records)
      #expect(scripts.map(\.record) == records.reversed())
      for table in plan.schema.tables.values {
        for column in table.columns where column.type.isText {
          #expect(column.collation == "C", "\(system): \(table.name).\(column.name)")
        }
      }
    }
  }
}
