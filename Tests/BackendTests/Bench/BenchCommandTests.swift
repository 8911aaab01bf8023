import Foundation
import Roost
import RoostBench
import RoostCore
import RoostTesting
import Testing

/// `roost bench` as a process.
@Suite(.timeLimit(.minutes(15))) struct BenchCommandTests {
  @Test func measuresSideBySide() async throws {
    let folder = try TemporaryFolder()
    let postgres = try await TestBackend.postgres.freshURL(in: folder)
    let output = folder.path + "/figures.json"
    let urls = ["memory:", "file:\(folder.path)/store", postgres]
    let outcome = try await RoostProcess.run(
      ["bench"] + urls.flatMap { ["--url", $0] } + [
        "--quick", "--records", "200", "--rounds", "2", "--only", "tasks-f,documents-load,growth",
        "--json", output,
      ])
    #expect(outcome.code == 0, "\(outcome.errors)")
    for words in ["F: half reads", "load of documents", "a search without an index", "file:"] {
      #expect(outcome.output.contains(words), "\(outcome.output)")
    }
    let text = try String(contentsOfFile: output, encoding: .utf8)
    let results = try JSON.decode(Results.self, from: text)
    #expect(results.sections.map(\.comparisons.count) == [2])
    #expect(results.sections.map(\.curves.count) == [4])
    #expect(results.sections[0].comparisons.allSatisfy { $0.contestants.count == 3 })
    let shown = outcome.output + outcome.errors + text
    #expect(!shown.contains("p@ss") && !shown.contains("p%40ss"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["figures.json"])
  }

  @Test func refusesWhatHasNoMeaning() async throws {
    let cases: [(words: [String], code: Int32, saying: String)] = [
      ([], 2, "--url"), (["--url", "memory:", "--only", "chess"], 2, "documents-a"),
      (["--url", "memory:", "--rounds", "0"], 2, "--rounds"),
      (["--url", "memory:", "--records", "many"], 2, "--records"),
      (["--url", "memory:x", "--url", "memory:x"], 2, "the same store"),
      (["--url", "postgres://me:hunter2@127.0.0.1:1/db"], 1, "127.0.0.1"),
    ]
    for (words, code, saying) in cases {
      let outcome = try await RoostProcess.run(["bench"] + words)
      #expect(outcome.code == code, "\(words): \(outcome.errors)")
      #expect(outcome.errors.contains(saying), "\(words): \(outcome.errors)")
      #expect(outcome.output == "" && !outcome.errors.contains("hunter2"))
    }
  }

  @Test func isStoppedByAnInterrupt() async throws {
    let folder = try TemporaryFolder()
    let run = try RoostProcess([
      "bench", "--url", "file:\(folder.path)/store", "--only", "rate", "--seconds", "100",
    ])
    while !FileManager.default.fileExists(atPath: folder.path + "/store") {
      try await Task.sleep(for: .milliseconds(5))
    }
    // The store is open; what is measured begins in a moment or has begun.
    while !run.errorsSoFar.contains("store") { try await Task.sleep(for: .milliseconds(5)) }
    run.process.interrupt()
    let outcome = try await run.outcome()
    #expect(outcome.code == 130, "\(outcome.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
  }
}
