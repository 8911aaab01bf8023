import Roost
import RoostMemory
import Testing

/// Fills a column from another one.
private struct FillSize: MigrationStep {
  var version = 2

  func run<Session: RowSession>(in session: inout Session) throws(StoreError) {
    for row in try session.query(Query(table: "t")) {
      guard case .text(let text) = row[1] else { continue }
      try session.apply(
        .update(
          .init(
            table: "t",
            assignments: [.init("size", .literal(.int(Int64(text.count))))],
            filter: .comparison(.equal, .column("id"), .literal(row[0])))))
    }
    // Another table, which the migration leaves as it is.
    try session.apply(
      .delete(
        .init(table: "u", filter: .comparison(.equal, .column("id"), .literal(.int(1))))))
    // What it leaves out takes its default, the present and random numbers included.
    try session.apply(
      .insert(
        .init(table: "t", columns: ["id", "s", "size"], rows: [[.int(9), .text("é"), .int(1)]])))
  }
}

private struct Failing: MigrationStep {
  let version = 2

  func run<Session: RowSession>(in session: inout Session) throws(StoreError) {
    try session.apply(.delete(.init(table: "t", filter: nil)))
    throw StoreError(.invalidValue, "the step gave up")
  }
}

/// What SQL cannot do on embedded backends is a step in Swift.
@Suite(.timeLimit(.minutes(15))) struct StepTests {
  private static let base = """
    CREATE TABLE t (id integer PRIMARY KEY, s text COLLATE "C" NOT NULL,
      made_at timestamptz NOT NULL DEFAULT now(), token uuid NOT NULL DEFAULT gen_random_uuid());
    INSERT INTO t (id, s) VALUES (1, 'one'), (2, 'three');
    CREATE TABLE u (id integer PRIMARY KEY);
    INSERT INTO u VALUES (1), (2);
    """
  private static let filling = """
    ALTER TABLE t ADD COLUMN size integer;
    -- roost: step
    UPDATE t SET size = length(s);
    -- roost: only postgres
    INSERT INTO t (id, s, size) VALUES (9, 'é', 1);
    -- roost: only postgres
    DELETE FROM u WHERE id = 1;
    ALTER TABLE t ALTER size SET NOT NULL;
    """

  private func set(_ steps: [any MigrationStep]) -> MigrationSet {
    MigrationFixture.set([Self.base, Self.filling], steps: steps)
  }

  /// The column is filled between two statements of the migration; a replay, which runs no step,
  /// must not check the rows against what the second one says.
  @Test(arguments: TestBackend.allCases)
  func fillsAColumn(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    try await fixture.up(MigrationFixture.set([Self.base]))
    let set = set([FillSize()])
    try await fixture.up(set)
    let rows = try await fixture.rows("t", set)
    #expect(
      rows.map { [$0[0], $0[1], $0[4]] } == [
        ["1", "one", "3"], ["2", "three", "5"], ["9", "é", "1"],
      ])
    #expect(try await fixture.rows("u", set) == [["2"]])
    try await fixture.compact(set)
    #expect(try await fixture.rows("t", set) == rows, "compacted")
    #expect(try await fixture.rows("u", set) == [["2"]], "compacted")
  }

  @Test(arguments: [TestBackend.memory, .file])
  func leavesNothingWhenItFails(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    let before = MigrationFixture.set([Self.base])
    try await fixture.up(before)
    let rows = try await fixture.rows("t", before)
    let error = await MigrationFixture.failure { try await fixture.up(set([Failing()])) }
    #expect(error?.code == .invalidValue)
    #expect(error?.message == "test/V002__step2.sql:3:1: the step gave up")
    #expect(try await fixture.rows("t", before) == rows)
  }

  @Test func mustFitTheFiles() async throws {
    func message(_ set: MigrationSet) async -> String? {
      let error = await MigrationFixture.failure {
        _ = try await Migrator.open(
          "memory:", backends: [.memory], migrations: [set], environment: [:])
      }
      #expect(error?.code == .invalidMigration)
      return error?.message
    }
    #expect(
      await message(set([])) == "test/V002__step2.sql:3:1: no step is registered for V2 of test")
    #expect(await message(set([FillSize(), FillSize()])) == "test has two steps for V2")
    #expect(
      await message(set([FillSize(), FillSize(version: 7)]))
        == "test has a step for V7, which is no migration")
    #expect(
      await message(set([FillSize(), FillSize(version: 1)]))
        == "test/V001__step1.sql has a registered step, but no statement behind \"-- roost: step\"")
    #expect(
      await message(
        MigrationFixture.set([Self.base, Self.filling + "\n" + Self.filling], steps: [FillSize()]))
        == "test/V002__step2.sql:10:1: a migration has one step")
  }
}
