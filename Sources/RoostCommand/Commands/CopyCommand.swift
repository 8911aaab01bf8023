import Roost
import RoostCore

extension Command {
  static let copy = Command(
    name: "copy",
    usage: """
      FROM TO [--into-non-empty] [--system NAME...] [--migrations FOLDER]

        carries all rows from one store to another, whatever backends they are in. TO gets the
        migrations that FROM has. All of it is one transaction: until it is done, and when it
        fails or is killed, TO has none of the rows. Every table is compared before it ends.
      """,
    summary: "carry a store's rows into another store", operands: 2...2,
    options: [.intoNonEmpty, .systems, .migrations, .from]
  ) { arguments in
    let stores = TransferStores(arguments: arguments)
    let places = try stores.places()
    let (from, systems) = try await stores.source(
      places.from, indexing: arguments.all("--from"))
    return try await closing([from]) {
      let to = try await stores.target(places.to, systems)
      return try await closing([to]) {
        let run = TransferRun(arguments)
        let copy = StoreCopy(
          from: from, to: to, intoNonEmpty: arguments.has("--into-non-empty"))
        return try await run.report("copied") { shouldStop, progress in
          try await copy.run(shouldStop: shouldStop, progress: progress)
        }
      }
    }
  }

  static let restore = Command(
    name: "restore",
    usage: """
      BACKUP [--url URL] [--into-non-empty] [--migrations FOLDER]

        fills a store from a backup, in one transaction. The store gets the migrations that the
        backup has. Every file is checked before a row is written.
      """,
    summary: "fill a store from a backup", operands: 1...1,
    options: [.intoNonEmpty, .migrations]
  ) { arguments in
    let backup = try Backup(reading: arguments.operands[0])
    let stores = TransferStores(arguments: arguments)
    let systems = try arguments.migrationSets().held(
      backup.manifest.migrations, systems: nil, location: backup.path)
    let store = try await stores.target(arguments.url, systems)
    Terminal.note("roost: \(store.opening.location)")
    return try await closing([store]) {
      try await TransferRun(arguments).report("restored") { shouldStop, progress in
        try await backup.restore(
          into: store, intoNonEmpty: arguments.has("--into-non-empty"), shouldStop: shouldStop,
          progress: progress)
      }
    }
  }
}

/// Runs a long piece of work that Ctrl-C stops, shows how far it is, and says what came of it.
struct TransferRun {
  private let arguments: Arguments
  private let interruption = Interruption()
  private let display = TransferDisplay()
  private let watch = Stopwatch()

  init(_ arguments: Arguments) {
    self.arguments = arguments
  }

  /// The seconds so far.
  var seconds: Double { watch.seconds }

  /// Runs the work; nil when Ctrl-C has stopped it.
  func run<Result>(
    _ work: (
      _ shouldStop: @escaping @Sendable () -> Bool,
      _ progress: @escaping @Sendable (TransferProgress) -> Void
    ) async throws -> Result
  ) async throws -> Result? {
    let (interruption, display) = (interruption, display)
    defer { display.finish() }
    do {
      return try await work({ interruption.isAsked }, { display.show($0) })
    } catch {
      guard interruption.isAsked else { throw error }
      Terminal.note("roost: stopped; nothing was changed")
      return nil
    }
  }

  /// Runs a transfer and prints its report.
  func report(
    _ verb: String,
    _ work: (
      _ shouldStop: @escaping @Sendable () -> Bool,
      _ progress: @escaping @Sendable (TransferProgress) -> Void
    ) async throws -> TransferReport
  ) async throws -> ExitCode {
    guard let report = try await run(work) else { return .interrupted }
    if arguments.wantsJSON {
      Terminal.print(try jsonText(report, seconds: seconds))
      return .success
    }
    for table in report.tables {
      let kept = table.kept > 0 ? ", \(table.kept) of them were there" : ""
      Terminal.print("\(table.name)  \(table.rows) rows\(kept)")
    }
    let time = (seconds * 1_000).rounded() / 1_000
    let corrected =
      report.corrected > 0 ? ", \(report.corrected) written once more for triggers" : ""
    Terminal.print(
      "\(verb) \(report.rows) rows in \(time) s, \(watch.rate(report.rows)) rows/s\(corrected)")
    Terminal.print("from \(report.from)\nto   \(report.to), compared and equal")
    return .success
  }
}
