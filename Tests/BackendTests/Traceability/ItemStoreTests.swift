import Foundation
import Roost
import RoostSystems
import Testing

/// Items, the identifiers that lead to them, and what becomes of them.
@Suite(.timeLimit(.minutes(15))) struct ItemStoreTests {
  private func withItems(
    _ backend: TestBackend, _ body: (ItemStore) async throws -> Void
  ) async throws {
    try await Traceability.withStore(backend) { try await body(ItemStore($0)) }
  }

  private static let tag = Identifier.canonical("bovine", "ear_tag", "BR0042")
  private static let lot = Identifier.contextual("generic", "lot", "2026-11")

  @Test(arguments: TestBackend.allCases)
  func createdAndFound(_ backend: TestBackend) async throws {
    try await withItems(backend) { items in
      let draft = ItemDraft(identifiers: [Self.lot, Self.tag], data: ["breed": "Nelore"])
      let item = try await items.create(draft)
      #expect(item.dfid == draft.dfid && item.status == .active && item.createdAt != nil)
      #expect(item.itemHash == Item.hash(of: [Self.tag, Self.lot], data: ["breed": "Nelore"]))
      #expect(try await items.find(item.dfid) == item)
      #expect(try await items.find(canonical: "bovine", "ear_tag", "BR0042") == item)
      #expect(try await items.find(canonical: "generic", "lot", "2026-11") == nil, "contextual")
      #expect(try await items.items(contextual: "generic", "lot", "2026-11") == [item])
      #expect(try await items.items(hash: item.itemHash) == [item])
      #expect(try await items.identifiers(of: item.dfid) == [Self.lot, Self.tag])
      #expect(try await items.find("DFID-none") == nil)
      #expect(await Traceability.outcome { _ = try await items.get("DFID-none") } == "notFound")

      // A taken canonical identifier leaves nothing of the second item.
      let second = ItemDraft(identifiers: [Self.lot, Self.tag])
      let taken = await Traceability.outcome { try await items.create(second) }
      #expect(taken == "uniqueViolation enhanced_identifiers_canonical_key")
      #expect(try await items.find(second.dfid) == nil)
      let third = try await items.create(ItemDraft(identifiers: [Self.lot]))
      #expect(try await items.items(contextual: "generic", "lot", "2026-11") == [item, third])
      #expect(
        try await items.items(contextual: "generic", "lot", "2026-11", limit: 1) == [item])
      let list = await Traceability.outcome { try await items.create(ItemDraft(data: [1])) }
      #expect(list == "invalidValue enriched_data")
      #expect(try await items.delete(item.dfid))
      #expect(try await !items.delete(item.dfid))
      #expect(try await items.find(canonical: "bovine", "ear_tag", "BR0042") == nil)
      #expect(try await items.items(contextual: "generic", "lot", "2026-11") == [third])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func enriched(_ backend: TestBackend) async throws {
    try await withItems(backend) { items in
      let item = try await items.create(ItemDraft(data: ["a": 1, "b": ["x": 1]]))
      let merged = try await items.enrich(item.dfid, with: ["b": ["y": 2], "c": 3])
      #expect(merged.enrichedData == ["a": 1, "b": ["y": 2], "c": 3], "one level deep")
      #expect(merged.itemHash == Item.hash(of: [], data: merged.enrichedData))
      #expect(merged.createdAt == item.createdAt && merged.itemHash != item.itemHash)
      let replaced = try await items.enrich(item.dfid, with: ["z": 0], .replace)
      #expect(try await items.get(item.dfid) == replaced)
      #expect(replaced.enrichedData == ["z": 0])

      let named = try await items.identify(item.dfid, by: [Self.tag, Self.lot])
      #expect(named.itemHash == Item.hash(of: [Self.lot, Self.tag], data: ["z": 0]))
      #expect(try await items.identify(item.dfid, by: [Self.tag]).itemHash == named.itemHash)
      #expect(try await items.identifiers(of: item.dfid) == [Self.tag, Self.lot])
      let otherKind = await Traceability.outcome {
        try await items.identify(item.dfid, by: [.canonical("generic", "lot", "2026-11")])
      }
      #expect(otherKind == "uniqueViolation enhanced_identifiers_dfid_namespace_key_value_key")
      let other = try await items.create(ItemDraft())
      let taken = await Traceability.outcome {
        try await items.identify(other.dfid, by: [Self.lot, Self.tag])
      }
      #expect(taken == "uniqueViolation enhanced_identifiers_canonical_key")
      #expect(try await items.identifiers(of: other.dfid) == [], "all or none")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func statuses(_ backend: TestBackend) async throws {
    try await withItems(backend) { items in
      let item = try await items.create(ItemDraft())
      #expect(try await items.setStatus(item.dfid, to: .deprecated).status == .deprecated)
      let error = await #expect(throws: StoreError.self) {
        try await items.enrich(item.dfid, with: ["a": 1])
      }
      #expect(error?.code == .invalidTransition && error?.message.contains("deprecated") == true)
      for status in ItemStatus.allCases where status != .active {
        let outcome = await Traceability.outcome {
          try await items.setStatus(item.dfid, to: status)
        }
        #expect(outcome == "invalidTransition", "deprecated to \(status)")
      }
      #expect(try await items.setStatus(item.dfid, to: .active).status == .active)

      for number in 0..<5 { try await items.create(ItemDraft(dfid: "DFID-\(number)")) }
      try await items.setStatus("DFID-3", to: .deprecated)
      let pages = try await Traceability.pages { position in
        try await items.items(status: .active, size: 2, after: position)
      }
      #expect(pages.map(\.count) == [2, 2, 1])
      let found = pages.flatMap { $0 }.map(\.dfid)
      #expect(Set(found) == Set(["DFID-0", "DFID-1", "DFID-2", "DFID-4", item.dfid]))
      let dates = pages.flatMap { $0 }.compactMap(\.createdAt)
      #expect(dates == dates.sorted(by: >), "newest first")
      #expect(try await items.items(status: .deprecated).records.map(\.dfid) == ["DFID-3"])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func mergedAndSplit(_ backend: TestBackend) async throws {
    try await withItems(backend) { items in
      let first = try await items.create(
        ItemDraft(
          dfid: "DFID-b", identifiers: [Self.tag, Self.lot, .canonical("generic", "sku", "7")],
          data: ["a": 1, "b": 1]))
      let second = try await items.create(
        ItemDraft(
          dfid: "DFID-a", identifiers: [Self.lot, .contextual("generic", "sku", "7")],
          data: ["b": 2]))
      let merged = try await items.merge(first.dfid, into: second.dfid)
      #expect(merged.enrichedData == ["a": 1, "b": 2], "the target's members win")
      let names = [Self.lot, .canonical("generic", "sku", "7"), Self.tag]
      let stored = try await items.identifiers(of: second.dfid)
      #expect(stored.count == 3 && names.allSatisfy { stored.contains($0) })
      #expect(merged.itemHash == Item.hash(of: names, data: ["a": 1, "b": 2]))
      #expect(try await items.find(canonical: "bovine", "ear_tag", "BR0042") == merged)
      #expect(try await items.find(canonical: "generic", "sku", "7") == merged)
      #expect(try await items.identifiers(of: first.dfid) == [])
      let old = try await items.get(first.dfid)
      #expect(old.status == .merged && old.mergedInto == second.dfid)
      let third = try await items.create(ItemDraft(dfid: "DFID-c"))
      try await items.merge(second.dfid, into: third.dfid)
      #expect(try await items.resolve(first.dfid).dfid == third.dfid)
      #expect(try await items.resolve(third.dfid).dfid == third.dfid)

      let again = await Traceability.outcome { try await items.merge("DFID-b", into: "DFID-c") }
      #expect(again == "invalidTransition")
      let itself = await Traceability.outcome { try await items.merge("DFID-c", into: "DFID-c") }
      #expect(itself == "invalidValue")
      let referred = await Traceability.outcome { try await items.delete("DFID-c") }
      #expect(referred == "foreignKeyViolation items_merged_into_fkey")

      let alone = await Traceability.outcome {
        try await items.split("DFID-c", into: [ItemDraft()])
      }
      #expect(alone == "invalidValue")
      let parts = try await items.split(
        "DFID-c",
        into: [
          ItemDraft(dfid: "DFID-c2", data: ["cut": "rib"]), ItemDraft(dfid: "DFID-c1"),
        ])
      #expect(parts.map(\.dfid) == ["DFID-c2", "DFID-c1"])
      #expect(parts.allSatisfy { $0.splitFrom == "DFID-c" && $0.status == .active })
      #expect(try await items.parts(of: "DFID-c").map(\.dfid) == ["DFID-c1", "DFID-c2"])
      #expect(try await items.get("DFID-c").status == .split)
      let twice = await Traceability.outcome {
        try await items.split("DFID-c", into: [ItemDraft(), ItemDraft()])
      }
      #expect(twice == "invalidTransition")
    }
  }

  /// Merges that meet: each item ends in one place, and nothing is merged twice.
  @Test(arguments: TestBackend.allCases)
  func mergedAtOnce(_ backend: TestBackend) async throws {
    try await withItems(backend) { items in
      for round in 0..<8 {
        let (a, b) = ("DFID-\(round)-a", "DFID-\(round)-b")
        try await items.create(ItemDraft(dfid: a))
        try await items.create(ItemDraft(dfid: b))
        let outcomes = await Traceability.outcomes(8) { number in
          try await items.merge(number % 2 == 0 ? a : b, into: number % 2 == 0 ? b : a)
        }
        #expect(outcomes == ["done": 1, "invalidTransition": 7])
        let items = [try await items.get(a), try await items.get(b)]
        #expect(items.map(\.status).count { $0 == .active } == 1)
        #expect(items.compactMap(\.mergedInto).count == 1)
      }
    }
  }

  @Test func idsAreNew() {
    let ids = Set((0..<1_000).map { _ in DFID.make() })
    #expect(ids.count == 1_000)
    #expect(ids.allSatisfy { $0.wholeMatch(of: /DFID-[0-9A-HJKMNP-TV-Z]{26}/) != nil })
  }
}
