import Foundation
import Roost
import RoostBench
import RoostCore
import RoostTesting
import Synchronization

/// A store with a package list and agent tasks moves from each backend to each, while writers and
/// readers work and whoever moves it is killed; nothing may be lost, and nothing read that is older
/// than what was written.
struct Moves {
  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  private enum Place: String, CaseIterable {
    case memory, file, Postgres
  }

  func run() async throws {
    let server = try await ThrowawayPostgres.start(.scramSHA256, isDurable: true)
    defer { server.stop() }
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let folder = scratch.path
    func url(_ place: Place) async throws -> String {
      switch place {
      case .memory: "memory:\(UUID().uuidString)"
      case .file: "file:\(folder)/\(UUID().uuidString)"
      case .Postgres: server.url(database: try await server.createDatabase())
      }
    }
    var table = Table([
      "move", "killed", "times", "rows", "written", "read", "lost", "stale", "failed", "longest s",
      "seconds", "verdict",
    ])
    var failures: [String] = []
    for from in Place.allCases {
      for to in Place.allCases where (from, to) != (.memory, .memory) {
        let victim: MoveServer.Victim =
          switch (from, to) {
          case (.memory, _), (_, .memory): .task
          case (.Postgres, .Postgres): .mover
          default: .server
          }
        let name = "\(from.rawValue) to \(to.rawValue)"
        let run = MoveRun(
          name, [try await url(from), try await url(to)], victim, file: options.file)
        let result = await run.run()
        if !result.isGood { failures.append(name) }
        table.add([
          name, victim.rawValue, "\(result.kills)", "\(result.rows)", "\(result.written)",
          "\(result.read)", "\(result.lost)", "\(result.stale)", "\(result.failed)",
          result.longest.text(digits: 1), result.seconds.text(digits: 0), result.verdict,
        ])
      }
    }
    print("")
    print(table)
    guard failures.isEmpty else {
      throw Failure("these moves did not keep their promise: \(failures.joined(separator: ", "))")
    }
  }
}

/// One move, with those who are killed in it.
private final class MoveRun: Sendable {
  struct Result {
    var kills = 0
    var rows = 0
    var written = 0
    var read = 0
    var failed = 0
    var lost = 0
    var stale = 0
    /// In seconds.
    var longest = 0.0
    var seconds = 0.0
    var stage: MoveStage?
    var verdict = "did not end"

    var isGood: Bool { verdict == "equal" }
  }

  /// A random moment behind each of these is one to kill at.
  private static let targets: [MoveStage] = [.backfill, .verify, .percentage, .percentage, .live]
  /// How long one kill, or the end, may take.
  private static let limit = Duration.seconds(600)

  private let name: String
  private let urls: [String]
  private let victim: MoveServer.Victim
  private let file: String
  private let ledger = WriteLedger()
  private let result = Mutex(Result())

  init(_ name: String, _ urls: [String], _ victim: MoveServer.Victim, file: String) {
    self.name = name
    self.urls = urls
    self.victim = victim
    self.file = file
  }

  func run() async -> Result {
    let start = ContinuousClock.now
    do { try await move() } catch {
      result.withLock { $0.verdict = "\(error)" }
      note("\(error)")
    }
    return result.withLock { result in
      result.seconds = (.now - start) / .seconds(1)
      if result.isGood, result.lost + result.stale > 0 { result.verdict = "not kept" }
      return result
    }
  }

  private func move() async throws {
    var server = try serve()
    var mover: Companion?
    do {
      try await wait(for: server, "it serves") { $0.stage != nil }
      mover = try runMover()
      for target in Self.targets {
        try await wait(for: server, target.rawValue) { $0.stage.map { $0 >= target } ?? false }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...2_000)))
        let stage = result.withLock { result in
          result.kills += 1
          defer { result.stage = nil }
          return result.stage
        }
        note("the \(victim.rawValue) is killed at \(stage?.rawValue ?? "no stage")")
        switch victim {
        case .server:
          await server.kill()
          result.withLock { $0.stage = nil }
          server = try serve()
        case .mover:
          await mover?.kill()
          mover = try runMover()
        case .task: server.tell(["kill"])
        }
        // Nobody moves the store for as long as the one that was killed may be alive.
        try await Task.sleep(for: MovingStore.lease)
        result.withLock { $0.stage = nil }
      }
      try await wait(for: server, "live") { $0.stage == .live }
      try await Task.sleep(for: .seconds(2))
      server.tell(["end"])
      try await wait(for: server, "the end") { $0.rows > 0 }
    } catch {
      await mover?.kill()
      await server.kill()
      throw error
    }
    await mover?.kill()
    await server.kill()
  }

  private func serve() throws -> Companion {
    let server = try Companion(["serve"] + urls + [victim.rawValue, file]) { self.hear($0) }
    server.tell(ledger.lines + ["go"])
    return server
  }

  private func runMover() throws -> Companion? {
    guard victim == .mover else { return nil }
    return try Companion(["mover"] + urls) { self.note($0) }
  }

  private func hear(_ line: String) {
    if ledger.note(line) {
      if line.hasPrefix("acknowledged") { result.withLock { $0.written += 1 } }
      return
    }
    let words = line.split(separator: " ")
    let numbers = words.dropFirst().compactMap { Int($0) }
    result.withLock { result in
      switch words.first {
      case "at": result.stage = words.dropFirst().first.flatMap { MoveStage(rawValue: String($0)) }
      case "made" where numbers.count == 3:
        result.read += numbers[0]
        result.failed += numbers[1]
        result.longest = max(result.longest, Double(numbers[2]) / 1_000)
      case "lost": result.lost += 1
      case "stale": result.stale += 1
      case "end" where words.count == 3:
        result.verdict = String(words[1])
        result.rows = numbers.first ?? 0
      default: break
      }
    }
    if !["at", "made"].contains(words.first) { note(line) }
  }

  /// What happens is told beside the table.
  private func note(_ line: String) {
    FileHandle.standardError.write(Data("\(name): \(line)\n".utf8))
  }

  private func wait(
    for server: Companion, _ what: String, _ isSo: (Result) -> Bool
  ) async throws {
    let end = ContinuousClock.now + Self.limit
    while !isSo(result.withLock { $0 }) {
      if !server.isRunning {
        await server.kill()
        if isSo(result.withLock { $0 }) { return }
        throw Failure("the server ended before \(what)")
      }
      guard ContinuousClock.now < end else { throw Failure("not in time: \(what)") }
      try await Task.sleep(for: .milliseconds(20))
    }
  }
}
