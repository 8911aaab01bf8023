import Foundation
import Roost
import RoostBench
import RoostSystems
import RoostTesting
import Testing

/// Every workload does the same on the three backends.
@Suite(.timeLimit(.minutes(15))) struct WorkloadTests {
  private static func scale(workers: Int) -> Scale {
    var scale = Scale()
    (scale.records, scale.operations, scale.workers) = (600, 300, workers)
    (scale.seconds, scale.perSecond) = (1, 200)
    scale.packages = (0..<60).map { number in
      PackageListing(
        name: "package-\(number)", description: "number \(number) of a chain",
        requires: number == 0 ? [] : ["package-\(number - 1)", "package-\(number / 2)"])
    }
    return scale
  }

  @Test(arguments: Workload.all, [1, 5]) func readsTheSameEverywhere(
    workload: Workload, workers: Int
  ) async throws {
    var sums: [Double?] = []
    var counts: [Double] = []
    for backend in TestBackend.allCases {
      let folder = try TemporaryFolder()
      let store = try await TestBackend.open(
        try await backend.freshURL(in: folder), [workload.migrations])
      let run = try await workload.run(on: store, Self.scale(workers: workers))
      await store.close()
      #expect(run.seconds > 0)
      sums.append(run.sum)
      counts.append(run.count)
    }
    let (sum, count) = (sums[0] ?? 0, counts[0])
    #expect(sum > 0 && count > 0)
    #expect(sums.allSatisfy { $0 == sum } && counts.allSatisfy { $0 == count })
  }

  @Test func aWorkloadThatIsStoppedSaysSo() async throws {
    let store = try await TestBackend.open("memory:", [.bench])
    var scale = Self.scale(workers: 2)
    scale.shouldStop = { true }
    for workload in [Workload.mix(.a, .tasks), .rate] {
      #expect(await failure { try await workload.run(on: store, scale) } == "cancelled -")
      try await store.select(BenchTask.self).delete()
    }
    await store.close()
  }

  @Test func growthSeesTheSameEverywhere() async throws {
    var sums: [Double] = []
    for backend in TestBackend.allCases {
      let folder = try TemporaryFolder()
      let store = try await TestBackend.open(try await backend.freshURL(in: folder), [.bench])
      let (sizes, sum) = try await Growth.measure(on: store, upTo: 1_000)
      #expect(sizes.map(\.rows) == [1_000])
      #expect(sizes[0].figures.allSatisfy { $0 > 0 })
      #expect(try await store.select(BenchTask.self).count() == 1_000)
      await store.close()
      sums.append(sum)
    }
    let sum = sums[0]
    #expect(sum > 0 && sums.allSatisfy { $0 == sum })
    #expect(Growth.sizes(upTo: 1_000_000) == [1_000, 10_000, 100_000, 1_000_000])
    #expect(Growth.sizes(upTo: 999) == [])
  }
}

/// A store that is measured is left as it was found.
@Suite(.timeLimit(.minutes(15))) struct BenchPlaceTests {
  private static let systems: [MigrationSet] = [.bench, .coherence]

  private func open(_ url: String, clearing: Bool = false) async throws -> BenchPlace {
    try await BenchPlace.open(
      url, backends: TestBackend.factories, systems: Self.systems, clearing: clearing)
  }

  private func applied(_ url: String) async throws -> [String] {
    let migrator = try await Migrator.open(
      url, backends: TestBackend.factories, migrations: Self.systems, environment: [:])
    let systems = try await migrator.applied().map(\.system)
    await migrator.close()
    return systems
  }

  @Test(arguments: TestBackend.allCases) func leavesNothing(backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let place = try await open(url)
    #expect(place.refusals.isEmpty)
    try await place.store.load((0..<10).map { BenchTask.loaded($0) })
    let done = try await place.leave()
    switch backend {
    case .memory: #expect(done.isEmpty)
    case .file:
      #expect(done.count == 1)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    case .postgres:
      #expect(done.count == 2)
      #expect(try await applied(url) == [])
    }
  }

  @Test(arguments: [TestBackend.file, .postgres]) func keepsWhatWasThere(
    backend: TestBackend
  ) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    var store = try await TestBackend.open(url, [.traceability, .coherence])
    let before = try await AgentTaskStore(store).create(
      AgentTask("stay", type: .impl, model: "m", command: "c", id: "one"))
    await store.close()
    let held = try await applied(url)

    let place = try await open(url)
    #expect(place.refusals.keys.sorted() == ["coherence"])
    try await place.store.load((0..<10).map { BenchTask.loaded($0) })
    let done = try await place.leave()
    #expect(done.count == 1)
    #expect(try await applied(url) == held)

    store = try await TestBackend.open(url, [.traceability, .coherence])
    #expect(try await AgentTaskStore(store).find("one") == before)
    await store.close()
  }

  @Test(arguments: [TestBackend.file, .postgres]) func refusesRowsOfAnotherRun(
    backend: TestBackend
  ) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let store = try await TestBackend.open(url, [.bench, .coherence])
    try await store.load([BenchTask.loaded(1)])
    await store.close()
    #expect(await failure { try await open(url) } == "accessDenied -")
    let again = try await TestBackend.open(url, [.bench, .coherence])
    #expect(try await again.select(BenchTask.self).count() == 1)
    await again.close()

    let place = try await open(url, clearing: true)
    #expect(try await place.leave().count == 2)
    let after = try await TestBackend.open(url, [.bench, .coherence])
    #expect(try await after.select(BenchTask.self).count() == 0)
    await after.close()
  }
}
