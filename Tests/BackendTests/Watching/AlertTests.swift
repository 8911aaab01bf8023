import RoostCore
import RoostMemory
import RoostTesting
import Synchronization
import Testing

@testable import Roost

/// Rules held against snapshots, with a clock of the test's own.
@Suite(.timeLimit(.minutes(15))) struct AlertTests {
  /// Totals that a test adds to, and a clock that goes when it is told to.
  private struct Scene {
    var evaluator: AlertEvaluator
    var series = StoreMetrics.Series(.get, "t", backend: "memory:")
    var now = ContinuousClock.now
    var figures: [Figure] = []

    init(_ rules: [AlertRule] = AlertRule.standard) {
      evaluator = AlertEvaluator(rules)
    }

    mutating func calls(_ count: Int, _ duration: Duration, _ failure: StoreError.Code? = nil) {
      let nanoseconds = UInt64(duration / .nanoseconds(1))
      for _ in 0..<count { series.note(nanoseconds: nanoseconds, failure) }
    }

    /// Lets time go by and says what is raised and cleared.
    mutating func after(_ seconds: Int) -> [String] {
      now += .seconds(seconds)
      let metrics = StoreMetrics(takenAt: .now(), series: [series], figures: figures)
      return evaluator.evaluate(metrics, at: now).map {
        "\($0.isRaised ? "raised" : "cleared") \($0.rule)"
      }
    }
  }

  @Test func latencyOfTheWindowAndNotSinceTheStart() {
    var scene = Scene()
    // A million fast calls long ago do not hide the slow ones of now.
    scene.calls(1_000_000, .milliseconds(1))
    var told = scene.after(0)
    for _ in 0..<2 {
      scene.calls(100, .milliseconds(700))
      told += scene.after(15)
    }
    #expect(told == [])
    scene.calls(100, .milliseconds(700))
    #expect(scene.after(15) == ["raised slow calls"])
    // It is not raised again, and is cleared when the window has been fast for long enough.
    scene.calls(100, .milliseconds(700))
    #expect(scene.after(15) == [])
    var cleared: [String] = []
    for _ in 0..<10 {
      scene.calls(100, .milliseconds(1))
      cleared += scene.after(15)
    }
    #expect(cleared == ["cleared slow calls"])
  }

  @Test func failuresOfTheBackendOnly() {
    var scene = Scene()
    _ = scene.after(0)
    for _ in 0..<10 {
      scene.calls(50, .milliseconds(1))
      scene.calls(50, .milliseconds(1), .uniqueViolation)
      #expect(scene.after(15) == [])
    }
    var told: [String] = []
    for _ in 0..<4 {
      scene.calls(98, .milliseconds(1))
      scene.calls(2, .milliseconds(1), .unavailable)
      told += scene.after(30)
    }
    #expect(told == ["raised failing calls"])
  }

  @Test func fewCallsAreNotJudged() {
    var scene = Scene()
    _ = scene.after(0)
    for _ in 0..<10 {
      scene.calls(1, .seconds(5), .unavailable)
      #expect(scene.after(15) == [])
    }
  }

  @Test(
    arguments: zip(
      ["pool exhausted", "disk full", "lagging copy"],
      [
        (Figure.poolWaiting, 0.0, 3.0, 0.0), (Figure.diskUsedShare, 0.8, 0.81, 0.7),
        (Figure.lagSeconds, 10, 11, 2),
      ]))
  func figuresAtTheOwnersThresholds(
    rule: String, values: (name: String, limit: Double, over: Double, under: Double)
  ) {
    var scene = Scene()
    func figure(_ value: Double) -> [Figure] {
      [Figure(values.name, 0, help: ""), Figure(values.name, value, help: "")]
    }
    scene.figures = figure(values.limit)
    #expect((0..<5).flatMap { _ in scene.after(15) } == [])
    scene.figures = figure(values.over)
    #expect((0..<5).flatMap { _ in scene.after(15) } == ["raised \(rule)"])
    // A backend that says nothing for a while clears nothing.
    scene.figures = []
    #expect((0..<5).flatMap { _ in scene.after(15) } == [])
    scene.figures = figure(values.under)
    #expect((0..<5).flatMap { _ in scene.after(15) } == ["cleared \(rule)"])
  }

  @Test func aValueThatSwingsDoesNotFlap() {
    var scene = Scene()
    var told: [String] = []
    for step in 0..<40 {
      scene.figures = [Figure(Figure.lagSeconds, step.isMultiple(of: 2) ? 30 : 1, help: "")]
      told += scene.after(15)
    }
    #expect(told == [])
    // Between the limit and nine tenths of it nothing changes.
    scene.figures = [Figure(Figure.lagSeconds, 30, help: "")]
    told += (0..<4).flatMap { _ in scene.after(15) }
    for value in [9.5, 10.5, 9.2, 9.9] {
      scene.figures = [Figure(Figure.lagSeconds, value, help: "")]
      told += (0..<4).flatMap { _ in scene.after(15) }
    }
    #expect(told == ["raised lagging copy"])
  }

  @Test func theHookHearsOfIt() async throws {
    let lag = Mutex(30.0)
    let heard = Heard<Alert>()
    var watch = WatchOptions()
    watch.alertInterval = .milliseconds(10)
    watch.rules = [AlertRule("lag", .figure(Figure.lagSeconds), above: 10, for: .zero)]
    watch.onAlert = { heard.add($0) }
    let layer = FigureLayer { [Figure(Figure.lagSeconds, lag.withLock { $0 }, help: "")] }
    let store = try await Store.open(
      "memory:", backends: [.memory], migrations: [], layers: [layer], environment: [:],
      watch: watch)
    while heard.all.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
    lag.withLock { $0 = 0 }
    while heard.all.count < 2 { try await Task.sleep(for: .milliseconds(5)) }
    #expect(heard.all.map(\.isRaised) == [true, false])
    #expect(heard.all[0].description == "raised: lag: 30, the limit is 10.0")
    await store.close()
  }
}
