import Foundation
import Roost
import RoostSystems
import Testing

/// The engines that are a table each.
@Suite(.timeLimit(.minutes(15))) struct SmallStoreTests {
  private func moment(_ second: Int64) -> Timestamp {
    Timestamp(microsecondsSince2000: 800_000_000_000_000 + second * 1_000_000)
  }

  @Test(arguments: TestBackend.allCases)
  func adapters(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let adapters = AdapterStore(store)
      #expect(try await adapters.defaultAdapter() == nil)
      let disk = try await adapters.add(
        name: "disk", type: .local, settings: ["path": "/srv/items"])
      let ipfs = try await adapters.add(name: "ipfs", type: .ipfs)
      #expect(try await adapters.setDefault(disk.configID).isDefault)
      #expect(try await adapters.setDefault(ipfs.configID).isDefault)
      #expect(try await adapters.setDefault(ipfs.configID).isDefault)
      #expect(try await adapters.defaultAdapter()?.name == "ipfs")
      #expect(try await adapters.adapters().map(\.isDefault) == [false, true])
      #expect(try await adapters.adapters(.local).map(\.name) == ["disk"])
      let refused: [(String, @Sendable () async throws -> Void)] = [
        (
          "checkViolation adapters_default_is_active",
          { try await adapters.setActive(ipfs.configID, false) }
        ),
        ("uniqueViolation adapters_name_key", { try await adapters.add(name: "disk", type: .s3) }),
        ("notFound", { try await adapters.setDefault(UUID()) }),
      ]
      for (expected, call) in refused { #expect(await Traceability.outcome(call) == expected) }
      #expect(try await !adapters.setActive(disk.configID, false).isActive)
      let inactive = await Traceability.outcome { try await adapters.setDefault(disk.configID) }
      #expect(inactive == "checkViolation adapters_default_is_active")
      #expect(try await adapters.defaultAdapter()?.name == "ipfs", "the old default stays")
      let settings = try await adapters.configure(disk.configID, settings: ["path": "/x"]).settings
      #expect(settings == ["path": "/x"])

      // Everybody changes the default at once: all succeed, one stays.
      let more = try await (0..<4).asyncMap { try await adapters.add(name: "s\($0)", type: .s3) }
      let outcomes = await Traceability.outcomes(16) { number in
        try await adapters.setDefault(more[number % 4].configID)
      }
      #expect(outcomes == ["done": 16])
      #expect(try await adapters.adapters().count { $0.isDefault } == 1)
      let chosen = try #require(try await adapters.defaultAdapter())
      #expect(try await adapters.remove(chosen.configID))
      #expect(try await adapters.find(chosen.configID) == nil)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func storageHistory(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let history = StorageHistoryStore(store)
      let user = UUID()
      for (second, content, adapter) in [
        (3, "bafy2", AdapterType.ipfs), (1, "bafy1", .local), (2, "bafy1", .s3),
        (3, "bafy3", .ledger),
      ] as [(Int64, String, AdapterType)] {
        try await history.append(
          dfid: "DFID-1", contentID: content, adapter: adapter, location: "at/\(second)", by: user,
          at: moment(second))
      }
      try await history.append(
        dfid: "DFID-2", contentID: "bafy1", adapter: .s3, location: "x", by: user, at: moment(9))
      #expect(try await history.latest("DFID-1")?.contentID == "bafy3", "the later of equal times")
      #expect(try await history.latest("DFID-3") == nil)
      let pages = try await Traceability.pages {
        try await history.history(of: "DFID-1", size: 3, after: $0)
      }
      #expect(pages.map { $0.map(\.contentID) } == [["bafy1", "bafy1", "bafy2"], ["bafy3"]])
      #expect(pages.flatMap { $0 }.map(\.adapterType) == [.local, .s3, .ipfs, .ledger])
      #expect(
        try await history.records(contentID: "bafy1").map(\.dfid) == ["DFID-1", "DFID-1", "DFID-2"])
      let within = try await history.records(in: moment(2)..<moment(9)).records
      #expect(within.map(\.contentID) == ["bafy1", "bafy2", "bafy3"], "the end is not in it")
      let now = try await history.append(
        dfid: "DFID-1", contentID: "c", adapter: .local, location: "l", by: user)
      #expect(now.storedAt != nil && now.id != nil)
      #expect(try await history.latest("DFID-1") == now)

      // Nobody changes the trail, also not past the store type.
      let all = store.select(StorageRecord.self)
      let refused = "checkViolation storage_history_append_only"
      #expect(
        await failure { try await all.update { [$0.location.set(to: "elsewhere")] } } == refused)
      #expect(await failure { try await all.where { $0.dfid == "DFID-2" }.delete() } == refused)
      #expect(try await all.count() == 6)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func mappings(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let mappings = MappingStore(store)
      let (farm, dairy) = (UUID(), UUID())
      let first = try await mappings.getOrCreate("cow-1", in: farm)
      #expect(first.dfid.hasPrefix("DFID-"))
      #expect(try await mappings.getOrCreate("cow-1", in: farm, dfid: "DFID-x") == first)
      let other = try await mappings.getOrCreate("cow-1", in: dairy, dfid: first.dfid)
      #expect(other.dfid == first.dfid, "each workspace has ids of its own")
      #expect(Set(try await mappings.mappings(of: first.dfid).map(\.workspaceID)) == [farm, dairy])
      #expect(try await mappings.mappings(of: first.dfid, in: dairy) == [other])
      #expect(try await mappings.find("cow-2", in: farm) == nil)

      // The first request of many for one id decides, and all get its answer.
      let answers = Gathered<String>()
      let outcomes = await Traceability.outcomes(24) { number in
        let mapping = try await mappings.getOrCreate("cow-2", in: farm, dfid: "DFID-\(number)")
        answers.add(mapping.dfid)
      }
      #expect(outcomes == ["done": 24] && Set(answers.all).count == 1)
      let stored = try #require(try await mappings.find("cow-2", in: farm))
      #expect(answers.all.first == stored.dfid)

      let stale = await Traceability.outcome {
        try await mappings.change("cow-2", in: farm, from: "DFID-old", to: "DFID-new")
      }
      #expect(stale == "invalidTransition")
      let changed = try await mappings.change("cow-2", in: farm, from: stored.dfid, to: "DFID-new")
      #expect(changed.dfid == "DFID-new" && changed.createdAt == stored.createdAt)
      #expect(try await mappings.mappings(of: stored.dfid) == [])
      let missing = await Traceability.outcome {
        try await mappings.change("cow-9", in: farm, from: "DFID-1", to: "DFID-2")
      }
      #expect(missing == "notFound")
      let pages = try await Traceability.pages {
        try await mappings.mappings(in: farm, size: 1, after: $0)
      }
      #expect(pages.map { $0.map(\.localID) } == [["cow-1"], ["cow-2"]])
      #expect(try await mappings.remove("cow-1", in: farm))
      #expect(try await !mappings.remove("cow-1", in: farm))
    }
  }

  @Test(arguments: TestBackend.allCases)
  func receipts(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let receipts = ReceiptStore(store)
      let user = UUID()
      let data = Array("abc".utf8)
      let receipt = try await receipts.issue(for: data, from: user)
      #expect(
        receipt.dataHash == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
      #expect(receipt.dataSize == 3 && receipt.proves(data) && !receipt.proves([1]))
      #expect(try await receipts.find(receipt.receiptID) == receipt)
      #expect(try await receipts.receipts(about: "DFID-1") == [])
      let attached = try await receipts.attach(receipt.receiptID, to: "DFID-1")
      #expect(try await receipts.attach(receipt.receiptID, to: "DFID-1") == attached)
      let other = await Traceability.outcome {
        try await receipts.attach(receipt.receiptID, to: "DFID-2")
      }
      #expect(other == "invalidTransition")
      try await Task.sleep(for: .milliseconds(2))
      let second = try await receipts.issue(for: data, from: user, dfid: "DFID-1")
      #expect(try await receipts.receipts(about: "DFID-1") == [attached, second])
      #expect(try await receipts.receipts(for: data) == [attached, second])
      let pages = try await Traceability.pages {
        try await receipts.receipts(of: user, size: 1, after: $0)
      }
      #expect(pages == [[second], [attached]])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func logs(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let logs = LogStore(store)
      for (second, level) in [LogLevel.info, .error, .debug, .warning, .info].enumerated() {
        try await logs.append(
          level, "m\(second)", engine: second % 2 == 0 ? "items" : "circuits",
          context: ["n": .number(Numeric(second))], at: moment(Int64(second)))
      }
      let all = moment(0)..<moment(5)
      func found(
        _ time: Range<Timestamp>, _ level: LogLevel = .debug, _ engine: String? = nil
      ) async throws -> [String] {
        try await Traceability.pages {
          try await logs.entries(
            in: time, atLeast: level, engine: engine, size: 2, after: $0)
        }.flatMap { $0 }.map(\.message)
      }
      #expect(try await found(all) == ["m4", "m3", "m2", "m1", "m0"])
      #expect(try await found(moment(1)..<moment(3)) == ["m2", "m1"])
      #expect(try await found(all, .warning) == ["m3", "m1"])
      #expect(try await found(all, .info, "items") == ["m4", "m0"])
      let counts: [LogLevel: Int] = [.debug: 1, .info: 2, .warning: 1, .error: 1]
      #expect(try await logs.counts(in: all) == counts)
      #expect(try await logs.prune(before: moment(2)) == 2)
      #expect(try await found(all) == ["m4", "m3", "m2"])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func events(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let events = EventStore(store)
      for (second, kind) in [ItemEventKind.created, .processed, .certified].enumerated() {
        try await events.record(
          kind, of: "DFID-1", source: "farm", payload: ["step": .number(Numeric(second))],
          at: moment(Int64(second)))
      }
      try await events.record(.created, of: "DFID-2", source: "farm", at: moment(1))
      let pages = try await Traceability.pages {
        try await events.events(of: "DFID-1", size: 2, after: $0)
      }
      #expect(pages.map { $0.map(\.kind) } == [[.created, .processed], [.certified]])
      let within = try await events.events(in: moment(1)..<moment(2)).records
      #expect(within.map(\.dfid) == ["DFID-1", "DFID-2"])
      let created = try await events.events(in: moment(0)..<moment(9), kind: .created).records
      #expect(created.map(\.dfid) == ["DFID-1", "DFID-2"])
      #expect(try await events.latest(of: "DFID-1")?.kind == .certified)
      #expect(try await events.latest(of: "DFID-1", kind: .created)?.payload == ["step": 0])
      #expect(try await events.latest(of: "DFID-3") == nil)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func notifications(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let notifications = NotificationStore(store)
      let (ana, rui, eva) = (UUID(), UUID(), UUID())
      for second in 0..<3 {
        try await notifications.notify(
          [ana, rui], .operation, title: "n\(second)", at: moment(Int64(second)))
      }
      #expect(try await notifications.unreadCount(of: ana) == 3)
      let all = try await notifications.notifications(of: ana).records
      #expect(all.map(\.title) == ["n2", "n1", "n0"])
      let read = try await notifications.markRead(all[1].notificationID, by: ana)
      #expect(read.readAt != nil)
      #expect(try await notifications.markRead(all[1].notificationID, by: ana) == read)
      let stranger = await Traceability.outcome {
        try await notifications.markRead(all[0].notificationID, by: rui)
      }
      #expect(stranger == "forbidden")
      let missing = await Traceability.outcome {
        try await notifications.markRead(UUID(), by: rui)
      }
      #expect(missing == "notFound")
      #expect(try await notifications.unreadCounts(of: [ana, rui, eva]) == [ana: 2, rui: 3])
      let pages = try await Traceability.pages {
        try await notifications.notifications(of: ana, unreadOnly: true, size: 1, after: $0)
      }
      #expect(pages.map { $0.map(\.title) } == [["n2"], ["n0"]])
      #expect(try await notifications.markAllRead(by: ana) == 2)
      #expect(try await notifications.markAllRead(by: ana) == 0)
      #expect(try await notifications.unreadCounts(of: [ana, rui]) == [rui: 3])
      #expect(try await notifications.prune(readBefore: .infinity) == 3)
      #expect(try await notifications.notifications(of: ana).records == [])
      #expect(try await notifications.notifications(of: rui).records.count == 3)
    }
  }
}

extension Sequence where Element: Sendable {
  fileprivate func asyncMap<Result>(
    _ body: (Element) async throws -> Result
  ) async throws -> [Result] {
    var results: [Result] = []
    for element in self { results.append(try await body(element)) }
    return results
  }
}
