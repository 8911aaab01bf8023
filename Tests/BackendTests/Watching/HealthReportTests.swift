import Foundation
import PostgresClient
import Roost
import RoostCore
import RoostFile
import RoostPostgres
import RoostTesting
import Synchronization
import Testing

/// How a store says that it lives and is ready.
@Suite(.serialized, .timeLimit(.minutes(15))) struct HealthReportTests {
  private func states(_ report: HealthReport) -> [String: HealthCheck.State] {
    Dictionary(report.checks.map { ($0.name, $0.state) }) { first, _ in first }
  }

  @Test(arguments: TestBackend.allCases)
  func aGoodStoreIsLiveAndReady(_ backend: TestBackend) async throws {
    try await withLayers([], on: backend) { store async throws in
      var names: Set = ["store", "backend", "migrations"]
      if backend == .file { names.formUnion(["journal", "disk"]) }
      if backend == .postgres { names.formUnion(["pool", "sessions"]) }
      var report = await store.healthReport(within: .seconds(60))
      // What a busy server does not say in time is left out.
      try await eventually("all is said") {
        report = await store.healthReport(within: .seconds(60))
        return Set(report.checks.map(\.name)) == names
      }
      #expect(report.state == .ready && report.isLive && report.isReady, "\(report.checks)")
      #expect(!"\(report)".contains("p@ss"))
      let json = try JSON(encoding: report)
      #expect(json["isLive"]?.bool == true && json["state"]?.string == "ready")
      #expect(try json.decode(HealthReport.self) == report)
      await store.close()
      let closed = await store.healthReport()
      #expect(!closed.isLive && !closed.isReady && closed.state == .unavailable)
    }
  }

  @Test func aPausedServerIsToldInTime() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    defer { server.stop() }
    let store = try await TestBackend.open(server.url(), [Routed.migrations])
    let (report, metrics, took) = try await server.whilePaused {
      let start = ContinuousClock.now
      let report = await store.healthReport(within: .milliseconds(500))
      let took = ContinuousClock.now - start
      var metrics = await store.metrics
      try await eventually("it is known") {
        metrics = await store.metrics
        return metrics.greatest("roost_server_up") != nil
      }
      return (report, metrics, took)
    }
    // The process lives, and a restart would not help.
    #expect(report.isLive && !report.isReady && report.state == .unavailable)
    #expect(states(report)["backend"] == .failed)
    #expect(took < .seconds(60))
    // The pool's own figures do not need the server.
    #expect(metrics.greatest("roost_server_up") == 0)
    #expect(metrics.greatest("roost_pool_connection_limit") == 10)
    // It comes back by itself.
    try await eventually("it comes back") {
      await store.healthReport(within: .seconds(10)).state == .ready
    }
    await store.close()
  }

  @Test func anExhaustedPoolIsNotReady() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder) + "?pool_max=1"
    let store = try await TestBackend.open(url, [Routed.migrations])
    try await store.transaction { transaction in
      _ = try await transaction.find(RoutedItem.self, 1)
      let waiter = Task.detached { try? await store.find(RoutedItem.self, 2) }
      while (await store.metrics.greatest(Figure.poolWaiting) ?? 0) == 0 {}
      let report = await store.healthReport(within: .seconds(3))
      #expect(states(report)["pool"] == .failed, "\(report.checks)")
      #expect(report.isLive)
      waiter.cancel()
      _ = await waiter.value
    }
    let after = await store.healthReport(within: .seconds(60))
    #expect(after.state == .ready, "\(after.checks)")
    await store.close()
  }

  @Test func otherMigrationsAreTold() async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    var two = Routed.migrations
    two.files.append(
      MigrationFile(name: "V002__more.sql", text: "CREATE TABLE more (id int PRIMARY KEY);"))
    let plan = try MigrationPlan([two], now: .now())
    let store = try await TestBackend.open(url, [two])
    let records = try await store.appliedMigrations()
    #expect(HealthCheck.migrations(plan, records).state == .passed)
    // An older program beside a newer store works on; a newer one beside an older store does not.
    let older = try MigrationPlan([Routed.migrations], now: .now())
    #expect(HealthCheck.migrations(older, records).state == .degraded)
    let waiting = HealthCheck.migrations(plan, Array(records.prefix(1)))
    #expect(waiting.state == .failed && waiting.text.contains("V002__more.sql"))
    await store.close()
  }

  @Test func aBrokenJournalWantsARestart() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let store = try await fixture.open(files: files)
    try await store.insert(Note(id: 1, text: "one"))
    files.set { $0.operation == .fdatasync ? .fail(EIO) : .proceed }
    #expect(
      await failure { try await store.insert(Note(id: 2, text: "two")) } == "outcomeUnknown -")
    let report = await store.healthReport()
    #expect(!report.isLive && !report.isReady && states(report)["journal"] == .failed)
    #expect(await store.health() != .ready)
    files.set(nil)
    await store.close()
  }

  @Test func disksAndLayers() async throws {
    #expect(HealthCheck.disk(usedShare: 0.8).state == .passed)
    #expect(HealthCheck.disk(usedShare: 0.81).state == .degraded)
    #expect(HealthCheck.disk(usedShare: 0.995).state == .failed)
    #expect(DiskSpace(total: 100, free: 20).usedShare == 0.8)
    #expect(DiskSpace(total: 0, free: 0).usedShare == 0)
    #expect(DiskSpace(of: "/no/such/folder") == nil)
    // A layer says how it is, and the breaker's word counts.
    let check = HealthCheck("queue", .degraded, "3 changes wait")
    try await withLayers([CheckLayer(check)]) { store async throws in
      let report = await store.healthReport()
      #expect(report.state == .degraded && report.isReady && report.checks.contains(check))
    }
    let script = ScriptedLayer([.fail(.unavailable)])
    try await withLayers([BreakerLayer(failureLimit: 1), script]) { store async throws in
      _ = await failure { try await store.find(RoutedItem.self, 1) }
      let report = await store.healthReport()
      #expect(states(report)["backend"] == .degraded && report.isReady)
    }
  }
}

/// A layer that says how it is.
private struct CheckLayer: StorageLayer {
  let check: HealthCheck

  init(_ check: HealthCheck) {
    self.check = check
  }

  var place: LayerPlace { .readOnly }

  func healthChecks() async -> [HealthCheck] { [check] }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await next()
  }
}
