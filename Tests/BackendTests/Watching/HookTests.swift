import Roost
import RoostMemory
import RoostTesting
import Synchronization
import Testing

// Stand-ins with the shape of swift-metrics, swift-log and swift-distributed-tracing.

/// As `Metrics.Timer`.
private final class StandInTimer: Sendable {
  static let recorded = Heard<String>()
  let label: String
  let dimensions: [(String, String)]

  init(label: String, dimensions: [(String, String)]) {
    self.label = label
    self.dimensions = dimensions
  }

  func recordNanoseconds(_ duration: Int64) {
    Self.recorded.add("\(label) \(dimensions.map(\.1).joined(separator: " ")) \(duration > 0)")
  }
}

/// As `Logging.Logger`.
private struct StandInLogger: Sendable {
  static let lines = Heard<String>()
  func warning(_ message: String) { Self.lines.add("warning \(message)") }
  func info(_ message: String) { Self.lines.add("info \(message)") }
}

/// As `withSpan` of swift-distributed-tracing.
private enum StandInTracing {
  static let spans = Heard<String>()

  static func withSpan<Result>(
    _ name: String, _ body: () async throws -> Result
  ) async throws -> Result {
    spans.add("begin \(name)")
    defer { spans.add("end \(name)") }
    return try await body()
  }
}

/// A span around each call.
private struct TracingLayer: StorageLayer {
  var place: LayerPlace { .tracing }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    do {
      return try await StandInTracing.withSpan("\(call.operation) \(call.table ?? "")") {
        try await next()
      }
    } catch {
      throw error as? StoreError ?? StoreError(.internal, "\(error)")
    }
  }
}

/// What a program attaches to a store in a few lines.
@Suite(.serialized) struct HookTests {
  @Test func metricsLogAndTracingAreAttachedInTenLines() async throws {
    var watch = WatchOptions()
    watch.onCall = { event in
      let labels = [
        ("operation", event.call.operation.rawValue), ("table", event.call.table ?? ""),
        ("code", event.failure?.rawValue ?? "ok"),
      ]
      StandInTimer(label: "roost_call", dimensions: labels)
        .recordNanoseconds(Int64(event.duration / .nanoseconds(1)))
    }
    let logger = StandInLogger()
    let store = try await Store.open(
      "memory:", backends: [.memory], migrations: [Routed.migrations], layers: [TracingLayer()],
      environment: [:], watch: watch,
      log: { $0.level == .warning ? logger.warning($0.message) : logger.info($0.message) })
    try await store.insert(RoutedItem(id: 1, text: "one"))
    _ = await failure { try await store.insert(RoutedItem(id: 1, text: "one")) }
    try await store.transaction { _ = try await $0.find(RoutedItem.self, 1) }
    await store.close()
    #expect(
      StandInTimer.recorded.all == [
        "roost_call apply route_items ok true",
        "roost_call apply route_items uniqueViolation true",
        "roost_call get route_items ok true", "roost_call transaction  ok true",
      ])
    #expect(StandInLogger.lines.all.contains("info opened memory:"))
    #expect(
      StandInTracing.spans.all.suffix(6) == [
        "begin transaction ", "begin get route_items", "end get route_items", "begin commit ",
        "end commit ", "end transaction ",
      ])
  }
}
