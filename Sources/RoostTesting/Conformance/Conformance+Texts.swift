import Roost
import RoostCore

extension ConformanceSuite {
  static let texts: [ConformanceCase] = [
    .init("texts: order by UTF-8 bytes", textOrder),
    .init("texts: canonical equivalents are two keys", equivalents),
    .init("texts: lengths count Unicode scalars", lengths),
    .init("texts: U+0000 is refused everywhere", nulCharacters),
    .init("texts: functions fold ASCII only", functions),
  ]

  private static func textOrder(_ store: Store) async throws {
    let words = [
      "b", "B", "a", "", " ", "é", "e\u{301}", "z", "Z", "_", "ß", "\u{FFFF}", "\u{1F426}",
    ]
    try await store.insert(
      words.enumerated().map { Ranking($0.offset + 1, team: $0.element) })
    let stored = try await store.select(Ranking.self).order { $0.team.ascending }
      .values { $0.team }.map { Array(($0 ?? "").utf8) }
    let sorted = words.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
    try expect(stored, sorted)
    let above = try await store.select(Ranking.self).where { $0.team > "Z" }.count()
    try expect(above, words.count { Array($0.utf8).lexicographicallyPrecedes([90]) == false } - 1)
    let extremes = try await store.select(Ranking.self)
      .aggregate([.minimum("team"), .maximum("team")])
    try expect(extremes.map { ValueText.exact($0) }, ["['', '\\u{0001F426}']"])
  }

  private static func equivalents(_ store: Store) async throws {
    try await store.insert([Parent(1, code: "é"), Parent(2, code: "e\u{301}")])
    try expect(try await store.select(Parent.self).where { $0.code == "é" }.values { $0.id }, [1])
    try expect(
      try await store.select(Parent.self).where { $0.code == "e\u{301}" }.values { $0.id }, [2])
    try expect(
      try await store.select(Parent.self).where { $0.code.isIn(["e\u{301}"]) }.values { $0.id }, [2]
    )
    try await expectError(.foreignKeyViolation) {
      try await store.insert(Link(1, code: "E\u{301}"))
    }
    let groups = try await store.select(Parent.self).aggregate(by: { [$0.code] }, [.count])
    try expect(groups.count, 2)
    let changed = try await store.upsert(
      [Parent(1, code: "x"), Parent(2, code: "é")], ifChanged: { [$0.code] })
    try expect(changed.map(\.id), [1, 2], "another normal form is a change")
  }

  private static func lengths(_ store: Store) async throws {
    // Five scalars each: five birds, one family of three with its joiners, five accents.
    for text in ["\u{1F426}\u{1F426}\u{1F426}\u{1F426}\u{1F426}", "👨‍👩‍👧", "e\u{301}e\u{301}e"] {
      let stored = try await store.upsert([Sample(id: 1) { $0.short = text }])
      try expect(stored.first?.short?.unicodeScalars.count, 5)
      try await expectError(.valueTooLong) {
        try await store.upsert([Sample(id: 1) { $0.short = text + "x" }])
      }
    }
    let length = Expression.function(.length, [.column("short")])
    let five = Filter(.comparison(.equal, length, .literal(.int(5))))
    try expect(try await store.select(Sample.self).where(five).count(), 1)
  }

  private static func nulCharacters(_ store: Store) async throws {
    try await expectError(.invalidValue, column: "label") {
      try await store.insert(Sample(id: 1) { $0.label = "a\0b" })
    }
    try await expectError(.invalidValue, column: "short") {
      try await store.insert(Sample(id: 1) { $0.short = "\0" })
    }
    try await expectError(.invalidValue, "in a condition") {
      _ = try await store.select(Sample.self).where { $0.label == "a\0b" }.fetch()
    }
    try await expectError(.invalidValue, "in an update") {
      try await store.select(Sample.self).update { [$0.label.set(to: "\0")] }
    }
    try await expectError(.invalidValue, "in a document") {
      try await store.insert(Sample(id: 1) { $0.document = ["a": "\0"] })
    }
    try await expectError(.invalidValue, "in a document's key") {
      try await store.insert(Sample(id: 1) { $0.document = ["\0": 1] })
    }
    try expect(try await store.lines("samples"), [])
  }

  private static func functions(_ store: Store) async throws {
    try await store.insert([Ranking(1, team: " ÀB É "), Ranking(2)])
    func value(_ function: Expression.Function, _ expected: String) async throws {
      let call = Expression.function(function, [.column("team")])
      let filter = Filter(.comparison(.equal, call, .literal(.text(expected))))
      try expect(
        try await store.select(Ranking.self).where(filter).values { $0.id }, [1], "\(function)")
    }
    try await value(.lower, " Àb É ")
    try await value(.upper, " ÀB É ")
    try await value(.btrim, "ÀB É")
    try await value(.ltrim, "ÀB É ")
    try await value(.rtrim, " ÀB É")
    try await value(.coalesce, " ÀB É ")
    let joined = Expression.concatenation(.column("team"), .literal(.text("!")))
    let filter = Filter(.comparison(.equal, joined, .literal(.text(" ÀB É !"))))
    try expect(try await store.select(Ranking.self).where(filter).values { $0.id }, [1])
  }
}
