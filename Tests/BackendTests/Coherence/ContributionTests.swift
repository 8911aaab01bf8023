import Foundation
import Roost
import RoostCore
import RoostSystems
import RoostTesting
import Testing

/// Contributors, assets and contributions: totals that a trigger keeps, and shares that add up.
@Suite(.timeLimit(.minutes(15))) struct ContributionTests {
  private struct Stores: Sendable {
    let contributors: ContributorStore
    let assets: AssetStore
    let contributions: ContributionStore

    init(_ store: Store) {
      contributors = ContributorStore(store)
      assets = AssetStore(store)
      contributions = ContributionStore(store)
    }
  }

  private func withStores(
    _ backend: TestBackend, _ body: @Sendable (Stores, Store) async throws -> Void
  ) async throws {
    try await withSystem(backend, [.coherence]) { store in try await body(Stores(store), store) }
  }

  private func total(_ stores: Stores, _ asset: UUID?) async throws -> String {
    let asset = try await stores.assets.find(try #require(asset))
    return asset?.totalCost.map { "\($0)" } ?? "-"
  }

  @Test(arguments: TestBackend.allCases)
  func totalsFollowEverything(_ backend: TestBackend) async throws {
    try await withStores(backend) { stores, store in
      let ada = try #require(try await stores.contributors.create(.init(name: "Ada")).id)
      let bob = try #require(try await stores.contributors.create(.init(name: "Bob")).id)
      let code = try await stores.assets.create(.init(name: "Parser", assetType: "code"))
      let text = try #require(
        try await stores.assets.create(.init(name: "Manual", assetType: "text")).id)
      let parser = try #require(code.id)
      #expect(try await total(stores, parser) == "0.00")

      let first = try await stores.contributions.record(
        .init(by: ada, to: parser, cost: Numeric(100.5), coherence: Numeric(0.9)))
      try await stores.contributions.record(
        .init(by: bob, to: parser, cost: 50, coherence: Numeric(0.5)))
      try await stores.contributions.record(.init(by: bob, to: text, cost: 7, coherence: 1))
      #expect(try await total(stores, parser) == "150.50")
      let moved = try await stores.assets.find(parser)
      #expect(try #require(moved?.updatedAt) > (try #require(code.updatedAt)))

      // What the application does not do, but someone with SQL may.
      let one = store.select(Contribution.self).where { $0.id == first.id ?? UUID() }
      try await one.update { [$0.costAmount.set(to: Numeric(10.25))] }
      #expect(try await total(stores, parser) == "60.25")
      try await one.update { [$0.assetID.set(to: text)] }
      #expect(try await total(stores, parser) == "50.00")
      #expect(try await total(stores, text) == "17.25")
      let before = try await stores.assets.find(text)?.updatedAt
      try await one.update { [$0.metadata.set(to: ["note": "no cost"])] }
      #expect(try await stores.assets.find(text)?.updatedAt == before)

      #expect(try await stores.contributors.remove(bob))
      #expect(try await total(stores, parser) == "0.00")
      #expect(try await total(stores, text) == "10.25")
      #expect(try await stores.assets.remove(text))
      #expect(try await stores.contributions.list().records == [])
    }
  }

  @Test(arguments: TestBackend.allCases)
  func concurrentContributionsLoseNoCost(_ backend: TestBackend) async throws {
    try await withStores(backend) { stores, _ in
      let ada = try #require(try await stores.contributors.create(.init(name: "Ada")).id)
      let asset = try #require(
        try await stores.assets.create(.init(name: "Parser", assetType: "code")).id)
      let contributions = stores.contributions
      try await withThrowingTaskGroup { group in
        for _ in 0..<200 {
          group.addTask {
            _ = try await contributions.record(
              .init(by: ada, to: asset, cost: Numeric(0.01), coherence: 1))
          }
        }
        try await group.waitForAll()
      }
      #expect(try await total(stores, asset) == "2.00")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func badInput(_ backend: TestBackend) async throws {
    try await withStores(backend) { stores, store in
      let ada = try #require(try await stores.contributors.create(.init(name: "Ada")).id)
      let asset = try #require(
        try await stores.assets.create(.init(name: "Parser", assetType: "code")).id)
      func record(
        by: UUID, to: UUID, _ cost: Numeric = 1, _ coherence: Numeric = 1
      ) async -> String {
        await failure {
          _ = try await stores.contributions.record(
            .init(by: by, to: to, cost: cost, coherence: coherence))
        }
      }
      #expect(
        await record(by: ada, to: asset, -1)
          == "checkViolation contributions_cost_amount_not_negative")
      for score: Numeric in [Numeric(1.01), -1, Numeric(9.99)] {
        #expect(
          await record(by: ada, to: asset, 1, score)
            == "checkViolation contributions_coherence_score_range")
      }
      #expect(
        await record(by: UUID(), to: asset)
          == "foreignKeyViolation contributions_contributor_id_fkey")
      #expect(
        await record(by: ada, to: UUID()) == "foreignKeyViolation contributions_asset_id_fkey")
      #expect(await record(by: ada, to: asset, 10_000_000_000_000) == "valueOutOfRange -")
      #expect(await record(by: ada, to: asset, 1, 10) == "valueOutOfRange -")
      // Each fits, the total does not: the trigger's failure is the statement's.
      try await stores.contributions.record(
        .init(by: ada, to: asset, cost: 9_999_999_999_999, coherence: 1))
      #expect(await record(by: ada, to: asset, 1) == "valueOutOfRange -")
      #expect(try await total(stores, asset) == "9999999999999.00")
      var twice = Contributor(name: "Ada")
      twice.id = ada
      #expect(
        await failure { _ = try await stores.contributors.create(twice) }
          == "uniqueViolation contributors_pkey")
      let long = String(repeating: "x", count: 256)
      #expect(
        await failure { _ = try await stores.contributors.create(.init(name: long)) }
          == "valueTooLong -")
      #expect(
        await failure { try await stores.assets.update(.init(name: "x", assetType: "y")) }
          == "notFound -")
      for (table, column) in [
        ("contributors", "name"), ("assets", "asset_type"), ("contributions", "cost_amount"),
      ] {
        let result = await failure {
          _ = try await store.backend.apply([
            .insert(.init(table: table, columns: [column], rows: [[.null]]))
          ])
        }
        #expect(result == "notNullViolation -")
      }
    }
  }

  @Test(arguments: TestBackend.allCases)
  func changesKeepWhatTheyDoNotName(_ backend: TestBackend) async throws {
    try await withStores(backend) { stores, _ in
      var asset = try await stores.assets.create(.init(name: "Parser", assetType: "code"))
      let ada = try await stores.contributors.create(
        .init(name: "Ada", email: "ada@example.org", githubUsername: "ada"))
      let (adaID, assetID) = (try #require(ada.id), try #require(asset.id))
      #expect(ada.metadata == [:])
      try await stores.contributions.record(
        .init(by: adaID, to: assetID, cost: 3, coherence: 1))
      // The record is older than the contribution: its total must not come back.
      asset.description = "reads"
      let changed = try await stores.assets.update(asset)
      #expect(changed.totalCost.map { "\($0)" } == "3.00")
      #expect(changed.createdAt == asset.createdAt)
      #expect(changed.description == "reads")
      // A copy is a new asset without cost.
      var copy = changed
      copy.id = nil
      copy.createdAt = nil
      #expect(try await stores.assets.create(copy).totalCost?.isZero == true)
      #expect(try await stores.assets.mostCostly(1).map(\.id) == [assetID])
      #expect(try await stores.assets.list(type: "code", size: 1).next != nil)
      #expect(try await stores.assets.list(type: "text").records == [])
      var renamed = ada
      renamed.name = "Ada L."
      #expect(try await stores.contributors.update(renamed).createdAt == ada.createdAt)
      #expect(try await stores.contributors.find(githubUsername: "ada").map(\.name) == ["Ada L."])
      #expect(try await stores.contributors.find(email: "ada@example.org").count == 1)
      #expect(try await stores.contributors.list().records.count == 1)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func valuation(_ backend: TestBackend) async throws {
    try await withStores(backend) { stores, _ in
      let asset = try #require(
        try await stores.assets.create(.init(name: "Parser", assetType: "code")).id)
      let nothing = try await stores.contributions.valuation(of: asset)
      #expect(nothing.contributors == [] && nothing.value == 0)
      #expect(try nothing.shares(of: 100) == [])
      var people: [UUID] = []
      for name in ["a", "b", "c"] {
        people.append(try #require(try await stores.contributors.create(.init(name: name)).id))
      }
      for (person, cost, score) in [
        (0, "100", "0.5"), (0, "10.10", "0.25"), (0, "10.10", "0.25"), (1, "50", "1"),
        (2, "70", "0"),
      ] {
        try await stores.contributions.record(
          .init(
            by: people[person], to: asset, cost: try #require(Numeric(cost)),
            coherence: try #require(Numeric(score))))
      }
      let valuation = try await stores.contributions.valuation(of: asset)
      let parts = people.map { id in valuation.contributors.first { $0.contributorID == id } }
      #expect(parts.map { $0?.contributions } == [3, 1, 1])
      #expect(parts.map { "\($0?.cost ?? 0)" } == ["120.20", "50.00", "70.00"])
      #expect(parts.map { "\($0?.value ?? 0)" } == ["55.0500", "50.0000", "0.0000"])
      #expect(valuation.cost == Numeric("240.20"))
      let shares = try valuation.shares(of: Numeric(1000))
      let amounts = people.map { id in shares.first { $0.contributorID == id }?.amount }
      #expect(amounts.map { "\($0 ?? -1)" } == ["524.04", "475.96", "0.00"])
      let error = #expect(throws: StoreError.self) { try valuation.shares(of: -1) }
      #expect(error?.code == .invalidValue)
      #expect(throws: StoreError.self) { try valuation.shares(of: Numeric(0.001)) }
    }
  }

  /// Whatever the payout and the values, the shares add up to it, and none is off by a unit.
  @Test func sharesAddUp() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<500 {
      let scale = Int.random(in: 0...6, using: &random)
      var unit = Numeric(1)
      for _ in 0..<scale { unit = unit * Numeric(0.1) }
      let payout = Numeric(Int.random(in: 0...10_000_000_000, using: &random)) * unit
      let parts = (0..<Int.random(in: 1...40, using: &random)).map { _ in
        let value =
          Bool.random()
          ? Numeric(Int.random(in: 0...3)) : Numeric(Int.random(in: 0...1_000_000_000))
        return Valuation.Part(
          contributorID: UUID(), contributions: 1, cost: value, value: value * Numeric(0.0001))
      }
      let valuation = Valuation(contributors: parts)
      let shares = try valuation.shares(of: payout, scale: scale)
      guard !valuation.value.isZero else {
        #expect(shares == [])
        continue
      }
      #expect(shares.reduce(0) { $0 + $1.amount } == payout)
      for (part, share) in zip(parts, shares) {
        let difference = (share.amount * valuation.value - payout * part.value).magnitude
        #expect(difference < unit * valuation.value)
        #expect(share.amount.scale == scale && !share.amount.isNegative)
      }
    }
  }
}
