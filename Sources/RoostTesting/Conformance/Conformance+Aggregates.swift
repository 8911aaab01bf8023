import Roost
import RoostCore

extension ConformanceSuite {
  static let aggregates: [ConformanceCase] = [
    .init("aggregate: no rows", aggregateOfNothing),
    .init("aggregate: NULLs are passed over", aggregateWithNulls),
    .init("aggregate: groups in order, NULL last", aggregateByGroups),
    .init("aggregate: sums have Postgres's widths", sumWidths),
    .init("aggregate: minimum and maximum by type", extremes),
    .init("aggregate: what has no meaning is refused", aggregateRefused),
  ]

  private static func text(_ rows: [[Value]]) -> [String] { rows.map { ValueText.exact($0) } }

  private static func aggregateOfNothing(_ store: Store) async throws {
    let all = store.select(Ranking.self)
    let figures: [AggregateQuery.Figure] = [
      .count, .sum("points"), .minimum("team"), .maximum("id"),
    ]
    try expect(text(try await all.aggregate(figures)), ["[0, NULL, NULL, NULL]"])
    try expect(text(try await all.aggregate(by: { [$0.team] }, figures)), [])
  }

  private static func aggregateWithNulls(_ store: Store) async throws {
    try await store.insert([Ranking(1), Ranking(2, points: 3), Ranking(3, points: -5)])
    let all = store.select(Ranking.self)
    let figures: [AggregateQuery.Figure] = [
      .count, .sum("points"), .minimum("points"), .maximum("points"), .sum("level"),
    ]
    try expect(text(try await all.aggregate(figures)), ["[3, -2, -5, 3, 0]"])
    try expect(
      text(try await all.where { $0.points == nil }.aggregate(figures)),
      ["[1, NULL, NULL, NULL, 0]"])
    try expect(ValueText.exact(try await all.sum { $0.points }), "-2")
    try expect(ValueText.exact(try await all.minimum { $0.team }), "NULL")
    try expect(ValueText.exact(try await all.maximum { $0.id }), "3")
  }

  private static func aggregateByGroups(_ store: Store) async throws {
    try await store.insert([
      Ranking(1, points: 1, team: "b"), Ranking(2, points: 2, team: "a"), Ranking(3, points: 3),
      Ranking(4, points: 4, team: "b"), Ranking(5, team: "B"),
    ])
    let byTeam = try await store.select(Ranking.self)
      .aggregate(by: { [$0.team] }, [.count, .sum("points")])
    try expect(
      text(byTeam), ["['B', 1, NULL]", "['a', 1, 2]", "['b', 2, 5]", "[NULL, 1, 3]"])
    let byTwo = try await store.select(Ranking.self).where { $0.id < 4 }
      .aggregate(by: { [$0.level, $0.team] }, [.maximum("id")])
    try expect(text(byTwo), ["[0, 'a', 2]", "[0, 'b', 1]", "[0, NULL, 3]"])
    let plain = try await store.select(Ranking.self).aggregate(by: { [$0.level] }, [])
    try expect(text(plain), ["[0]"])
  }

  private static func sumWidths(_ store: Store) async throws {
    var samples: [Sample] = []
    for id in 1...2 {
      samples.append(
        Sample(id: id) { sample in
          sample.small = 32_767
          sample.medium = 2_147_483_647
          sample.large = .max
          sample.single = 1.5
          sample.wide = 0.25
          sample.price = Numeric("1.10")
          sample.exact = Numeric(id == 1 ? "1.500" : "2")
        })
    }
    try await store.insert(samples)
    let sums = try await store.select(Sample.self).aggregate(
      ["small", "medium", "large", "single", "wide", "price", "exact"].map { .sum($0) })
    try expect(
      text(sums), ["[65534, 4294967294, 18446744073709551614n, 3.0d, 0.5d, 2.20n, 3.500n]"])
    try await store.insert(Sample(id: 3) { $0.exact = .nan })
    try expect(ValueText.exact(try await store.select(Sample.self).sum { $0.exact }), "NaNn")
  }

  private static func extremes(_ store: Store) async throws {
    try await store.insert([try lowSample(1), try highSample(2), Sample(id: 3)])
    let rows = try await store.backend.query(Query(table: "samples"))
    let table = try store.schema.table("samples")
    let names = [
      "small", "medium", "large", "single", "wide", "price", "exact", "label", "short", "day",
      "local", "moment", "mood", "numbers",
    ]
    for name in names {
      let position = try table.requirePosition(of: name)
      let found = try await store.select(Sample.self).aggregate([.minimum(name), .maximum(name)])
      try expect(text(found), text([[rows[0][position], rows[1][position]]]), name)
    }
  }

  private static func aggregateRefused(_ store: Store) async throws {
    let all = store.select(Sample.self)
    for name in ["label", "flag", "day", "document", "token", "data", "mood"] {
      try await expectError(.invalidQuery, "sum of \(name)") {
        _ = try await all.aggregate([.sum(name)])
      }
    }
    for name in ["flag", "document", "token", "data"] {
      try await expectError(.invalidQuery, "minimum of \(name)") {
        _ = try await all.aggregate([.minimum(name)])
      }
    }
    try await expectError(.undefinedColumn) { _ = try await all.aggregate([.maximum("nothing")]) }
  }
}
