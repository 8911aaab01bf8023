import Foundation
import Roost
import RoostCore
import RoostSystems
import RoostTesting
import Testing

/// Copies of whole stores are exactly equal, or nothing is copied.
@Suite(.timeLimit(.minutes(15))) struct StoreCopyTests {
  @Test(arguments: TransferFixture.pairs)
  func threeSystems(from: TestBackend, to: TestBackend) async throws {
    try await TransferFixture.withPair((from, to), TransferFixture.systems) { from, to, _ in
      try await TransferFixture.fill(from)
      let before = try await TransferFixture.dump(from)
      let report = try await StoreCopy(from: from, to: to).run()
      #expect(try await TransferFixture.dump(to) == before)
      #expect(try await TransferFixture.dump(from) == before, "the source is as it was")
      #expect(try await TransferFixture.verify(from, to).isEqual)
      #expect(report.rows == before.count)
      #expect(report.tables.map(\.name).sorted() == from.schema.tables.keys.sorted())
      #expect(report.corrected >= 2, "the totals that the trigger had changed")
      // A serial column goes on behind what was copied.
      try await TransferFixture.insert("logs", SampleRows.row("logs", 99), to)
      let difference = TransferFixture.differences(try await TransferFixture.verify(from, to))
      #expect(difference == ["logs missing 0 extra 1 different 0"])
    }
  }

  /// Rows of random operations: references to oneself, sums that triggers keep under a limit.
  @Test(arguments: TransferFixture.pairs)
  func randomRows(from: TestBackend, to: TestBackend) async throws {
    for seed in [21, 22] as [UInt64] {
      try await TransferFixture.withPair((from, to), [ConformanceSuite.migrations]) { from, to, _ in
        try await DifferentialRun(seed: seed, steps: 100).run(on: [from])
        let before = try await TransferFixture.dump(from)
        _ = try await StoreCopy(from: from, to: to).run()
        #expect(try await TransferFixture.dump(to) == before, "seed \(seed)")
        #expect(try await TransferFixture.verify(from, to).isEqual)
      }
    }
  }

  private static let rings = MigrationSet(
    system: "rings",
    files: [
      MigrationFile(
        name: "V001__rings.sql",
        text: """
          CREATE TABLE nodes (
            id integer PRIMARY KEY,
            next_id integer NOT NULL REFERENCES nodes,
            back_id integer REFERENCES nodes
          );
          CREATE TABLE lefts (id integer PRIMARY KEY, right_id integer);
          CREATE TABLE rights (id integer PRIMARY KEY, left_id integer REFERENCES lefts);
          ALTER TABLE lefts ADD CONSTRAINT lefts_right FOREIGN KEY (right_id) REFERENCES rights;
          """)
    ])

  /// Rows whose keys come before those of the rows that they refer to, rings among them.
  @Test(arguments: TransferFixture.pairs)
  func rowsThatReferToEachOther(from: TestBackend, to: TestBackend) async throws {
    try await TransferFixture.withPair((from, to), [Self.rings]) { from, to, _ in
      // A chain down from the greatest key over several batches, and a ring of three.
      var (chain, ring): ([[Value]], [[Value]]) = ([], [])
      for id in 1...4_500 as ClosedRange<Int64> {
        chain.append([.int(id), .int(min(id + 1, 4_500)), .int(id % 7 + 1)])
      }
      for (id, next) in [(5_001, 5_002), (5_002, 5_003), (5_003, 5_001)] as [(Int64, Int64)] {
        ring.append([.int(id), .int(next), .null])
      }
      let columns = ["id", "next_id", "back_id"]
      _ = try await from.backend.load(RowsToLoad("nodes", columns: columns, rows: chain))
      _ = try await from.backend.load(RowsToLoad("nodes", columns: columns, rows: ring))
      _ = try await from.backend.load(
        RowsToLoad("lefts", columns: ["id"], rows: [[.int(1)], [.int(2)]]))
      _ = try await from.backend.load(
        RowsToLoad(
          "rights", columns: ["id", "left_id"], rows: [[.int(1), .int(2)], [.int(2), .null]]))
      _ = try await from.backend.apply([
        .update(
          .init(table: "lefts", assignments: [.init("right_id", .literal(.int(1)))], filter: nil))
      ])
      _ = try await StoreCopy(from: from, to: to).run()
      #expect(try await TransferFixture.dump(to) == (try await TransferFixture.dump(from)))
    }
  }

  @Test(arguments: TestBackend.allCases)
  func targetWithRows(_ backend: TestBackend) async throws {
    try await TransferFixture.withPair((.memory, backend), TransferFixture.systems) { from, to, _ in
      try await TransferFixture.fill(from)
      try await TransferFixture.insert("users", SampleRows.row("users", 2), to)
      let refusal = await failure { try await StoreCopy(from: from, to: to).run() }
      #expect(refusal == "invalidConfiguration -")
      #expect(try await TransferFixture.dump(to).count == 1, "nothing was copied")
      // The times of the two rows differ.
      let other = await failure {
        try await StoreCopy(from: from, to: to, intoNonEmpty: true).run()
      }
      #expect(other == "uniqueViolation users_pkey")
      #expect(try await TransferFixture.dump(to).count == 1, "nothing was copied")
      _ = try await StoreCopy(from: from, to: to).repair()
      #expect(try await TransferFixture.verify(from, to).isEqual)
      try await TransferFixture.insert("users", SampleRows.row("users", 50), to)
      let filter = try from.schema.table("notifications").keyFilter([SampleRows.uuid(3)])
      _ = try await from.backend.apply([
        .delete(.init(table: "notifications", filter: filter))
      ])
      let kept = try await StoreCopy(from: from, to: to, intoNonEmpty: true).run()
      #expect(kept.tables.allSatisfy { $0.kept == $0.rows })
      let left = TransferFixture.differences(try await TransferFixture.verify(from, to))
      #expect(
        left == [
          "notifications missing 0 extra 1 different 0", "users missing 0 extra 1 different 0",
        ])
    }
  }

  @Test func sameStoreAndOtherTables() async throws {
    let name = "memory:same-\(UUID().uuidString)"
    let one = try await TestBackend.open(name, [.coherence])
    let two = try await TestBackend.open(name, [.coherence])
    #expect(
      await failure { try await StoreCopy(from: one, to: two).run() } == "invalidConfiguration -")
    let other = try await TestBackend.open("memory:", [.compilations])
    #expect(await failure { try await StoreCopy(from: one, to: other).run() } == "schemaDrift -")
    #expect(await failure { try await StoreCopy(from: other, to: one).run() } == "schemaDrift -")
    for store in [one, two, other] { await store.close() }
  }

  @Test(arguments: TestBackend.allCases)
  func stoppedCopyLeavesNothing(_ backend: TestBackend) async throws {
    try await TransferFixture.withPair((.memory, backend), TransferFixture.systems) { from, to, _ in
      try await TransferFixture.fill(from)
      for limit in [0, 100, 200, 1_500] {
        let seen = Gathered<Int>()
        let outcome = await failure {
          try await StoreCopy(from: from, to: to).run(
            shouldStop: { seen.all.reduce(0, +) >= limit },
            progress: { if $0.phase == .copying { seen.add($0.done) } })
        }
        #expect(outcome == "cancelled -" || limit == 1_500)
        if outcome != "none" { #expect(try await TransferFixture.dump(to) == []) }
      }
    }
  }
}
