import Foundation
import Roost
import RoostCore

extension Command {
  static let move = Command(
    name: "move",
    usage: """
      STAGE|run|status --from URL --to URL [--percent N] [--system NAME...]

        moves a store that is in use. STAGE is off, dual_write, backfill, verify, shadow,
        percentage, live or complete: the move takes all steps that lead there, forward or back.
        From live on TO counts, and changes are carried back to FROM, so that shadow leads back.

        A store that only its own process can open (file:) is moved by that process: this command
        then only asks it to, through the other store.
      """,
    summary: "move a store to another backend while it is in use", operands: 1...1,
    options: [
      .init(name: "--from", value: "URL", summary: "the old store; else MIGRATE_FROM_URL"),
      .init(
        name: "--to", value: "URL",
        summary: "the new store; else POSTGRES_URL, else DATABASE_URL"),
      .init(
        name: "--percent", value: "N",
        summary: "at the stage percentage: the share of reads that the new store answers"),
      .systems, .migrations,
    ]
  ) { arguments in
    let run = MoveRun(arguments: arguments)
    let word = arguments.operands[0]
    if word == "run" { return try await run.run() }
    if word == "status" { return try await run.status() }
    guard let stage = MoveStage(rawValue: word) else {
      let stages = MoveStage.allCases.map(\.rawValue).joined(separator: ", ")
      throw UsageError("\"\(word)\" is none of run, status, \(stages)")
    }
    return try await run.reach(stage)
  }
}

/// One run of `roost move`.
private struct MoveRun {
  let arguments: Arguments
  let interruption = Interruption()

  /// Runs the move until Ctrl-C, or until it is complete.
  func run() async throws -> ExitCode {
    try await withMove { move in
      try await follow(move) { $0.state.stage == .complete }
    }
  }

  func status() async throws -> ExitCode {
    do {
      return try await withMove(runs: false) { move in
        try show(try await move.status())
        return .success
      }
    } catch let error as StoreError {
      guard error.code == .locked else { throw error }
      return try await withNewStore { store in
        try show(try await StoreMove.status(in: store))
        return .success
      }
    }
  }

  /// Goes to a stage.
  func reach(_ stage: MoveStage) async throws -> ExitCode {
    let percent = try arguments.number("--percent")
    guard (stage == .percentage) == (percent != nil) else {
      throw UsageError("--percent N belongs to the stage percentage")
    }
    do {
      return try await withMove { move in
        try await move.request(stage, readPercent: percent)
        let code = try await follow(move) { status in
          status.state.stage == stage && (percent == nil || status.state.readPercent == percent)
        }
        if stage == .complete, code == .success {
          Terminal.note("roost: to archive the old store: roost backup FOLDER --url URL")
        }
        return code
      }
    } catch let error as StoreError {
      guard error.code == .locked else { throw error }
      return try await withNewStore { store in
        try await StoreMove.request(stage, readPercent: percent, in: store)
        Terminal.note(
          "roost: \(error.message); its process was asked to take the move to \(stage.rawValue)")
        return .success
      }
    }
  }

  /// Shows how far the move is until it is where it should be.
  private func follow(
    _ move: StoreMove, _ isThere: (MoveStatus) -> Bool
  ) async throws -> ExitCode {
    let display = TransferDisplay()
    defer { display.finish() }
    var stage: MoveStage?
    var copied = 0
    while true {
      let status = try await move.status()
      if status.state.stage != stage {
        Terminal.note("roost: \(status.state.stage.rawValue)")
        stage = status.state.stage
      }
      if status.copied != copied, status.total > 0 {
        copied = status.copied
        display.show(
          TransferProgress(
            phase: .copying, table: status.copying ?? "", done: min(copied, status.total),
            total: status.total))
      }
      if let refusal = status.refusal {
        Terminal.complain(refusal)
        return .failure
      }
      if isThere(status) {
        try show(status)
        return .success
      }
      if interruption.isAsked { return .interrupted }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func show(_ status: MoveStatus) throws {
    if arguments.wantsJSON {
      return Terminal.print(try JSON(encoding: status).description)
    }
    let state = status.state
    Terminal.print("from       \(status.from)")
    Terminal.print("to         \(status.to)")
    let percent = state.stage == .percentage ? ", \(state.readPercent)% of the reads" : ""
    Terminal.print("stage      \(state.stage.rawValue)\(percent)")
    if let requested = status.requested, requested != state.stage {
      Terminal.print("asked for  \(requested.rawValue)\(status.refusal.map { ": \($0)" } ?? "")")
    }
    Terminal.print("run by     \(status.isRunning ? "a process" : "nobody")")
    Terminal.print(
      "waiting    \(status.waiting) changes"
        + (status.waiting > 0 ? ", the first for \(Int(status.oldestSeconds)) s" : ""))
    if status.total > 0 { Terminal.print("copied     \(status.copied) of \(status.total) rows") }
    Terminal.print("equal      \(state.cleanWindows) times in a row")
    if let certificate = state.certificate {
      Terminal.print("certified  \(certificate.time), \(certificate.authority.rawValue) counts")
    }
  }

  // Opening.

  private func place(_ option: String, _ variables: [String]) throws -> String {
    if let url = arguments.value(option) { return url }
    let environment = ProcessInfo.processInfo.environment
    for name in variables {
      if let url = environment[name], !url.isEmpty { return url }
    }
    throw UsageError("name the store with \(option), or in \(variables.joined(separator: " or "))")
  }

  private func newURL() throws -> String { try place("--to", ["POSTGRES_URL", "DATABASE_URL"]) }

  /// Opens both stores as one that moves.
  private func withMove(
    runs: Bool = true, _ body: (StoreMove) async throws -> ExitCode
  ) async throws -> ExitCode {
    let stores = TransferStores(arguments: arguments)
    let urls = (from: try place("--from", ["MIGRATE_FROM_URL"]), to: try newURL())
    try TransferStores.requireTwo(urls.from, urls.to)
    let (old, systems) = try await stores.source(urls.from)
    let new: Store
    do { new = try await stores.target(urls.to, systems) } catch {
      await old.close()
      throw error
    }
    return try await closing([old, new]) {
      let store = try await Store.moving(from: old, to: new, log: TransferStores.log)
      guard let move = store.move else { return .failure }
      let runner = runs ? Task { await move.run() } : nil
      defer { runner?.cancel() }
      let code = try await body(move)
      runner?.cancel()
      await runner?.value
      return code
    }
  }

  /// Opens the new store alone.
  private func withNewStore(
    _ body: (Store) async throws -> ExitCode
  ) async throws -> ExitCode {
    let (store, _) = try await TransferStores(arguments: arguments).source(try newURL())
    return try await closing([store]) { try await body(store) }
  }
}
