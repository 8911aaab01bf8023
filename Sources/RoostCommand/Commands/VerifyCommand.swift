import Foundation
import Roost
import RoostCore

extension Command {
  static let verify = Command(
    name: "verify",
    usage: """
      FROM TO [--tables NAME...] [--repair [--yes]] [--keys N] [--rechecks N]
        [--system NAME...] [--migrations FOLDER]

        compares two stores row by row. FROM is taken to be right: rows that only it has are
        missing, rows that only TO has are extra. Both may be written meanwhile: rows that differ
        are read again before they count. Exit code 0 when they are equal, 1 when not.

        --repair shows what it would change in TO, and changes it, in one transaction, after a yes
        on the terminal or with --yes.
      """,
    summary: "compare two stores, and repair one", operands: 2...2,
    options: [
      .init(
        name: "--tables", value: "NAME...", summary: "these tables alone", takesMany: true),
      .init(name: "--repair", value: nil, summary: "make the rows of TO those of FROM"),
      .init(name: "--yes", value: nil, summary: "do it without asking"),
      .init(name: "--keys", value: "N", summary: "the most keys listed of a table; 20"),
      .init(
        name: "--rechecks", value: "N",
        summary: "how often rows that differ are read again, 100 ms apart; 3"), .systems,
      .migrations, .from,
    ]
  ) { arguments in
    var options = StoreVerifier.Options()
    options.listed = try arguments.number("--keys") ?? options.listed
    options.rechecks = try arguments.number("--rechecks") ?? options.rechecks
    if arguments.has("--yes"), !arguments.has("--repair") {
      throw UsageError("--yes is for --repair")
    }
    if arguments.has("--tables"), arguments.has("--repair") {
      throw UsageError("--repair is for all tables, since rows of one refer to those of another")
    }
    let chosen = options
    return try await arguments.withPair { from, to in
      let run = VerifyRun(arguments: arguments, from: from, to: to, options: chosen)
      return try await run.run()
    }
  }
}

extension Arguments {
  /// Opens the stores FROM and TO, which hold the same systems, and closes them.
  fileprivate func withPair(
    _ body: (_ from: Store, _ to: Store) async throws -> ExitCode
  ) async throws -> ExitCode {
    let stores = TransferStores(arguments: self)
    let places = try stores.places()
    let (from, systems) = try await stores.source(places.from, indexing: all("--from"))
    return try await closing([from]) {
      let to = try await Store.openHeld(
        try TransferStores.withoutCreating(places.to), backends: TransferStores.backends,
        known: try migrationSets(), systems: all("--system"), log: TransferStores.log)
      return try await closing([to]) {
        let others = try await to.appliedMigrations().map(\.system)
          .filter { $0 != MigrationSet.changes.system }
        let names = Set(systems.map(\.system))
        if let other = others.first(where: { !names.contains($0) }), !has("--system") {
          throw UsageError(
            "\(to.opening.location) also holds \"\(other)\": name what to compare with --system")
        }
        if let identity = try await from.backend.identity(),
          identity == (try await to.backend.identity())
        {
          throw UsageError("FROM and TO are the same store")
        }
        return try await body(from, to)
      }
    }
  }
}

/// One run of `roost verify`.
private struct VerifyRun {
  let arguments: Arguments
  let from: Store
  let to: Store
  let options: StoreVerifier.Options

  func run() async throws -> ExitCode {
    let tables = arguments.all("--tables")
    if let unknown = tables?.first(where: { from.schema.tables[$0] == nil }) {
      throw UsageError("there is no table \"\(unknown)\" in \(from.opening.location)")
    }
    let work = TransferRun(arguments)
    guard let report = try await compare(work, tables) else {
      return .interrupted
    }
    if report.isEqual || !arguments.has("--repair") {
      try show(report, work)
      return report.isEqual ? .success : .failure
    }
    // With --json the answer is one document: that of the comparison after the repair.
    if !arguments.wantsJSON { try show(report, work) }
    showPlan(report)
    guard arguments.has("--yes") || isConfirmed() else {
      if arguments.wantsJSON { try show(report, work) }
      Terminal.note("roost: nothing was changed; --repair --yes changes it")
      return .failure
    }
    let repaired = try await work.run { shouldStop, progress in
      try await StoreCopy(from: from, to: to).repair(shouldStop: shouldStop, progress: progress)
    }
    guard let repaired else { return .interrupted }
    Terminal.note("roost: \(repaired) rows changed in \(to.opening.location)")
    guard let after = try await compare(work, nil) else { return .interrupted }
    try show(after, work)
    return after.isEqual ? .success : .failure
  }

  private func compare(
    _ work: TransferRun, _ tables: [String]?
  ) async throws -> VerificationReport? {
    try await work.run { shouldStop, progress in
      try await StoreVerifier(from: from, to: to, options).verify(
        tables: tables, shouldStop: shouldStop, progress: progress)
    }
  }

  private func show(_ report: VerificationReport, _ work: TransferRun) throws {
    guard !arguments.wantsJSON else {
      return Terminal.print(try jsonText(report, seconds: work.seconds))
    }
    for table in report.tables {
      guard !table.isEqual else {
        Terminal.print("equal    \(table.name)  \(table.rows) rows")
        continue
      }
      let counts = VerificationReport.Kind.allCases.map { "\(table[$0].count) \($0.rawValue)" }
      Terminal.print(
        "differs  \(table.name)  \(table.rows) rows: \(counts.joined(separator: ", "))")
      for kind in VerificationReport.Kind.allCases {
        for key in table[kind].keys { Terminal.print("         \(kind.rawValue) \(key)") }
        let more = table[kind].count - table[kind].keys.count
        if more > 0 { Terminal.print("         and \(more) more \(kind.rawValue)") }
      }
    }
    Terminal.print(report.isEqual ? "the stores are equal" : "the stores differ")
  }

  private func showPlan(_ report: VerificationReport) {
    Terminal.note("roost: to repair \(to.opening.location):")
    for table in report.tables where !table.isEqual {
      Terminal.note(
        "  \(table.name): \(table.missing.count) inserts, \(table.different.count) updates, "
          + "\(table.extra.count) deletes")
    }
  }

  private func isConfirmed() -> Bool {
    guard Terminal.isInteractive, Terminal.isAnswering else { return false }
    Terminal.write("change these rows? [y/N] ", to: STDERR_FILENO)
    return ["y", "yes"].contains((readLine() ?? "").lowercased())
  }
}
