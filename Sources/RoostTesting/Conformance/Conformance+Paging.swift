import Roost
import RoostCore

extension ConformanceSuite {
  static let paging: [ConformanceCase] = [
    .init("page: every null order, many equal values", pagesInEveryOrder),
    .init("page: over an expression and a filter", pagesOverExpression),
    .init("page: rows that come and go", pagesWhileChanging),
    .init("page: a position of another order is refused", pagesOfAnotherOrder),
  ]

  private static func addRankings(_ store: Store) async throws {
    var rankings: [Ranking] = []
    for id in 1...60 {
      let points = id % 4 == 0 ? nil : id % 3
      let team = id % 5 == 0 ? nil : ["x", "y", "É"][id % 3]
      rankings.append(Ranking(id, points: points, team: team, level: id % 2))
    }
    try await store.load(rankings)
  }

  private static func pages(
    _ selection: Selection<Ranking>, size: Int
  ) async throws -> [Int] {
    var ids: [Int] = []
    var position: PagePosition?
    for _ in 0..<200 {
      let page = try await selection.page(size: size, after: position)
      try expect(page.records.count <= size, "a page has at most \(size) records")
      ids += page.records.map(\.id)
      guard let next = page.next else { return ids }
      position = next
    }
    throw ConformanceFailure("the pages do not end")
  }

  private static func pagesInEveryOrder(_ store: Store) async throws {
    try await addRankings(store)
    let points = Ranking.columns.points
    let team = Ranking.columns.team
    func orders(_ ascending: OrderTerm, _ descending: OrderTerm) -> [OrderTerm] {
      [ascending, ascending, descending, descending].enumerated().map { place, term in
        place % 2 == 0 ? term.withNullsFirst : term.withNullsLast
      }
    }
    for first in orders(points.ascending, points.descending) {
      for second in orders(team.ascending, team.descending) {
        let selection = store.select(Ranking.self).order(by: first).order(by: second)
        let all = try await selection.values { $0.id }
        try expect(Set(all).count, 60, "a query gives each row once")
        for size in [1, 7, 59, 60, 61] {
          if size == 1 && second != orders(team.ascending, team.descending)[0] { continue }
          try expect(try await pages(selection, size: size), all, "\(first) \(second) by \(size)")
        }
      }
    }
    let byLevel = store.select(Ranking.self).order { $0.level.descending }
    try expect(try await pages(byLevel, size: 9), try await byLevel.values { $0.id })
    let byKey = store.select(Ranking.self)
    try expect(try await pages(byKey, size: 8), Array(1...60))
  }

  private static func pagesOverExpression(_ store: Store) async throws {
    try await addRankings(store)
    let isX = OrderTerm((Ranking.columns.team == "x").expression, isDescending: true)
    let selection = store.select(Ranking.self)
      .where { $0.points >= 1 || $0.points == nil }.order(by: isX).order { $0.team.descending }
    let all = try await selection.values { $0.id }
    try expect(all.count > 20, "the filter leaves enough rows")
    try expect(try await pages(selection, size: 4), all)
    try expect(try await selection.where { $0.id > 99 }.page(size: 3).records.count, 0)
    try expect(try await selection.where { $0.id > 99 }.page(size: 3).next == nil, "no next page")
  }

  private static func pagesWhileChanging(_ store: Store) async throws {
    try await addRankings(store)
    let selection = store.select(Ranking.self).order { $0.points.ascending }
    let first = try await selection.page(size: 20)
    guard let last = first.records.last else { throw ConformanceFailure("an empty page") }
    try await store.delete(Ranking.self, last.id)
    try await store.delete(Ranking.self, first.records[0].id)
    try await store.insert(Ranking(1_000, points: -100))
    let second = try await selection.page(size: 100, after: first.next)
    try expect(second.records.count, 40, "what is behind the position stays behind it")
    try expect(Set(second.records.map(\.id)).isDisjoint(with: first.records.map(\.id)), "no repeat")
  }

  private static func pagesOfAnotherOrder(_ store: Store) async throws {
    try await addRankings(store)
    let page = try await store.select(Ranking.self).order { $0.points.ascending }.page(size: 5)
    try await expectError(.invalidQuery) {
      _ = try await store.select(Ranking.self).page(size: 5, after: page.next)
    }
  }
}
