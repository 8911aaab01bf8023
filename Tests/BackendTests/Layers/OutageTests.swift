import Foundation
import Roost
import RoostTesting
import Testing

/// A server that falls silent, ends and starts again under load: each policy keeps its promise, and
/// what was acknowledged is there.
@Suite(.timeLimit(.minutes(15))) struct OutageTests {
  /// What a URL asks for, and which errors its writers may get.
  struct Policy: Sendable, CustomTestStringConvertible {
    var parameters: String
    var errors: Set<StoreError.Code>
    /// Whether a row may be in the hands of the program instead.
    var leavesBehind = false

    var testDescription: String { parameters.isEmpty ? "none" : parameters }

    static let all = [
      Policy(parameters: "", errors: [.unavailable, .outcomeUnknown]),
      Policy(parameters: "retry=4", errors: [.unavailable, .outcomeUnknown]),
      Policy(
        parameters: "breaker=3&timeout=1500",
        errors: [.unavailable, .outcomeUnknown, .deadlineExceeded]),
      Policy(
        parameters: "fallback=read-only&timeout=1500",
        errors: [.unavailable, .outcomeUnknown, .deadlineExceeded]),
      Policy(
        parameters: "fallback=memory&timeout=1500",
        errors: [.unavailable, .outcomeUnknown, .deadlineExceeded], leavesBehind: true),
      // The folder answers whatever happens to the server.
      Policy(parameters: "write_behind", errors: []),
    ]
  }

  @Test(arguments: Policy.all) func underLoad(policy: Policy) async throws {
    let folder = try TemporaryFolder()
    let server = try await ThrowawayPostgres.start(.trust)
    defer { server.stop() }
    let plain = server.url(database: try await server.createDatabase())
    let front = "write_behind=\(folder.path)/front".replacing("/", with: "%2F")
    let parameters = policy.parameters == "write_behind" ? front : policy.parameters
    let store = try await TestBackend.open(
      plain + "?pool_timeout=10&" + parameters, [Moved.migrations])
    let acknowledged = Acknowledged<Int>()
    try await withThrowingTaskGroup { group in
      for _ in 0..<4 {
        group.addTask {
          while !acknowledged.isOver {
            let id = acknowledged.next()
            do {
              try await store.insert(Owner(id: id, code: "c\(id)"))
              acknowledged.note(id, id)
            } catch let error as StoreError {
              #expect(policy.errors.contains(error.code), "\(error)")
              try await Task.sleep(for: .milliseconds(5))
            }
          }
        }
      }
      group.addTask {
        defer { acknowledged.end() }
        try await eventually("some are there") { acknowledged.all.count > 10 }
        try server.pause()
        try await Task.sleep(for: .milliseconds(1_000))
        try server.resume()
        try await Task.sleep(for: .milliseconds(500))
        try await server.halt()
        try await Task.sleep(for: .milliseconds(500))
        try await server.restart()
        try await Task.sleep(for: .milliseconds(1_500))
      }
      try await group.waitForAll()
    }
    // It comes back by itself.
    try await eventually("it comes back") {
      // A breaker finds out by a call.
      _ = try? await store.find(Owner.self, 1)
      switch await store.health() {
      case .ready: return true
      case .degraded(let reason):
        return policy.leavesBehind && !reason.contains("in memory only")
      case .unavailable: return false
      }
    }
    let left = store.takeLeftBehind()
    try await eventually("it is ready") { await store.health() == .ready }
    if let move = store.move {
      // Closing waits ten seconds for what is on its way.
      try await eventually("nothing waits") { (try? await move.status().waiting) == 0 }
    }
    await store.close()
    let after = try await TestBackend.open(plain, [Moved.migrations])
    let there = Set(try await after.select(Owner.self).fetch().map(\.id))
    let missing = Set(acknowledged.all.keys).subtracting(there)
    #expect(missing.count <= left.count, "\(missing), \(left)")
    await after.close()
  }
}
