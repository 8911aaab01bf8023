import Roost
import RoostCore

extension ConformanceSuite {
  static let constraints: [ConformanceCase] = [
    .init("not null: insert, update, default", notNull),
    .init("primary key: single and composite", primaryKey),
    .init("unique: constraint, NULLs, expression and partial index", unique),
    .init("check: false is refused, unknown passes", check),
    .init("enum: an unknown label is refused", enumeration),
    .init("order of errors: not null, check, unique, foreign key", orderOfErrors),
  ]

  private static func notNull(_ store: Store) async throws {
    try await expectError(.notNullViolation, column: "title") {
      try await store.insert(Item("a", 1, nil))
    }
    try await expectError(.notNullViolation, column: "shelf") {
      try await store.insert(Item(nil, nil, nil))
    }
    try await store.insert(Item("a", 1, "x"))
    try await expectError(.notNullViolation, column: "title") {
      try await store.select(Item.self).update { _ in [.init("title", .literal(.null))] }
    }
    try await expectError(.notNullViolation, column: "quantity") {
      try await store.select(Item.self).update { _ in [.init("quantity", .literal(.null))] }
    }
  }

  private static func primaryKey(_ store: Store) async throws {
    try await store.insert(Parent(1))
    try await expectError(.uniqueViolation, constraint: "parents_pkey") {
      try await store.insert(Parent(1))
    }
    try await store.insert([Item("a", 1, "x"), Item("a", 2, "y"), Item("b", 1, "z")])
    try await expectError(.uniqueViolation, constraint: "items_pkey") {
      try await store.insert(Item("a", 2, "w"))
    }
    try await expectError(.uniqueViolation, constraint: "items_pkey") {
      try await store.select(Item.self).where { $0.shelf == "b" }.update { [$0.shelf.set(to: "a")] }
    }
    try await store.insert([Item("é", 1, "1"), Item("e\u{301}", 1, "2")])
    try expect(try await store.select(Item.self).count(), 5)
  }

  private static func unique(_ store: Store) async throws {
    try await store.insert([Parent(1, code: "a"), Parent(2), Parent(3)])
    try await expectError(.uniqueViolation, constraint: "parents_code_key") {
      try await store.insert(Parent(4, code: "a"))
    }
    try await expectError(.uniqueViolation, constraint: "parents_code_key") {
      try await store.update(Parent(2, code: "a"))
    }
    try await store.insert(Account("Ann"))
    try await expectError(.uniqueViolation, constraint: "accounts_lower_name") {
      try await store.insert(Account("aNN"))
    }
    try await store.insert([Account("Éva"), Account("éva")])
    try await store.insert([
      Item("a", 1, "x", mood: .happy), Item("a", 2, "x", mood: .sad), Item("a", 3, "x"),
    ])
    try await expectError(.uniqueViolation, constraint: "items_happy_title") {
      try await store.select(Item.self).where { $0.slot == 3 }.update { [$0.mood.set(to: .happy)] }
    }
    try await store.select(Item.self).where { $0.slot == 1 }.update { [$0.mood.set(to: .ok)] }
    try await store.select(Item.self).where { $0.slot == 3 }.update { [$0.mood.set(to: .happy)] }
    try expect(try await store.select(Item.self).values { $0.mood }, [.ok, .sad, .happy])
  }

  private static func check(_ store: Store) async throws {
    try await store.insert([Account("Ann"), Account("Bob", age: 18)])
    try await expectError(.checkViolation, constraint: "accounts_age_adult") {
      try await store.insert(Account("Cid", age: 17))
    }
    try await expectError(.checkViolation, constraint: "accounts_visits_check") {
      try await store.insert(Account("Cid", visits: -1))
    }
    try await expectError(.checkViolation, constraint: "accounts_age_adult") {
      try await store.insert(Account("Cid", age: 17, visits: -1))
    }
    try await expectError(.checkViolation, constraint: "accounts_visits_check") {
      try await store.select(Account.self).update { [$0.visits.increment(by: -1)] }
    }
  }

  private static func enumeration(_ store: Store) async throws {
    try await store.insert(Sample(id: 1) { $0.mood = "happy" })
    try await expectError(.invalidValue, column: "mood") {
      try await store.insert(Sample(id: 2) { $0.mood = "furious" })
    }
    try await expectError(.invalidValue) { try await store.insert(Sample(id: 2) { $0.mood = "" }) }
    try await store.insert([Sample(id: 2) { $0.mood = "sad" }, Sample(id: 3) { $0.mood = "ok" }])
    let order = try await store.select(Sample.self).order { $0.mood.ascending }.values { $0.id }
    try expect(order, [2, 3, 1], "by declaration, not by text")
    try expect(try await store.select(Sample.self).where { $0.mood > .sad }.count(), 2)
    let unknown = Filter(.comparison(.equal, .column("mood"), .literal(.text("furious"))))
    try await expectError(.invalidQuery, "an unknown label in a condition") {
      _ = try await store.select(Sample.self).where(unknown).fetch()
    }
  }

  private static func orderOfErrors(_ store: Store) async throws {
    try await store.insert([Item("a", 1, "x"), Item("a", 2, "y")])
    try await expectError(.notNullViolation, column: "title") {
      try await store.insert(Item("a", 1, nil, quantity: -1))
    }
    try await expectError(.checkViolation) {
      try await store.insert(Item("a", 1, "x", quantity: -1))
    }
    try await expectError(.uniqueViolation, constraint: "items_pkey") {
      try await store.insert(Item("a", 1, "y", owner: "o"))
    }
    try await expectError(.uniqueViolation, "row by row") {
      try await store.insert([Item("a", 1, "z"), Item("b", 1, "w", quantity: -1)])
    }
    try await store.insert(Link(1))
    try await expectError(.uniqueViolation, constraint: "links_pkey") {
      try await store.insert([Link(2, cascade: 99), Link(1)])
    }
    try await expectError(.valueTooLong, "conversion comes before all") {
      try await store.insert([Item("a", 1, nil), Item("much too long", 1, "x")])
    }
  }
}
