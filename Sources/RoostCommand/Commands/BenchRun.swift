import Foundation
import Roost
import RoostBench
import RoostCore

/// Stores that are measured in turns, and what came of it.
struct BenchRun {
  let plan: BenchPlan
  /// The stores; the first is what the others are measured by.
  var places: [BenchPlace] = []
  private var section = Results.Section("stores", title: "Stores side by side")

  init(plan: BenchPlan) {
    self.plan = plan
  }

  /// What the stores are called: two that differ in a parameter only get a number.
  private var names: [String] {
    places.indices.map { index in
      let earlier = places[..<index].count { $0.name == places[index].name }
      return earlier == 0 ? places[index].name : "\(places[index].name) (\(earlier + 1))"
    }
  }

  private static let workerCounts = [1, 2, 4, 8, 16, 32, 64]

  /// Measures all that is planned.
  /// - Throws: `cancelled` when it was stopped; `internal` when two stores have read something
  ///   else; what a store throws. What was measured before is kept.
  mutating func measure() async throws {
    let workloads = plan.workloads.filter { workload in
      places.allSatisfy { $0.refusals[workload.migrations.system] == nil }
    }
    let display = ProgressDisplay("measuring")
    var done = 0
    let total =
      (workloads.count * plan.rounds
        + plan.curves.reduce(0) { $0 + ($1 == .growth ? 1 : Self.workerCounts.count) })
      * places.count
    let step = {
      done += 1
      display.show(done, of: total)
    }
    for workload in workloads { try await compare(workload, step) }
    for curve in plan.curves {
      switch curve {
      case .growth: try await measureGrowth(step)
      case .workers: try await measureWorkers(step)
      }
    }
  }

  private mutating func compare(_ workload: Workload, _ step: () -> Void) async throws {
    var comparison = Comparison(
      "stores/\(workload.name)", title: workload.title, unit: workload.unit, of: names)
    var agreement = Agreement()
    for round in 0..<plan.rounds {
      for turn in places.indices {
        let index = (turn + round) % places.count
        let place = places[index]
        let run = try await workload.run(on: place.store, plan.scale)
        try await place.clear(workload.migrations)
        try agreement.check(run.sum, of: place.name)
        // The process has had all of the stores open: its peak says nothing of one.
        var own = run
        own.peakKibibytes = nil
        comparison.add(own, of: index)
        step()
      }
    }
    section.comparisons.append(comparison)
  }

  private mutating func measureGrowth(_ step: () -> Void) async throws {
    var curves = Growth.titles.map { figure in
      Curve(
        "stores-growth-\(figure.name)", title: figure.title, horizontal: "rows", vertical: "us")
    }
    var agreement = Agreement()
    for (place, name) in zip(places, names) {
      let (sizes, sum) = try await Growth.measure(
        on: place.store, upTo: plan.greatest, shouldStop: plan.scale.shouldStop)
      try await place.clear(.bench)
      try agreement.check(sum, of: place.name)
      for size in sizes {
        for (index, cost) in size.figures.enumerated() {
          curves[index].add(x: Double(size.rows), y: cost, to: name)
        }
      }
      step()
    }
    section.curves += curves
  }

  private mutating func measureWorkers(_ step: () -> Void) async throws {
    let workload = Workload.mix(.b, .tasks)
    var curve = Curve(
      "stores-workers", title: workload.title, horizontal: "workers", vertical: "a second")
    for workers in Self.workerCounts {
      var scale = plan.scale
      scale.workers = workers
      var agreement = Agreement()
      for (place, name) in zip(places, names) {
        let run = try await workload.run(on: place.store, scale)
        try await place.clear(workload.migrations)
        try agreement.check(run.sum, of: place.name)
        curve.add(x: Double(workers), y: run.count / run.seconds, to: name)
        step()
      }
    }
    section.curves.append(curve)
  }

  /// Prints what was measured.
  func show() {
    if !section.comparisons.isEmpty { Terminal.print("\(section.table)") }
    for curve in section.curves {
      Terminal.print("\n\(curve.title), \(curve.vertical)\n\(curve.table)")
    }
  }

  /// Writes all figures as JSON.
  func write(to file: String) throws {
    let date = Date.now.formatted(.iso8601.year().month().day())
    let versions = zip(names, places).map { ($0, $1.store.opening.location) }
    var results = Results(date: date, versions: Dictionary(versions) { first, _ in first })
    results.set(section)
    let text = try JSON(encoding: results).description + "\n"
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    } catch {
      throw UsageError("\(file) cannot be written: \(error.localizedDescription)")
    }
  }
}

/// Whether all stores have read the same: who skips work is not faster.
private struct Agreement {
  private var sum: Double?

  mutating func check(_ other: Double?, of name: String) throws(StoreError) {
    guard sum == nil || sum == other else {
      throw StoreError(.internal, "\(name) has read something else than the stores before it")
    }
    sum = other
  }
}
