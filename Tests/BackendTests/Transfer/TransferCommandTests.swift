import Foundation
import Roost
import RoostCore
import RoostSystems
import RoostTesting
import Testing

/// `roost copy`, `verify`, `backup` and `restore`, and what they make of bad input and of kill -9.
@Suite(.timeLimit(.minutes(15)), .serialized) struct TransferCommandTests {
  private static func list(_ count: Int) -> String {
    (0..<count).map { number in
      "Package: package-\(number)\nDepends: package-\((number + 1) % count)\n"
    }.joined(separator: "\n")
  }

  /// A file store with a small graph.
  private func indexed(_ folder: TemporaryFolder, _ count: Int = 200) async throws -> String {
    let url = "file:\(folder.path)/indexed"
    let outcome = try await RoostProcess.run(
      ["index", "-", "--url", url], input: Self.list(count))
    #expect(outcome.code == 0, "\(outcome.errors)")
    return url
  }

  private func run(
    _ words: [String], code: Int32 = 0, says: String = "", complains: String = ""
  ) async throws -> String {
    let outcome = try await RoostProcess.run(words)
    #expect(outcome.code == code, "\(words): \(outcome.errors)")
    #expect(says.isEmpty || outcome.output.contains(says), "\(words): \(outcome.output)")
    #expect(
      complains.isEmpty || outcome.errors.contains(complains), "\(words): \(outcome.errors)")
    #expect(!outcome.errors.contains("hunter2"))
    return outcome.output
  }

  @Test func aRoundOfAll() async throws {
    let folder = try TemporaryFolder()
    let from = try await indexed(folder)
    let postgres = try await TestBackend.postgres.freshURL(in: folder)
    let copy = try await run(["copy", from, postgres, "--json"])
    let report = try JSON(parsing: copy)
    #expect(report["tables"]?.array?.count == 6)
    #expect(report["seconds"]?.number != nil)
    _ = try await run(["verify", from, postgres], says: "the stores are equal")
    _ = try await run(
      ["verify", from, postgres, "--tables", "nothing"], code: 2, complains: "no table")
    let backups = folder.path + "/backups"
    let written = try await run(["backup", backups, "--url", postgres, "--gzip", "--keep", "30"])
    let backup = String(written.split(separator: "\n")[0])
    _ = try await run(["backup", "verify", backup], says: "400 rows")
    _ = try await run(["backup", "list", backups], says: "400 rows")
    let restored = "file:\(folder.path)/restored"
    _ = try await run(["restore", backup, "--url", restored], says: "compared and equal")
    _ = try await run(["verify", restored, from], says: "the stores are equal")
    // One row changed by hand is found, and repaired only when that is asked for.
    let store = try await TestBackend.open(postgres, [.coherence])
    _ = try await store.select(Project.self).where { $0.name == "package-7" }
      .update { [$0.description.set(to: "changed")] }
    await store.close()
    let found = try await run(["verify", from, postgres], code: 1, says: "the stores differ")
    #expect(found.contains("200 rows: 0 missing, 0 extra, 1 different"), "\(found)")
    _ = try await run(
      ["verify", from, postgres, "--repair"], code: 1,
      complains: "projects: 0 inserts, 1 updates, 0 deletes")
    _ = try await run(["verify", from, postgres], code: 1)
    _ = try await run(
      ["verify", from, postgres, "--repair", "--yes"], says: "the stores are equal",
      complains: "1 rows changed")
    let equal = try await run(["verify", from, postgres, "--json"])
    #expect(try JSON(parsing: equal)["tables"]?.array?.count == 6)
  }

  @Test func badInput() async throws {
    let folder = try TemporaryFolder()
    let from = try await indexed(folder)
    let path = folder.path + "/indexed"
    let empty = "file:\(folder.path)/empty"
    await (try await TestBackend.open(empty, [.compilations])).close()
    try FileManager.default.createSymbolicLink(
      atPath: folder.path + "/link", withDestinationPath: path)
    let before = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let cases: [(words: [String], code: Int32, complaint: String)] = [
      (["copy", from, from], 2, "the same store"),
      (
        [
          "copy", from,
          "file:\(folder.path)/../\(folder.path.split(separator: "/").last ?? "")/indexed",
        ], 2, "the same store"
      ),
      (["verify", from, "file:\(folder.path)/link"], 2, "the same store"),
      (["copy", "memory:a", "memory:a"], 2, "the same store"),
      (["copy", from], 2, "usage"),
      (["copy", from, empty, "--url", from], 2, "FROM and TO"),
      (["copy", "memory:", empty], 2, "--from"),
      (["copy", "file:\(folder.path)/none", empty], 1, "no store"),
      (["verify", from, empty], 2, "also holds"),
      (["verify", from, "file:\(folder.path)/none"], 1, "no store"),
      (["verify", from, empty, "--yes"], 2, "--repair"),
      (["copy", from, "postgres://me:hunter2@127.0.0.1:1/db"], 1, "127.0.0.1"),
      (["backup", "list", folder.path + "/none"], 1, "does not exist"),
      (["backup", "verify", path], 1, "no backup"),
      (["backup", "list"], 2, "list FOLDER"),
      (["backup", path, "--keep", "soon", "--url", from], 2, "--keep"),
      (["restore", path, "--url", empty], 1, "no backup"),
    ]
    for one in cases {
      _ = try await run(one.words, code: one.code, complains: one.complaint)
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == before)
    _ = try await run(["copy", from, "file:\(folder.path)/new"])
    _ = try await run(
      ["copy", from, "file:\(folder.path)/new"], code: 1, complains: "is not empty")
    _ = try await run(["copy", from, "file:\(folder.path)/new", "--into-non-empty"])
  }

  /// Without gzip it is said so, and nothing is written.
  @Test func withoutGzip() async throws {
    let folder = try TemporaryFolder()
    let from = try await indexed(folder)
    let outcome = try await RoostProcess.run(
      ["backup", folder.path + "/backups", "--url", from, "--gzip"],
      environment: ["PATH": folder.path])
    #expect(outcome.code == 1)
    #expect(outcome.errors.contains("gzip is not installed"), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.path + "/backups"))
  }

  // MARK: kill -9

  /// Runs a command and kills it at a moment of its whole length.
  private func kill(_ words: [String], after wait: Duration) async throws -> Bool {
    let running = try RoostProcess(words)
    let start = ContinuousClock.now
    while ContinuousClock.now - start < wait, running.process.isRunning {
      try await Task.sleep(for: .milliseconds(1))
    }
    Foundation.kill(running.process.processIdentifier, SIGKILL)
    return try await running.outcome().code == -SIGKILL
  }

  @Test(arguments: [TestBackend.file, .postgres])
  func killedCopy(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let from = try await indexed(folder, 4_000)
    let first = try await backend.freshURL(in: folder)
    let watch = ContinuousClock.now
    _ = try await run(["copy", from, first])
    let whole = ContinuousClock.now - watch
    var target = try await backend.freshURL(in: folder)
    for part in [0.2, 0.4, 0.6, 0.8, 0.95] {
      let wasKilled = try await kill(["copy", from, target], after: whole * part)
      let store = try await TestBackend.open(target, [.coherence])
      let rows = try await TransferFixture.dump(store).count
      await store.close()
      // It is all there or not at all; what was not killed in time is all there.
      #expect(rows == 0 || rows == 8_000, "\(part)")
      if !wasKilled { #expect(rows == 8_000) }
      if rows > 0 { target = try await backend.freshURL(in: folder) }
    }
    // A server may still be at work for a client that is gone.
    _ = try await run(["copy", from, try await backend.freshURL(in: folder)])
  }

  @Test func killedBackup() async throws {
    let folder = try TemporaryFolder()
    let from = try await indexed(folder, 4_000)
    let backups = folder.path + "/backups"
    let watch = ContinuousClock.now
    _ = try await run(["backup", backups, "--url", from])
    let whole = ContinuousClock.now - watch
    for part in [0.3, 0.5, 0.7, 0.9] {
      _ = try await kill(["backup", backups, "--url", from], after: whole * part)
      for entry in try Backup.list(in: backups) {
        let backup = try #require(entry.backup, "\(entry.name) is no whole backup")
        try await backup.verify()
        #expect(backup.manifest.rows == 8_000)
      }
    }
    _ = try await run(["backup", backups, "--url", from])
    let left = try FileManager.default.contentsOfDirectory(atPath: backups)
    #expect(!left.contains { $0.hasSuffix(".unfinished") }, "what was killed is cleared away")
  }
}
