import Roost
import RoostTesting
import Testing

/// What a store counts.
@Suite struct MetricsTests {
  @Test func callsAndFailuresByOperationAndTable() async throws {
    let metrics = MetricsLayer()
    let script = ScriptedLayer([.wait(.milliseconds(20))]) { $0.operation == .get }
    try await withLayers([metrics, script]) { store async throws in
      _ = try await store.find(RoutedItem.self, 1)
      _ = try await store.find(RoutedItem.self, 2)
      try await store.insert(RoutedItem(id: 1, text: "one"))
      _ = await failure { try await store.insert(RoutedItem(id: 1, text: "one")) }
      try await store.transaction { _ = try await $0.find(RoutedLog.self, 1) }
    }
    let series = metrics.snapshot().series
    let counts = series.map { "\($0.operation) \($0.table ?? "-") \($0.durations.count)" }
    #expect(
      counts == [
        "apply route_items 2", "get route_items 2", "get route_logs 1", "transaction - 1",
      ])
    #expect(series.first?.failures == [.uniqueViolation: 1])
    let slow = try #require(series.first { $0.table == "route_items" && $0.operation == .get })
    #expect(slow.durations.maximum >= .milliseconds(20))
  }

  @Test func prometheusText() async throws {
    let metrics = MetricsLayer()
    let script = ScriptedLayer([.fail(.unavailable)])
    try await withLayers([metrics, script]) { store async throws in
      _ = await failure { try await store.find(RoutedItem.self, 1) }
      _ = try await store.find(RoutedItem.self, 1)
    }
    let text = metrics.snapshot().prometheus()
    let lines = text.split(separator: "\n").map(String.init)
    let labels = "operation=\"get\",table=\"route_items\""
    #expect(text.hasSuffix("\n") && lines.first?.hasPrefix("# HELP ") == true)
    #expect(lines.contains("roost_call_seconds_count{\(labels)} 2"))
    #expect(lines.contains("roost_call_seconds_bucket{\(labels),le=\"+Inf\"} 2"))
    #expect(lines.contains("roost_call_failures_total{\(labels),code=\"unavailable\"} 1"))
    // A bucket counts all that is below its bound.
    let buckets = lines.filter { $0.hasPrefix("roost_call_seconds_bucket") }
      .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
    #expect(buckets == buckets.sorted() && buckets.count == 12)
  }
}
