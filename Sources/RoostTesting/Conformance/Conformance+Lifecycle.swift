import Roost
import RoostCore

extension ConformanceSuite {
  static let lifecycle: [ConformanceCase] = [
    .init("store: health, explain, migrations", health),
    .init("store: records that do not fit the schema are refused", misfits),
    .init("store: generated values are Store's", generators),
    .init("store: closed", closed),
  ]

  private static func health(_ store: Store) async throws {
    try expect(await store.health(), .ready)
    let plan = try await store.select(Ranking.self).where { $0.points == 3 }.explain()
    try expect(!plan.isEmpty, "a plan says something")
    let applied = try await store.appliedMigrations()
    try expect(
      applied.map { "\($0.system) \($0.version) \($0.name)" },
      [
        "conformance 1 conformance", "conformance 2 conformance_indexes",
        "conformance 3 conformance_triggers",
      ])
    try expect(!store.backend.location.isEmpty, "a backend says where it is")
  }

  private static func misfits(_ store: Store) async throws {
    try store.check([Sample.self, Account.self, Item.self, Parent.self, Link.self, Ranking.self])
    try await expectError(.undefinedTable) { try store.check([NoTable.self]) }
    try await expectError(.invalidConfiguration) { try store.check([WrongColumn.self]) }
    try await expectError(.invalidConfiguration) { try store.check([NotOptional.self]) }
  }

  private static func generators(_ store: Store) async throws {
    let account = try await store.insert(Account("Ann"))
    guard let time = account.createdAt else { throw ConformanceFailure("no time") }
    let stored = try await store.get(Account.self, account.id ?? 0)
    try expect(stored.createdAt, time, "microseconds are kept")
    try expect(stored.token, account.token)
    let kept = try await store.update(stored)
    try expect(kept, stored, "an update of the same changes nothing")
  }

  private static func closed(_ store: Store) async throws {
    try await store.insert(Parent(1))
    await store.close()
    try await expectError(.closed, "read") { _ = try await store.select(Parent.self).count() }
    try await expectError(.closed, "get") { _ = try await store.find(Parent.self, 1) }
    try await expectError(.closed, "write") { try await store.insert(Parent(2)) }
    try await expectError(.closed, "transaction") { try await store.transaction { _ in } }
    try await expectError(.closed, "scan") { try await store.select(Parent.self).scan { _ in } }
    guard case .unavailable = await store.health() else {
      throw ConformanceFailure("a closed store says that it is ready")
    }
    await store.close()
  }
}

private struct NoTable: Record {
  static let table = "nothing"
  static let columns = Columns()
  struct Columns: Sendable {}
}

private struct WrongColumn: Record {
  var id: Int
  static let table = "parents"
  static let columns = Columns()
  struct Columns: Sendable {
    let identity = Column<Int>("identity")
  }
}

private struct NotOptional: Record {
  var id: Int
  var code: String
  static let table = "parents"
  static let columns = Columns()
  struct Columns: Sendable {
    let code = Column<String>("code")
  }
}
