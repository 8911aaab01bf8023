import Foundation
import Roost
import RoostSystems
import RoostTesting
import Testing

/// What the command makes of bad input, and of being stopped.
@Suite(.timeLimit(.minutes(15))) struct CommandTests {
  private static let list = """
    Package: alpha
    Depends: beta (>= 1.0), gamma | delta

    Package: beta

    Package: gamma
    Description: a library
     with more words

    """

  private func refused(
    _ arguments: [String], code: Int32, saying words: String, input: String? = nil,
    environment: [String: String] = [:]
  ) async throws {
    let outcome = try await RoostProcess.run(arguments, input: input, environment: environment)
    #expect(outcome.code == code, "\(arguments): \(outcome.errors)")
    #expect(outcome.output == "", "\(arguments)")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.last?.contains(words) == true, "\(arguments): \(outcome.errors)")
    #expect(!outcome.errors.contains("hunter2"), "a secret is shown: \(outcome.errors)")
  }

  @Test func badURLs() async throws {
    try await refused(["stats", "--url", "redis://x"], code: 1, saying: "unknown scheme \"redis\"")
    try await refused(
      ["stats", "--url", "file:/tmp/x?colour=red"], code: 1, saying: "unknown parameter \"colour\"")
    try await refused(
      ["stats", "--url", "postgres://me:hunter2@localhost:54x/db"], code: 1, saying: "port")
    try await refused(
      ["stats", "--url", "postgres://me:hunter2@127.0.0.1:1/db"], code: 1, saying: "127.0.0.1")
    try await refused(
      ["stats", "--url", "postgres://me:hunter2@localhost/db?colour=red"], code: 1,
      saying: "colour")
    try await refused(
      ["stats"], code: 1, saying: "unknown scheme \"redis\"",
      environment: ["DATABASE_URL": "redis://me:hunter2@x"])
    try await refused(["stats", "--url", "memory:"], code: 2, saying: "--from")
    try await refused(
      ["index", "--url", "file:/no/such/folder/store"], code: 1, saying: "/no/such/folder")
    try await refused(["fly"], code: 2, saying: "no command \"fly\"")
    try await refused(["stats", "--fast"], code: 2, saying: "--fast")
  }

  @Test func missingStoreAndProject() async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    try await refused(["stats", "--url", url], code: 1, saying: "no store")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/store"))
    let indexed = try await RoostProcess.run(["index", "-", "--url", url], input: Self.list)
    #expect(indexed.code == 0, "\(indexed.errors)")
    try await refused(["show", "omega", "--url", url], code: 3, saying: "no project \"omega\"")
  }

  @Test func lockedFolder() async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    let store = try await TestBackend.open(url, [.coherence])
    try await refused(["index", "-", "--url", url], code: 1, saying: "open in another process")
    await store.close()
    #expect(try await RoostProcess.run(["index", "-", "--url", url], input: Self.list).code == 0)
  }

  @Test func damagedFileAndDrift() async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    _ = try await RoostProcess.run(["index", "-", "--url", url], input: Self.list)
    let path = folder.path + "/store/journal-00000001.jsonl"
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    try await refused(["stats", "--url", url], code: 1, saying: "is damaged")
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes, "nothing was changed")

    let other = "file:\(folder.path)/other"
    var edited = MigrationSet.coherence
    for index in edited.files.indices { edited.files[index].text += "\n-- edited\n" }
    await (try await TestBackend.open(other, [edited])).close()
    try await refused(["stats", "--url", other], code: 1, saying: "edited")
  }

  @Test func brokenInput() async throws {
    let folder = try TemporaryFolder()
    let url = "file:\(folder.path)/store"
    _ = try await RoostProcess.run(["index", "-", "--url", url], input: Self.list)
    let before = try await RoostProcess.run(["search", "a", "--json", "--url", url]).output
    #expect(before.contains("gamma"))
    try await refused(
      ["index", "-", "--url", url], code: 1, saying: "standard input:5",
      input: "Package: omega\nDepends: beta\n\nPackage: psi\nno field\n")
    try await refused(
      ["index", "-", "--url", url], code: 1, saying: "ends in the middle",
      input: "Package: omega\n\nPackage: ps")
    try await refused(
      ["index", folder.path + "/none", "--url", url], code: 1, saying: "does not exist")
    let packed = folder.path + "/list.gz"
    try Data("this is no gzip".utf8).write(to: URL(fileURLWithPath: packed))
    try await refused(["index", packed, "--url", url], code: 1, saying: "cannot be decompressed")
    let after = try await RoostProcess.run(["search", "a", "--json", "--url", url]).output
    #expect(after == before, "nothing of a broken list is stored")
  }

  @Test func answersFromMemory() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/list"
    try Data(Self.list.utf8).write(to: URL(fileURLWithPath: path))
    let outcome = try await RoostProcess.run(
      ["dependencies", "alpha", "--url", "memory:", "--json", "--from", path])
    #expect(outcome.code == 0)
    #expect(outcome.output.contains("\"name\":\"beta\""), "\(outcome.output)")
    #expect(!outcome.output.contains("delta"))
    #expect(outcome.errors.contains("memory:"), "it says which backend it opened")
  }

  /// A list that takes long enough to be stopped in.
  private func bigList(_ count: Int) -> String {
    (0..<count).map { number in
      "Package: package-\(number)\nDepends: package-\((number + 1) % count)\n"
    }.joined(separator: "\n")
  }

  /// Indexes and sends a signal when a batch is in. On a thread of its own, since the tests' own
  /// threads may be busy for longer than the command takes.
  private func index(
    _ url: String, _ path: String, signal: Int32, afterMilliseconds wait: Int
  ) async throws -> RoostProcess.Outcome {
    let running = try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread {
        continuation.resume(
          with: Result {
            let running = try RoostProcess(["index", path, "--url", url])
            while running.process.isRunning && !running.errorsSoFar.contains("indexing") {
              Thread.sleep(forTimeInterval: 0.001)
            }
            Thread.sleep(forTimeInterval: Double(wait) / 1_000)
            kill(running.process.processIdentifier, signal)
            return running
          })
      }
    }
    return try await running.outcome()
  }

  @Test func interruptionFinishesTheBatch() async throws {
    let folder = try TemporaryFolder()
    let (url, path) = ("file:\(folder.path)/store", folder.path + "/list")
    try Data(bigList(8_000).utf8).write(to: URL(fileURLWithPath: path))
    let stopped = try await index(url, path, signal: SIGINT, afterMilliseconds: 0)
    #expect(stopped.code == 130, "\(stopped.errors)")
    #expect(stopped.output.contains("stopped; stored so far"))
    let again = try await RoostProcess.run(["index", path, "--url", url, "--json"])
    #expect(again.code == 0)
    let stats = try await RoostProcess.run(["stats", "--url", url])
    #expect(stats.output.hasSuffix("8000 projects, 8000 edges\n"), "\(stats.output)")
    let third = try await RoostProcess.run(["index", path, "--url", url, "--json"])
    #expect(third.output.contains("\"inserted\":0,\"changed\":0,\"unchanged\":8000"))
  }

  @Test(arguments: [1, 4, 9])
  func killLosesNothingAcknowledged(wait: Int) async throws {
    let folder = try TemporaryFolder()
    let (url, path) = ("file:\(folder.path)/store", folder.path + "/list")
    try Data(bigList(8_000).utf8).write(to: URL(fileURLWithPath: path))
    let killed = try await index(url, path, signal: SIGKILL, afterMilliseconds: wait * 30)
    // A line of progress follows each batch that was acknowledged.
    let acknowledged =
      killed.errors.split(separator: "\n").compactMap { line -> Int? in
        guard line.hasPrefix("indexing"), let share = line.split(separator: " ").last else {
          return nil
        }
        return Int(share.prefix { $0 != "/" })
      }.max() ?? 0
    let store = try await TestBackend.open(url, [.coherence])
    let projects = try await store.select(Project.self).count()
    let edges = try await store.select(ProjectDependency.self).count()
    await store.close()
    #expect(projects + edges >= acknowledged, "\(killed.errors)")
    #expect(projects % 1_000 == 0 && edges % 1_000 == 0, "no batch is half there")
    #expect(try await RoostProcess.run(["index", path, "--url", url]).code == 0)
    let stats = try await RoostProcess.run(["stats", "--url", url])
    #expect(stats.output.hasSuffix("8000 projects, 8000 edges\n"), "\(stats.output)")
  }
}
