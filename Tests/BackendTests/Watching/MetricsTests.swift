import Roost
import Foundation
import RoostCore
import RoostMemory
import RoostTesting
import Synchronization
import Testing

/// What a store counts, with nobody asking it to.
@Suite(.timeLimit(.minutes(15))) struct MetricsTests {
  @Test func callsAndFailuresByOperationAndTable() async throws {
    let script = ScriptedLayer([.wait(.milliseconds(20))]) { $0.operation == .get }
    try await withLayers([script]) { store async throws in
      _ = try await store.find(RoutedItem.self, 1)
      _ = try await store.find(RoutedItem.self, 2)
      try await store.insert(RoutedItem(id: 1, text: "one"))
      _ = await failure { try await store.insert(RoutedItem(id: 1, text: "one")) }
      try await store.transaction { _ = try await $0.find(RoutedLog.self, 1) }
      let series = await store.metrics.series
      let counts = series.map { "\($0.operation) \($0.table ?? "-") \($0.durations.count)" }
      #expect(
        counts == [
          "apply route_items 2", "get route_items 2", "get route_logs 1", "transaction - 1",
        ])
      #expect(series.first?.failures == [.uniqueViolation: 1])
      #expect(series.allSatisfy { $0.backend == "memory:" })
      let slow = try #require(series.first { $0.table == "route_items" && $0.operation == .get })
      #expect(slow.durations.maximum >= .milliseconds(20))
      let (p50, p99) = (try #require(slow.p50), try #require(slow.p99))
      #expect(p50 < p99 && p99 == slow.durations.maximum)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func theWholeTextIsReadByAStrictParser(_ backend: TestBackend) async throws {
    let script = ScriptedLayer([.fail(.unavailable)]) { $0.operation == .get }
    let odd = FigureLayer([
      Figure("9 bad-name", 1.5, labels: ["a-b": "say \"x\\y\"\nz"], help: "line\none \\ two"),
      Figure("9 bad-name", 2, labels: ["a-b": "say \"x\\y\"\nz"], help: "the same labels again"),
      Figure("roost_odd", .nan, help: "NaN"), Figure("roost_endless", .infinity, help: "Inf"),
      Figure("roost_call_seconds", 1, help: "a name that the store has"),
    ])
    try await withLayers([odd, script], on: backend) { store async throws in
      _ = await failure { try await store.find(RoutedItem.self, 1) }
      try await store.insert((0..<200).map { RoutedItem(id: $0, text: "t") })
      for id in 0..<50 { _ = try await store.find(RoutedItem.self, id) }
      var text = ""
      // What a busy server does not say within two seconds is left out.
      try await eventually("all is said") {
        text = await store.metrics.prometheus()
        return text.contains("roost_endless")
          && (backend != .postgres || text.contains("roost_database_bytes"))
      }
      let parser = try PrometheusParser(text)
      let gets = parser.samples("roost_call_seconds_count").first {
        $0.labels["operation"] == "get" && $0.labels["table"] == "route_items"
      }
      #expect(gets?.value == 51)
      #expect(
        parser.samples("roost_call_failures_total").contains {
          $0.labels["code"] == "unavailable" && $0.value == 1
        })
      let strange = parser.samples("_9_bad_name")
      #expect(strange.count == 1 && strange[0].labels["a_b"] == "say \"x\\y\"\nz")
      #expect(!text.contains("p@ss") && !text.contains("p%40ss"))
      let names = Set(parser.families.map(\.name))
      switch backend {
      case .memory:
        #expect(names.isSuperset(of: ["roost_table_rows", "roost_table_estimated_bytes"]))
      case .file:
        #expect(
          names.isSuperset(of: [
            "roost_table_rows", "roost_journal_bytes", "roost_disk_free_bytes",
            Figure.diskUsedShare,
          ]))
        #expect(parser.samples("roost_journal_bytes").first.map { $0.value > 1_000 } == true)
      case .postgres:
        #expect(
          names.isSuperset(of: [
            "roost_pool_connections", Figure.poolWaiting, "roost_pool_wait_seconds",
            "roost_database_bytes", "roost_server_sessions", "roost_server_session_limit",
          ]))
        #expect(parser.samples("roost_server_up").first?.value == 1)
        // The same statement again and again was parsed once on each connection.
        let hits = try #require(parser.samples("roost_statement_hits_total").first)
        #expect(hits.value >= 45)
      }
    }
  }

  @Test func theSnapshotSurvivesJSON() async throws {
    try await withLayers([]) { store async throws in
      _ = try await store.find(RoutedItem.self, 1)
      _ = await failure { try await store.insert(RoutedLog(id: 0, text: "")) }
      let metrics = await store.metrics
      let json = try JSON(encoding: metrics)
      let again = try json.decode(StoreMetrics.self)
      #expect(again.figures == metrics.figures && again.takenAt == metrics.takenAt)
      #expect(again.series.map(\.failures) == metrics.series.map(\.failures))
      #expect(again.series.map(\.durations.count) == metrics.series.map(\.durations.count))
      #expect(again.series.map(\.p50) == metrics.series.map(\.p50))
      #expect(json["series"]?[0]?["p95"] != nil)
      // What somebody else wrote is not believed.
      for buckets in [#"{"400":1}"#, #"{"1":-1}"#, #"{"1":9223372036854775807}"#, #"{"x":1}"#] {
        let text = #"{"count":1,"seconds":0,"longest":0,"buckets":\#(buckets)}"#
        #expect(throws: (any Error).self) {
          try JSON(parsing: text).decode(DurationHistogram.self)
        }
      }
    }
  }

  @Test func everyPlaceCountsForItself() async throws {
    try await Routed.withStore { store in
      _ = try await store.find(RoutedItem.self, 1)
      _ = try await store.find(RoutedLog.self, 0)
      var metrics = await store.metrics
      try await eventually("the server answers") {
        metrics = await store.metrics
        return metrics.greatest("roost_database_bytes") != nil
      }
      let places = Dictionary(
        metrics.series.map { ($0.table ?? "", $0.backend) }
      ) { first, _ in first }
      #expect(places["route_logs"] == "memory:")
      #expect(places["route_items"]?.hasPrefix("postgres://") == true)
      #expect(metrics.greatest("roost_database_bytes").map { $0 > 1_000_000 } == true)
      _ = try PrometheusParser(metrics.prometheus())
    }
  }

  @Test func growthIsToldOnceThereAreTwoSamples() async throws {
    let clock = Mutex(Timestamp("2026-11-21T12:00:00Z") ?? .minimum)
    let size = Mutex(1_000.0)
    let layer = FigureLayer {
      [Figure("roost_test_bytes", size.withLock { $0 }, help: "A size.")]
    }
    let store = try await Store.open(
      "memory:", backends: [.memory], migrations: [Routed.migrations], layers: [layer],
      environment: [:],
      generators: StoreGenerators(now: { clock.withLock { $0 } }, uuid: { .init() }))
    func growth() async -> Double? {
      await store.metrics.figures.first {
        $0.name == "roost_growth_bytes_per_hour" && $0.labels["size"] == "roost_test_bytes"
      }?.value
    }
    #expect(await growth() == nil)
    size.withLock { $0 = 1_500 }
    clock.withLock { $0 = $0.advanced(byMicroseconds: 1_800_000_000) }
    #expect(await growth() == 1_000)
    // Many looks within a minute push out none of the old ones.
    for _ in 0..<300 { _ = await store.metrics }
    clock.withLock { $0 = $0.advanced(byMicroseconds: 1_800_000_000) }
    #expect(await growth() == 500)
    // A clock that is set back, and one that is mad, do no harm.
    clock.withLock { $0 = Timestamp("2020-01-01T00:00:00Z") ?? .minimum }
    #expect(await growth() == nil)
    for time in [Timestamp.infinity, .negativeInfinity, .infinity] {
      clock.withLock { $0 = time }
      _ = await store.metrics
    }
    await store.close()
    #expect(await store.metrics.figures == [])
  }
}

/// A layer that reports figures and nothing else.
final class FigureLayer: StorageLayer {
  private let report: @Sendable () -> [Figure]

  init(_ report: @escaping @Sendable () -> [Figure]) {
    self.report = report
  }

  convenience init(_ figures: [Figure]) { self.init { figures } }

  var place: LayerPlace { .readOnly }

  func figures() async -> [Figure] { report() }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await next()
  }
}
