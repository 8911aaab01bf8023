import Roost

extension ConformanceSuite {
  static let reading: [ConformanceCase] = [
    .init("get: by key, missing and repeated keys", getByKeys),
    .init("get: composite keys", getByCompositeKeys),
    .init("get: a key of the wrong form is refused", getByWrongKeys),
    .init("query: without an order, by primary key", queryInKeyOrder),
    .init("query: order, both directions, NULLs first and last", queryInOrder),
    .init("query: limit", queryWithLimit),
    .init("query: one column, first, exists, count", queryShapes),
    .init("query: unknown columns and tables are refused", queryOfUnknown),
    .init("scan: batches in order", scanInBatches),
    .init("scan: an error of the body ends it", scanThatThrows),
  ]

  private static func getByKeys(_ store: Store) async throws {
    try await store.insert([Parent(2, code: "b"), Parent(1, code: "a")])
    let found = try await store.find(
      Parent.self, keys: [[.int(2)], [.int(9)], [.int(1)], [.int(2)]])
    try expect(found.map { $0?.code }, ["b", nil, "a", "b"])
    try expect(try await store.find(Parent.self, keys: []).count, 0)
    try expect(try await store.find(Parent.self, 1)?.code, "a")
    try expect(try await store.find(Parent.self, 7) == nil, "a missing row is nil")
    try await expectError(.notFound) { _ = try await store.get(Parent.self, 7) }
  }

  private static func getByCompositeKeys(_ store: Store) async throws {
    try await store.insert([Item("a", 1, "one"), Item("a", 2, "two"), Item("b", 1, "three")])
    try expect(try await store.find(Item.self, "a", 2)?.title, "two")
    let keys: [[Value]] = [
      [.text("b"), .int(1)], [.text("b"), .int(2)], [.text("a"), .int(1)], [.text("b"), .int(1)],
    ]
    let found = try await store.find(Item.self, keys: keys)
    try expect(found.map { $0?.title }, ["three", nil, "one", "three"])
  }

  private static func getByWrongKeys(_ store: Store) async throws {
    try await store.insert(Item("a", 1, "one"))
    try await expectError(.invalidQuery) { _ = try await store.find(Item.self, "a") }
    try await expectError(.invalidValue) { _ = try await store.find(Item.self, "a", "x") }
    try await expectError(.valueOutOfRange) { _ = try await store.find(Parent.self, 1 << 40) }
    try await expectError(.invalidQuery) { _ = try await store.delete(Item.self, "a") }
  }

  private static func queryInKeyOrder(_ store: Store) async throws {
    try await store.insert([
      Item("b", 1, "1"), Item("a", 10, "2"), Item("a", 2, "3"), Item("B", 1, "4"),
    ])
    let titles = try await store.select(Item.self).values { $0.title }
    try expect(titles, ["4", "3", "2", "1"])
  }

  private static func queryInOrder(_ store: Store) async throws {
    try await store.insert([
      Ranking(1, points: 5), Ranking(2), Ranking(3, points: 1), Ranking(4), Ranking(5, points: 5),
    ])
    func ids(_ term: OrderTerm) async throws -> [Int] {
      try await store.select(Ranking.self).order(by: term).values { $0.id }
    }
    let points = Ranking.columns.points
    try expect(try await ids(points.ascending), [3, 1, 5, 2, 4])
    try expect(try await ids(points.descending), [2, 4, 1, 5, 3])
    try expect(try await ids(points.ascending.withNullsFirst), [2, 4, 3, 1, 5])
    try expect(try await ids(points.descending.withNullsLast), [1, 5, 3, 2, 4])
    let two = try await store.select(Ranking.self)
      .order { $0.points.ascending }.order { $0.id.descending }.values { $0.id }
    try expect(two, [3, 5, 1, 4, 2])
    let conditional = try await store.select(Ranking.self)
      .order(by: OrderTerm((points == 1).expression, isDescending: true)).values { $0.id }
    try expect(conditional, [3, 1, 2, 4, 5])
  }

  private static func queryWithLimit(_ store: Store) async throws {
    try await store.insert((1...5).map { Ranking($0) })
    let all = store.select(Ranking.self)
    try expect(try await all.limit(2).values { $0.id }, [1, 2])
    try expect(try await all.limit(0).values { $0.id }, [])
    try expect(try await all.limit(9).values { $0.id }, [1, 2, 3, 4, 5])
    try expect(try await all.order { $0.id.descending }.limit(2).values { $0.id }, [5, 4])
    try expect(try await all.limit(2).count(), 5, "a count takes no limit")
    try await expectError(.invalidQuery) { try await all.limit(1).delete() }
  }

  private static func queryShapes(_ store: Store) async throws {
    let all = store.select(Ranking.self)
    try expect(try await all.exists(), false)
    try expect(try await all.count(), 0)
    try expect(try await all.first() == nil, "there is no first")
    try await store.insert([Ranking(2, team: "x"), Ranking(1)])
    try expect(try await all.values { $0.team }, [nil, "x"])
    try expect(try await all.first()?.id, 1)
    try expect(try await all.where { $0.team == "x" }.exists(), true)
    try expect(try await all.where { $0.team == "y" }.exists(), false)
    try expect(try await all.where { $0.team == nil }.count(), 1)
  }

  private static func queryOfUnknown(_ store: Store) async throws {
    let filter = Filter(.comparison(.equal, .column("nothing"), .literal(.int(1))))
    try await expectError(.undefinedColumn) {
      _ = try await store.select(Ranking.self).where(filter).fetch()
    }
    let mixed = Filter(.comparison(.equal, .column("points"), .literal(.bool(true))))
    try await expectError(.invalidQuery) {
      _ = try await store.select(Ranking.self).where(mixed).fetch()
    }
    let number = Filter(.column("points"))
    try await expectError(.invalidQuery) {
      _ = try await store.select(Ranking.self).where(number).fetch()
    }
    try await expectError(.undefinedTable) {
      _ = try await store.backend.query(Query(table: "nothing"))
    }
  }

  private static func scanInBatches(_ store: Store) async throws {
    try await store.load((1...25).map { Ranking($0, points: $0 % 3) })
    let collected = Collector<[Int]>()
    try await store.select(Ranking.self).order { $0.points.descending }
      .scan(batchSize: 10) { collected.add($0.map(\.id)) }
    let batches = collected.all
    try expect(batches.map(\.count), [10, 10, 5])
    let expected = try await store.select(Ranking.self).order { $0.points.descending }
      .values { $0.id }
    try expect(batches.flatMap { $0 }, expected)
    let none = Collector<[Int]>()
    try await store.select(Ranking.self).where { $0.id > 99 }.scan { none.add($0.map(\.id)) }
    try expect(none.all.count, 0)
  }

  private static func scanThatThrows(_ store: Store) async throws {
    try await store.load((1...25).map { Ranking($0) })
    do {
      try await store.select(Ranking.self).scan(batchSize: 10) { _ in throw OwnError(number: 3) }
      throw ConformanceFailure("the body's error was lost")
    } catch let error as OwnError {
      try expect(error, OwnError(number: 3))
    }
    try expect(try await store.select(Ranking.self).count(), 25, "the store goes on")
  }
}
