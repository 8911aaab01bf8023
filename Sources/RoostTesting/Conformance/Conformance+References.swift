import Roost
import RoostCore

extension ConformanceSuite {
  static let references: [ConformanceCase] = [
    .init("foreign key: insert and update", referToMissing),
    .init("foreign key: cascade, two levels", cascade),
    .init("foreign key: set null", setNull),
    .init("foreign key: restrict and no action", restrict),
    .init("foreign key: to a unique constraint", referToUnique),
    .init("foreign key: to rows of the same statement", referToItself),
    .init("foreign key: a key that is referred to keeps its value", updateReferenced),
  ]

  private static func referToMissing(_ store: Store) async throws {
    try await store.insert([Parent(1), Parent(2)])
    for (name, link) in [
      ("cascade_id", Link(1, cascade: 9)), ("null_id", Link(1, null: 9)),
      ("restrict_id", Link(1, restrict: 9)), ("action_id", Link(1, action: 9)),
      ("parent_code", Link(1, code: "x")), ("previous_id", Link(1, previous: 9)),
    ] {
      let error = try await expectError(
        .foreignKeyViolation, constraint: "links_\(name)_fkey"
      ) {
        try await store.insert(link)
      }
      try expect(error.table, "links")
    }
    try await store.insert([Link(1), Link(2, cascade: 1, null: 2, restrict: 1, action: 2)])
    try await expectError(.foreignKeyViolation, constraint: "links_null_id_fkey") {
      try await store.select(Link.self).where { $0.id == 2 }.update { [$0.nullID.set(to: 3)] }
    }
  }

  private static func cascade(_ store: Store) async throws {
    try await store.insert([Parent(1), Parent(2)])
    try await store.insert([Link(1, cascade: 1), Link(2, cascade: 2), Link(3, cascade: 1), Link(4)])
    try await store.insert([Leaf(1, link: 1), Leaf(2, link: 2), Leaf(3, link: 3), Leaf(4, link: 4)])
    try expect(try await store.select(Parent.self).where { $0.id == 1 }.delete(), 1)
    try expect(try await store.select(Link.self).values { $0.id }, [2, 4])
    try expect(try await store.select(Leaf.self).values { $0.id }, [2, 4])
  }

  private static func setNull(_ store: Store) async throws {
    try await store.insert([Parent(1), Parent(2)])
    try await store.insert([Link(1, null: 1), Link(2, cascade: 2, null: 1), Link(3, null: 2)])
    try await store.insert([Link(4, previous: 1), Link(5, previous: 4)])
    try await store.delete(Parent.self, 1)
    try expect(try await store.select(Link.self).values { $0.nullID }, [nil, nil, 2, nil, nil])
    try await store.delete(Link.self, 1)
    try expect(try await store.select(Link.self).values { $0.previousID }, [nil, nil, nil, 4])
  }

  private static func restrict(_ store: Store) async throws {
    try await store.insert([Parent(1), Parent(2), Parent(3)])
    try await store.insert([Link(1, restrict: 1), Link(2, action: 2)])
    try await expectError(.foreignKeyViolation, constraint: "links_restrict_id_fkey") {
      try await store.delete(Parent.self, 1)
    }
    let error = try await expectError(.foreignKeyViolation, constraint: "links_action_id_fkey") {
      try await store.delete(Parent.self, 2)
    }
    try expect(error.table, "links", "the table that refers")
    try expect(try await store.delete(Parent.self, 3), true)
    // NO ACTION looks when the keys declared before it have acted: what they remove is not in its
    // way, what a later key would remove is.
    try await store.insert(Link(3, cascade: 2, action: 2))
    try await store.delete(Link.self, 2)
    try expect(try await store.delete(Parent.self, 2), true)
    try expect(try await store.select(Link.self).values { $0.id }, [1])
    try await store.insert(Parent(4, code: "x"))
    try await store.insert(Link(4, action: 4, code: "x"))
    try await expectError(.foreignKeyViolation, constraint: "links_action_id_fkey") {
      try await store.delete(Parent.self, 4)
    }
  }

  private static func referToUnique(_ store: Store) async throws {
    try await store.insert([Parent(1, code: "a"), Parent(2, code: "b"), Parent(3)])
    try await store.insert([Link(1, code: "a"), Link(2, code: "b")])
    try await store.delete(Parent.self, 1)
    try expect(try await store.select(Link.self).values { $0.id }, [2])
    try await expectError(.foreignKeyViolation, constraint: "links_parent_code_fkey") {
      try await store.insert(Link(4, code: "B"))
    }
  }

  private static func referToItself(_ store: Store) async throws {
    try await store.insert([Link(1, previous: 2), Link(2, previous: 1), Link(3, previous: 3)])
    try expect(try await store.delete(Link.self, 3), true)
    try expect(try await store.select(Link.self).delete(), 2)
    try await store.insert([Link(1), Link(2, previous: 1), Link(3, previous: 2)])
    try expect(try await store.select(Link.self).where { $0.id < 3 }.delete(), 2)
    try expect(try await store.select(Link.self).values { $0.previousID }, [nil])
  }

  private static func updateReferenced(_ store: Store) async throws {
    try await store.insert([Parent(1, code: "a"), Parent(2, code: "b")])
    try await store.insert([Link(1, cascade: 1, code: "a")])
    try await expectError(.foreignKeyViolation, constraint: "links_parent_code_fkey") {
      try await store.update(Parent(1, code: "c"))
    }
    try await expectError(.foreignKeyViolation, constraint: "links_cascade_id_fkey") {
      try await store.select(Parent.self).where { $0.id == 1 }.update { [$0.id.set(to: 7)] }
    }
    try await store.update(Parent(2, code: "c"))
    try await store.select(Parent.self).where { $0.id == 2 }.update { [$0.id.set(to: 7)] }
    try expect(try await store.lines("parents"), ["[1, 'a']", "[7, 'c']"])
  }
}
