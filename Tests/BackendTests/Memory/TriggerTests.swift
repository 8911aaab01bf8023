import Roost
import Testing

private struct Node: Record, Equatable {
  var id: Int
  var visits: Int
  static let table = "nodes"
  static let columns = Columns()
  struct Columns: Sendable {
    let id = Column<Int>("id")
    let visits = Column<Int>("visits")
  }

  static func migrations(
    _ trigger: String, _ functions: [any TriggerFunction]
  ) -> MigrationSet {
    MigrationSet(
      system: "nodes",
      files: [
        MigrationFile(
          name: "V001__nodes.sql",
          text: """
            CREATE TABLE nodes (id integer PRIMARY KEY, visits integer NOT NULL);
            CREATE TRIGGER nodes_visit \(trigger) ON nodes
              FOR EACH ROW EXECUTE FUNCTION visit();
            """)
      ], triggers: functions)
  }
}

/// Visits the node with the next number, which visits the one after it.
private struct Visit: TriggerFunction {
  let table = "nodes"
  let name = "nodes_visit"

  func fire<Session: RowSession>(
    _ firing: TriggerFiring, in session: inout Session
  ) throws(StoreError) {
    guard let new = firing.new else { return }
    let next = try new[Node.columns.id] + 1
    try session.apply(
      .update(
        .init(
          table: "nodes", assignments: [Node.columns.visits.increment(by: 1)],
          filter: (Node.columns.id == next).expression)))
  }
}

/// What embedded backends refuse to do in the place of triggers.
@Suite struct TriggerTests {
  private func failure(
    _ trigger: String, _ functions: [any TriggerFunction]
  ) async -> StoreError? {
    await #expect(throws: StoreError.self) {
      try await TestBackend.open("memory:", [Node.migrations(trigger, functions)])
    }
  }

  @Test func withoutCounterpart() async {
    let error = await failure("AFTER UPDATE", [])
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("\"nodes_visit\" on \"nodes\" has no counterpart") == true)
    #expect(error?.message.hasPrefix("nodes/V001__nodes.sql:2:1: ") == true)
  }

  @Test func beforeTheRow() async {
    let error = await failure("BEFORE UPDATE", [Visit()])
    #expect(error?.code == .unsupported)
    #expect(error?.message.contains("BEFORE its row is written") == true)
  }

  @Test func twoCounterparts() async {
    #expect(await failure("AFTER UPDATE", [Visit(), Visit()])?.code == .invalidConfiguration)
  }

  /// A table that has a trigger is not written by a program that does not know it.
  @Test func writtenWithoutCounterpart() async throws {
    let url = "memory:triggers-written-without-counterpart"
    let knowing = try await TestBackend.open(url, [Node.migrations("AFTER UPDATE", [Visit()])])
    let other = try await TestBackend.open(url, [Node.migrations("AFTER UPDATE", [])])
    try await other.insert(Node(id: 1, visits: 0))
    let error = await #expect(throws: StoreError.self) {
      try await other.update(Node(id: 1, visits: 1))
    }
    #expect(error?.code == .unsupported)
    #expect(try await knowing.get(Node.self, 1).visits == 0)
    await other.close()
    await knowing.close()
  }

  /// Triggers that set off each other end, also where they never would by themselves.
  @Test func depth() async throws {
    let store = try await TestBackend.open(
      "memory:", [Node.migrations("AFTER UPDATE", [Visit()])])
    try await store.insert((1...40).map { Node(id: $0, visits: 0) })
    try await store.update(Node(id: 10, visits: 5))
    #expect(try await store.get(Node.self, 40).visits == 1)
    let error = await #expect(throws: StoreError.self) {
      try await store.update(Node(id: 1, visits: 5))
    }
    #expect(error?.message.contains("triggers have set off each other") == true)
    #expect(try await store.get(Node.self, 1).visits == 0)
    await store.close()
  }
}
