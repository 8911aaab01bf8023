import Roost
import RoostTesting
import Synchronization
import Testing

/// Records that hold a part of their table's row.
@Suite struct PartialRecordTests {
  private struct Name: Record, Equatable {
    var id: Int
    var team: String?

    static let table = "rankings"
    static let columns = Columns()

    struct Columns: Sendable {
      let id = Column<Int>("id")
      let points = Column<Int?>("points")
      let team = Column<String?>("team")
      let level = Column<Int>("level")
    }

    init(id: Int, team: String?) {
      self.id = id
      self.team = team
    }

    init(row: Row) throws(StoreError) {
      id = try row[Self.columns.id]
      team = try row[Self.columns.team]
      if try row[Self.columns.points] != nil {
        throw StoreError(.internal, "a column was read that nobody asked for")
      }
    }
  }

  @Test(arguments: TestBackend.allCases)
  func reading(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let store = try await TestBackend.open(
      try await backend.freshURL(in: folder), [ConformanceSuite.migrations])
    let rows: [[Value]] = (1...7).map { [.int($0), .int($0 % 3), .text("t\($0)"), .int(1)] }
    _ = try await store.backend.load(
      RowsToLoad("rankings", columns: ["id", "points", "team", "level"], rows: rows))
    let names = store.select(Name.self).reading { [$0.team, $0.id] }
    #expect(try await names.where { $0.id == 3 }.fetch() == [Name(id: 3, team: "t3")])

    // The order and the filter may be over columns that are not read.
    let ordered = names.where { $0.level == 1 }.order { $0.points.descending }
    let expected = [2, 5, 1, 4, 7, 3, 6].map { Name(id: $0, team: "t\($0)") }
    #expect(try await ordered.fetch() == expected)
    let scanned = Mutex<[Name]>([])
    try await ordered.scan(batchSize: 3) { batch in scanned.withLock { $0 += batch } }
    #expect(scanned.withLock { $0 } == expected)

    let teams = store.select(Name.self).reading { [$0.id] }
    #expect(try await teams.first() == Name(id: 1, team: nil))
    let ids = store.select(Name.self).reading { [$0.team] }
    let missing = await #expect(throws: StoreError.self) { _ = try await ids.first() }
    #expect(missing?.code == .invalidValue && missing?.column == "id")
    let unknown = await #expect(throws: StoreError.self) {
      _ = try await store.select(Name.self).reading { _ in [Column<Int>("other")] }.fetch()
    }
    #expect(unknown?.code == .undefinedColumn)
    await store.close()
  }

  private struct Ranked: Record, Equatable {
    var id: Int
    var points: Int?

    static let table = "rankings"
    static let columns = Name.columns

    init(row: Row) throws(StoreError) {
      id = try row[Self.columns.id]
      points = try row[Self.columns.points]
    }
  }

  @Test(arguments: TestBackend.allCases)
  func pages(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let store = try await TestBackend.open(
      try await backend.freshURL(in: folder), [ConformanceSuite.migrations])
    let rows: [[Value]] = (1...7).map { [.int($0), .int($0 % 3), .int(1)] }
    _ = try await store.backend.load(
      RowsToLoad("rankings", columns: ["id", "points", "level"], rows: rows))
    var ids: [Int] = []
    var position: PagePosition?
    repeat {
      let page = try await store.select(Ranked.self).reading { [$0.id] }
        .order { $0.points.descending }.page(size: 2, after: position)
      ids += page.records.map(\.id)
      position = page.next
    } while position != nil
    #expect(ids == [2, 5, 1, 4, 7, 3, 6])
    await store.close()
  }
}
