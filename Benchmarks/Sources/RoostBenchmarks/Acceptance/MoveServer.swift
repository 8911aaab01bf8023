import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems
import RoostTesting
import Synchronization

/// The side of a move that serves: writers and readers on a store that moves, in a process of their
/// own, which tells its parent what was acknowledged before it goes on.
struct MoveServer {
  /// What is killed while the store moves.
  enum Victim: String {
    /// The process that serves, with the mover in it.
    case server
    /// A process that does nothing but move.
    case mover
    /// The mover, as a task of the process that serves, since its memory is one of the stores.
    case task
  }

  private let urls: (from: String, to: String)
  private let victim: Victim
  private let file: String
  private let mouthpiece = Mouthpiece()
  private let ledger = WriteLedger { Mouthpiece.say($0) }

  /// How many agent tasks there are before the move.
  static let tasks = 10_000

  init(_ words: [String]) throws {
    guard words.count == 5, let victim = Victim(rawValue: words[3]) else {
      throw Failure("a server's command line has no meaning: \(words)")
    }
    urls = (words[1], words[2])
    self.victim = victim
    file = words[4]
  }

  private static func open(_ url: String) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: [.coherence], migrate: .auto,
      environment: [:])
  }

  /// Runs the move until the process is killed.
  static func runMover(from: String, to: String) async throws {
    _ = Mouthpiece()
    let moving = try await MovingStore(from: try await open(from), to: try await open(to))
    try await moving.beginMover()
    while true { try await Task.sleep(for: .seconds(60)) }
  }

  func run() async throws {
    try await hearLedger()
    let (old, new) = (try await Self.open(urls.from), try await Self.open(urls.to))
    if try await old.select(AgentTask.self).count() == 0 { try await fill(old) }
    let moving = try await MovingStore(from: old, to: new)
    guard let move = moving.store.move else { throw Failure("the store does not move") }
    let status = try await move.status()
    try await check(status.state.authority == .from ? old : new)
    if victim != .mover { try await moving.beginMover() }
    if status.requested == nil { try await move.request(.percentage, readPercent: 50) }
    let isOver = Atomic(false)
    let load = LedgerLoad(.coherence, ledger)
    async let loaded: Void = load.run(on: moving.store) { isOver.load(ordering: .relaxed) }
    try await serve(moving, move)
    isOver.store(true, ordering: .relaxed)
    await loaded
    report()
    while try await move.status().waiting > 0 { try await Task.sleep(for: .milliseconds(50)) }
    try await end(moving)
  }

  /// What was acknowledged before this process.
  private func hearLedger() async throws {
    while true {
      for line in mouthpiece.take() where !ledger.note(line) {
        // The one before may have written more than it could tell.
        ledger.skip(1_000_000)
        return
      }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  private func fill(_ store: Store) async throws {
    let list = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
    let packages = try DebianPackageIndex.read(list, file: file)
    _ = try await ProjectStore(store).index(packages, ecosystem: "debian")
    try await store.load(
      (0..<Self.tasks).map {
        AgentTask("build", type: .impl, model: "m", command: "c", id: "task-\($0)")
      })
  }

  private func check(_ store: Store) async throws {
    for fault in try await ledger.faults(in: store, .coherence) {
      Mouthpiece.say("lost \(store.opening.location): \(fault)")
    }
  }

  /// Says how far the move is, and does what it is told, until that is to end.
  private func serve(_ moving: MovingStore, _ move: StoreMove) async throws {
    var rounds = 0
    while true {
      let words = mouthpiece.take()
      if words.contains("kill") {
        await moving.killMover()
        try await moving.beginMover()
      }
      if words.contains("end") { return }
      let status = try await move.status()
      // Reads are shared for a while before the stores change places.
      if status.state.stage == .percentage { rounds += 1 }
      if rounds >= 10, status.requested == .percentage { try await move.request(.live) }
      if let refusal = status.refusal, let requested = status.requested {
        Mouthpiece.say("refused \(refusal)")
        try await move.request(requested, readPercent: requested == .percentage ? 50 : nil)
      }
      Mouthpiece.say("at \(status.state.stage.rawValue) \(status.copied) \(status.waiting)")
      report()
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func report() {
    let report = ledger.takeReport()
    for fault in report.faults { Mouthpiece.say("stale \(fault)") }
    let failed = report.failures.values.reduce(0, +)
    let longest = Int(report.longest / .milliseconds(1))
    Mouthpiece.say("made \(report.reads) \(failed) \(longest)")
    for (code, count) in report.failures { Mouthpiece.say("failed \(code) \(count)") }
  }

  /// Compares the stores as they are when they are opened again; memory as it is.
  private func end(_ moving: MovingStore) async throws {
    var (old, new) = (moving.old, moving.new)
    await moving.killMover()
    if victim != .task {
      await moving.close()
      (old, new) = (try await Self.open(urls.from), try await Self.open(urls.to))
    }
    for store in [old, new] { try await check(store) }
    let report = try await StoreVerifier(from: old, to: new).verify()
    for table in report.tables where !table.isEqual {
      Mouthpiece.say(
        "differs \(table.name): \(table.missing.count) missing, \(table.extra.count) extra, "
          + "\(table.different.count) different")
    }
    let rows = report.tables.map(\.rows).reduce(0, +)
    Mouthpiece.say("end \(report.isEqual ? "equal" : "differs") \(rows)")
    await old.close()
    await new.close()
  }
}
