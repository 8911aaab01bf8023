import Foundation
import Roost
import RoostBench
import RoostCore
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems

extension Command {
  static let bench = Command(
    name: "bench",
    usage: """
      --url URL [--url URL...] [--only NAME,...] [--rounds N] [--records N] [--workers N]
        [--seconds N] [--quick] [--from FILE...] [--clear] [--json FILE]

        measures stores side by side: the first is what the others are measured by. They take turns
        within a round, do the same work and must read the same. It uses tables of its own, and the
        three systems' where a store has no rows in them, and leaves each store as it was.

        documents, tasks   YCSB's workloads A to F, and a load, over records of two kinds
        systems            what compilations, traceability and coherence do all day
        graph              index, search and dependents of a package graph
        rate               1000 operations a second, each timed from when it was due
        growth             what a call costs as a table grows to a million rows
        workers            1 to 64 workers at once

      A name may also be one of a group's, such as documents-a.
      """,
    summary: "measure stores side by side", operands: 0...0,
    options: [
      .init(name: "--only", value: "NAME,...", summary: "these workloads alone"),
      .init(name: "--rounds", value: "N", summary: "how often each is measured; 3"),
      .init(
        name: "--records", value: "N",
        summary: "records before the clock runs, and operations on them; 10000"),
      .init(name: "--workers", value: "N", summary: "operations under way at once; 1"),
      .init(name: "--seconds", value: "N", summary: "for how long the rate is held; 10"),
      .init(
        name: "--quick", value: nil,
        summary: "1000 records, 2 rounds, 2 seconds, growth to 10000 rows"),
      .init(
        name: "--from", value: "FILE...", summary: "the package lists of graph", takesMany: true),
      .init(
        name: "--clear", value: nil,
        summary: "remove what a run that was killed has left in the tables of bench"),
      .init(name: "--json", value: "FILE", summary: "write all figures to a file"),
    ]
  ) { arguments in
    try await BenchCommand(arguments).run()
  }
}

/// What `roost bench` is asked for.
struct BenchCommand {
  /// The curves, by their names on the command line.
  enum CurveName: String, CaseIterable {
    case growth, workers
  }

  private let urls: [String]
  private let isClearing: Bool
  private let file: String?
  private let packageFiles: [String]
  private var plan = BenchPlan()

  init(_ arguments: Arguments) throws {
    guard let urls = arguments.all("--url") else {
      throw UsageError("name the stores with --url: it fills tables in them for a while")
    }
    for (place, url) in urls.enumerated() {
      for other in urls[..<place] { try TransferStores.requireTwo(other, url) }
    }
    self.urls = urls
    isClearing = arguments.has("--clear")
    file = arguments.value("--json")
    packageFiles = arguments.all("--from") ?? []
    if arguments.has("--quick") { plan.makeQuick() }
    if let rounds = try Self.atLeastOne("--rounds", arguments) { plan.rounds = rounds }
    if let workers = try Self.atLeastOne("--workers", arguments) { plan.scale.workers = workers }
    if let seconds = try Self.atLeastOne("--seconds", arguments) { plan.scale.seconds = seconds }
    if let records = try Self.atLeastOne("--records", arguments) {
      (plan.scale.records, plan.scale.operations) = (records, records)
    }
    if let names = arguments.value("--only") { try plan.choose(names) }
  }

  private static func atLeastOne(_ option: String, _ arguments: Arguments) throws -> Int? {
    guard let number = try arguments.number(option) else { return nil }
    guard (1...100_000_000).contains(number) else {
      throw UsageError("\(option) takes a number from 1 to 100000000")
    }
    return number
  }

  func run() async throws -> ExitCode {
    var plan = plan
    let interruption = Interruption()
    plan.scale.shouldStop = { interruption.isAsked }
    if plan.needsPackages { plan.scale.packages = try PackageFiles.read(packageFiles).packages }
    var run = BenchRun(plan: plan)
    var failure: (any Error)?
    do {
      for url in urls { try await open(url, plan, &run) }
      try await run.measure()
    } catch {
      failure = error
    }
    for place in run.places {
      do {
        let done = try await place.leave()
        for sentence in done { Terminal.note("roost: \(place.name): \(sentence)") }
      } catch {
        failure = failure ?? error
      }
    }
    run.show()
    if let failure {
      if interruption.isAsked, (failure as? StoreError)?.code == .cancelled { return .interrupted }
      throw failure
    }
    if let file { try run.write(to: file) }
    return .success
  }

  private func open(_ url: String, _ plan: BenchPlan, _ run: inout BenchRun) async throws {
    let place = try await BenchPlace.open(
      url, backends: TransferStores.backends, systems: plan.systems, clearing: isClearing,
      log: TransferStores.log)
    run.places.append(place)
    Terminal.note("roost: \(place.store.opening.location)")
    for refusal in place.refusals.sorted(by: { $0.key < $1.key }) {
      Terminal.note("roost: \(refusal.value): the workloads of \(refusal.key) are left out")
    }
  }
}

/// What is measured, and how much of it.
struct BenchPlan {
  var scale = Scale()
  var rounds = 3
  /// How many rows there are where growth ends.
  var greatest = 1_000_000
  private(set) var workloads = Workload.all
  private(set) var curves = BenchCommand.CurveName.allCases

  mutating func makeQuick() {
    (scale.records, scale.operations, scale.seconds) = (1_000, 1_000, 2)
    (rounds, greatest) = (2, 10_000)
  }

  /// Keeps what has one of these names, or is in a group of that name.
  mutating func choose(_ names: String) throws(UsageError) {
    let wanted = names.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    func isWanted(_ name: String) -> Bool {
      wanted.contains { name == $0 || name.hasPrefix($0 + "-") }
    }
    let known = Workload.all.map(\.name) + BenchCommand.CurveName.allCases.map(\.rawValue)
    for name in wanted where !known.contains(where: { $0 == name || $0.hasPrefix(name + "-") }) {
      throw UsageError(
        "there is no workload \"\(name)\"; known are: \(known.joined(separator: " "))")
    }
    workloads = Workload.all.filter { isWanted($0.name) }
    curves = BenchCommand.CurveName.allCases.filter { isWanted($0.rawValue) }
  }

  /// The systems whose tables are used.
  var systems: [MigrationSet] {
    var sets = [MigrationSet.bench]
    for set in workloads.map(\.migrations) where !sets.contains(where: { $0.system == set.system })
    {
      sets.append(set)
    }
    return sets
  }

  var needsPackages: Bool {
    workloads.contains { if case .graph = $0 { true } else { false } }
  }
}
