import Foundation
import Roost
import RoostSystems
import RoostTesting
import Testing

/// The mover in a process of its own, killed at random moments, while this one writes.
@Suite(.timeLimit(.minutes(15))) struct MoveProcessTests {
  private static func tasks(_ store: Store) async throws -> [String: Int] {
    let tasks = try await store.select(AgentTask.self).fetch()
    return Dictionary(tasks.map { ($0.id ?? "", Int($0.output ?? "") ?? 0) }) { $1 }
  }

  @Test func killedWhileOthersWrite() async throws {
    let seed: UInt64 = 1
    let folder = try TemporaryFolder()
    let urls = (
      from: try await TestBackend.postgres.freshURL(in: folder),
      to: try await TestBackend.postgres.freshURL(in: folder)
    )
    let old = try await TestBackend.open(urls.from, [.coherence])
    let new = try await TestBackend.open(urls.to, [.coherence])
    try await old.load((0..<3_000).map { AgentTask.sample($0) })
    let store = try await Store.moving(from: old, to: new)
    let move = try #require(store.move)
    try await move.request(.shadow)
    let acknowledged = Acknowledged<String>()
    async let writing: Void = withThrowingTaskGroup { group in
      for writer in 0..<4 {
        group.addTask {
          var generator = SeededGenerator(seed: seed * 10 + UInt64(writer))
          var count = 0
          while !acknowledged.isOver {
            // Each writer has rows of its own, so that what it wrote last is what must be there.
            let number = Int.random(in: 0..<800, using: &generator) * 4 + writer
            count += 1
            var task = AgentTask.sample(number)
            task.output = "\(count)"
            let id = "task-\(number)"
            try await store.upsert([task])
            acknowledged.note(id, count)
            let read = try await store.find(AgentTask.self, id)
            #expect(read?.output == "\(count)", "its own writes are read")
          }
        }
      }
      try await group.waitForAll()
    }
    var generator = SeededGenerator(seed: seed)
    let words = ["--from", urls.from, "--to", urls.to]
    for _ in 0..<6 {
      let running = try RoostProcess(["move", "run"] + words)
      try await Task.sleep(for: .milliseconds(Int.random(in: 200...900, using: &generator)))
      kill(running.process.processIdentifier, SIGKILL)
      _ = try await running.outcome()
      // Nobody runs the move for as long as the killed one may still be alive.
      try await Self.endLease(of: [old, new])
    }
    let last = try await RoostProcess.run(["move", "live"] + words)
    #expect(last.code == 0, "\(last.errors)")
    try await eventually("the writers know") { move.backend.state.stage == .live }
    acknowledged.end()
    try await writing
    let shadow = try await RoostProcess.run(["move", "shadow"] + words)
    #expect(shadow.code == 0, "\(shadow.errors)")
    let verified = try await RoostProcess.run(["verify", urls.from, urls.to, "--json"])
    #expect(verified.code == 0, "\(verified.output)")
    let rows = try await Self.tasks(old)
    for (id, count) in acknowledged.all { #expect(rows[id] == count, "\(id)") }
    #expect(rows.count >= 3_000)
    await store.close()
  }

  /// Makes the lease of a killed mover one that has run out.
  private static func endLease(of stores: [Store]) async throws {
    for store in stores {
      let lease = Expression.comparison(.equal, .column("name"), .literal(.text("lease")))
      _ = try await store.backend.apply(
        [.delete(Mutation.Delete(table: "roost_moves", filter: lease))])
    }
  }

  @Test func killedOnAFolder() async throws {
    let folder = try TemporaryFolder()
    let urls = (from: "file:\(folder.path)/old", to: "file:\(folder.path)/new")
    let old = try await TestBackend.open(urls.from, [.coherence])
    try await old.load((0..<1_000).map { AgentTask.sample($0) })
    await old.close()
    let words = ["--from", urls.from, "--to", urls.to]
    var kills = 0
    while true {
      let running = try RoostProcess(["move", "live"] + words)
      let pause = 0.05 * Double(kills + 2)
      // A thread of its own is on time.
      Thread.detachNewThread {
        Thread.sleep(forTimeInterval: pause)
        if running.process.isRunning { kill(running.process.processIdentifier, SIGKILL) }
      }
      let outcome = try await running.outcome()
      guard outcome.code == -SIGKILL else {
        #expect(outcome.code == 0, "\(outcome.errors)")
        break
      }
      kills += 1
      let stores = [
        try await TestBackend.open(urls.from, [.coherence]),
        try await TestBackend.open(urls.to, [.coherence]),
      ]
      #expect(try await Self.tasks(stores[0]).count == 1_000)
      try? await Self.endLease(of: stores)
      for store in stores { await store.close() }
    }
    #expect(kills > 1)
    let verified = try await RoostProcess.run(["verify", urls.from, urls.to])
    #expect(verified.code == 0, "\(verified.output)")
  }

  @Test func whatIsRefused() async throws {
    let folder = try TemporaryFolder()
    let old = "file:\(folder.path)/old"
    let new = "file:\(folder.path)/new"
    for url in [old, new] {
      let store = try await TestBackend.open(url, [.coherence])
      try await store.load([AgentTask.sample(1)])
      await store.close()
    }
    func move(_ words: String...) async throws -> RoostProcess.Outcome {
      try await RoostProcess.run(["move"] + words)
    }
    let full = try await move("live", "--from", old, "--to", new)
    #expect(full.code == 1)
    #expect(full.errors.contains("is not empty: \"agent_tasks\" has rows"), "\(full.errors)")
    let same = try await move("live", "--from", old, "--to", old)
    #expect(same.code == 2, "\(same.errors)")
    let percent = try await move("percentage", "--percent", "101", "--from", old, "--to", new)
    #expect(percent.code != 0)
    #expect(percent.errors.contains("from 1 to 100"), "\(percent.errors)")
    #expect(try await move("sideways", "--from", old, "--to", new).code == 2)
    let reversed = try await move("status", "--from", new, "--to", old)
    #expect(reversed.code == 1)
    #expect(reversed.errors.contains("the wrong way round"), "\(reversed.errors)")
    let other = "file:\(folder.path)/other"
    let stranger = try await TestBackend.open(other, [.coherence])
    await stranger.close()
    _ = try await move("dual_write", "--from", old, "--to", other)
    let mixed = try await move("status", "--from", new, "--to", other)
    #expect(mixed.code == 1, "\(mixed.output)")
  }
}

extension AgentTask {
  fileprivate static func sample(_ number: Int) -> AgentTask {
    AgentTask("build", type: .impl, model: "m", command: "c", id: "task-\(number)")
  }
}
