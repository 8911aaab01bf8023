import Roost
import RoostCore

extension ConformanceSuite {
  static let conditions: [ConformanceCase] = [
    .init("filter: comparisons pass NULL over", comparisons),
    .init("filter: and, or, not with unknown", threeValues),
    .init("filter: in, empty in, in with NULL", memberships),
    .init("filter: like, ilike, escapes, one scalar", patterns),
    .init("filter: on every column type", everyType),
  ]

  private static func ids(_ store: Store, _ filter: Filter) async throws -> [Int] {
    try await store.select(Ranking.self).where(filter).values { $0.id }
  }

  private static func addRankings(_ store: Store) async throws {
    try await store.insert([
      Ranking(1, points: 1, team: "a"), Ranking(2, points: 2), Ranking(3, team: "b"),
      Ranking(4, points: -1, team: "ab"), Ranking(5),
    ])
  }

  private static func comparisons(_ store: Store) async throws {
    try await addRankings(store)
    let columns = Ranking.columns
    try expect(try await ids(store, columns.points < 2), [1, 4])
    try expect(try await ids(store, columns.points <= 2), [1, 2, 4])
    try expect(try await ids(store, columns.points > 1), [2])
    try expect(try await ids(store, columns.points >= 1), [1, 2])
    try expect(try await ids(store, columns.points == 1), [1])
    try expect(try await ids(store, columns.points == nil), [3, 5])
    try expect(try await ids(store, columns.points != 1), [2, 3, 4, 5])
    try expect(try await ids(store, columns.points != nil), [1, 2, 4])
    try expect(try await ids(store, columns.points.isNull), [3, 5])
    try expect(try await ids(store, columns.points.isNotNull), [1, 2, 4])
    try expect(try await ids(store, columns.team > "a"), [3, 4])
    let unknown = Expression.comparison(.equal, .column("points"), .literal(.null))
    try expect(try await ids(store, Filter(unknown)), [])
    try expect(try await ids(store, Filter(.not(unknown))), [])
  }

  private static func threeValues(_ store: Store) async throws {
    try await addRankings(store)
    let columns = Ranking.columns
    let one = columns.points > 0
    try expect(try await ids(store, !one), [4])
    try expect(try await ids(store, one || columns.team == "b"), [1, 2, 3])
    try expect(try await ids(store, one && columns.team > ""), [1])
    try expect(try await ids(store, !(one && columns.team > "")), [4])
    try expect(try await ids(store, one || !one), [1, 2, 4])
    try expect(try await ids(store, Filter(.and([]))), [1, 2, 3, 4, 5])
    try expect(try await ids(store, Filter(.or([]))), [])
    try expect(try await ids(store, Filter(.isTrue(one.expression))), [1, 2])
    try expect(try await ids(store, Filter(.not(.isTrue(one.expression)))), [3, 4, 5])
    let both = store.select(Ranking.self).where { $0.points > 0 }.where { $0.points < 2 }
    try expect(try await both.values { $0.id }, [1])
  }

  private static func memberships(_ store: Store) async throws {
    try await addRankings(store)
    let columns = Ranking.columns
    try expect(try await ids(store, columns.id.isIn([5, 1, 1, 77])), [1, 5])
    try expect(try await ids(store, columns.points.isIn([1, -1, nil])), [1, 4])
    try expect(try await ids(store, !columns.points.isIn([1, -1])), [2])
    try expect(try await ids(store, !columns.points.isIn([1, nil])), [])
    try expect(try await ids(store, columns.points.isIn([])), [])
    try expect(try await ids(store, !columns.points.isIn([])), [1, 2, 3, 4, 5])
    try expect(try await ids(store, columns.team.isIn((0..<3_000).map { "\($0)" } + ["a"])), [1])
    let ordered = try await store.select(Ranking.self).where { $0.points.isIn([1, 2]) }
      .order { $0.points.descending }.values { $0.id }
    try expect(ordered, [2, 1])
  }

  private static func patterns(_ store: Store) async throws {
    let teams = ["abc", "ABC", "a%c", "a_c", "a\\c", "é", "e\u{301}", "É", "", "İx"]
    try await store.insert(
      teams.enumerated().map { Ranking($0.offset + 1, team: $0.element) } + [Ranking(11)])
    let team = Ranking.columns.team
    try expect(try await ids(store, team.like("a%")), [1, 3, 4, 5])
    try expect(try await ids(store, team.like("A%", ignoringCase: true)), [1, 2, 3, 4, 5])
    try expect(try await ids(store, team.like("a\\%c")), [3])
    try expect(try await ids(store, team.like("a\\_c")), [4])
    try expect(try await ids(store, team.like("a\\\\c")), [5])
    try expect(try await ids(store, team.like("_")), [6, 8], "_ is one scalar")
    try expect(try await ids(store, team.like("__")), [7, 10])
    try expect(try await ids(store, team.like("")), [9])
    try expect(try await ids(store, team.like("%")), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    try expect(try await ids(store, team.like("é", ignoringCase: true)), [6], "ASCII only")
    try expect(try await ids(store, team.contains("%")), [3])
    try expect(try await ids(store, team.contains("_")), [4])
    try expect(try await ids(store, team.contains("\\")), [5])
    try expect(try await ids(store, team.hasPrefix("A", ignoringCase: true)), [1, 2, 3, 4, 5])
    try expect(try await ids(store, team.lowercased.hasPrefix("ab")), [1, 2])
    try expect(try await ids(store, !team.like("a%")), [2, 6, 7, 8, 9, 10])
  }

  private static func everyType(_ store: Store) async throws {
    let low = try lowSample(1)
    let high = try highSample(2)
    try await store.insert([low, high, Sample(id: 3)])
    let table = try store.schema.table("samples")
    let rows = try await store.backend.query(Query(table: "samples"))
    for (position, column) in table.columns.enumerated() where column.name != "id" {
      let filter = Expression.comparison(
        .equal, .column(column.name), .literal(rows[0][position]))
      let found = try await store.select(Sample.self).where(Filter(filter)).values { $0.id }
      try expect(found, [1], "equality of \(column.name)")
      let isNull = Filter(.isNull(.column(column.name)))
      let missing = try await store.select(Sample.self).where(isNull).values { $0.id }
      try expect(missing, [3], "NULL in \(column.name)")
      let term = OrderTerm(.column(column.name), isDescending: true, nullsFirst: false)
      let order = try await store.select(Sample.self).order(by: term).values { $0.id }
      try expect(order, [2, 1, 3], "order of \(column.name)")
      let greater = Expression.comparison(
        .greater, .column(column.name), .literal(rows[0][position]))
      let above = try await store.select(Sample.self).where(Filter(greater)).values { $0.id }
      try expect(above, [2], "comparison of \(column.name)")
    }
  }
}
