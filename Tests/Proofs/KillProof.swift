import Foundation
import Roost
import RoostCore

extension Proof {
  /// A process is killed while it opens a store, writes to it and replaces its journals; the store
  /// goes on with what is left, again and again.
  static let kills = Proof(
    "kills", "kill -9 of a process that opens a store, commits and compacts"
  ) { request in
    let folder = NSTemporaryDirectory() + "roost-kills-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    var generator = SeededGenerator(seed: request.seed)
    var store = CrashedStore()
    var openings = 0
    for round in 1...request.count {
      do {
        let process = try CrashingProcess(folder + "/store", seed: generator.next())
        defer { process.kill() }
        // Half of them early, when it opens the store.
        let isEarly = Bool.random(using: &generator)
        if !isEarly { for line in process.waitForLine() { store.hear(line) } }
        let longest: UInt32 = isEarly ? 40_000 : 60_000
        usleep(UInt32.random(in: 0..<longest, using: &generator))
        process.kill()
        let lines = process.lines()
        if isEarly && lines.isEmpty { openings += 1 }
        for line in lines { store.hear(line) }
        if let failure = store.failure { throw Violation(failure) }
        try await store.check(folder + "/store")
      } catch {
        throw Violation(
          "\(error)\n  in round \(round); the store is kept in \(folder)\n"
            + "  again: Tests/Proofs/run kills \(round) --seed \(request.seed)")
      }
    }
    try FileManager.default.removeItem(atPath: folder)
    return "\(request.count) kills, \(openings) before a store was open, "
      + "\(store.count) acknowledged commits, nothing lost"
  }
}
