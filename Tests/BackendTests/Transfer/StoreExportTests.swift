import Foundation
import Roost
import RoostCore
import RoostTesting
import Testing

/// A store as one plain document, and back.
@Suite(.timeLimit(.minutes(15))) struct StoreExportTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func path(_ name: String) -> String { "\(folder.path)/\(name).json" }

  private func export(_ store: Store, _ name: String) async throws -> Data {
    try await StoreExport.write(store, migrations: [ConformanceSuite.migrations], to: path(name))
    return try Data(contentsOf: URL(fileURLWithPath: path(name)))
  }

  @Test(arguments: TestBackend.allCases, TestBackend.allCases)
  func thereAndBack(from: TestBackend, to: TestBackend) async throws {
    let old = try await TestBackend.open(
      try await from.freshURL(in: folder), [ConformanceSuite.migrations])
    try await DifferentialRun(seed: 8, steps: 150).run(on: [old])
    let document = try await export(old, "first")
    let parsed = try #require(
      try JSONSerialization.jsonObject(with: document) as? [String: Any])
    #expect(parsed["format"] as? String == "roost-export")
    let new = try await TestBackend.open(
      try await to.freshURL(in: folder), [ConformanceSuite.migrations])
    let report = try await StoreExport(reading: path("first")).load(into: new)
    #expect(report.rows > 20)
    #expect(try await export(new, "second") == document, "the same rows give the same bytes")
    #expect(try await ConformanceSuite.dump(new) == ConformanceSuite.dump(old))
    let full = await failure {
      _ = try await StoreExport(reading: path("first")).load(into: new)
    }
    #expect(full == "invalidConfiguration -")
    await old.close()
    await new.close()
  }

  @Test func whatIsNoExport() async throws {
    let store = try await Tallies.open("memory:")
    try await store.insert(Tally(id: 1, value: 1))
    try await StoreExport.write(store, migrations: [Tallies.migrations], to: path("good"))
    let text = try String(contentsOfFile: path("good"), encoding: .utf8)
    func reading(_ text: String, into other: Store? = nil) async throws -> String {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path("bad")))
      return await failure {
        let export = try StoreExport(reading: path("bad"))
        // Their migration brings rows.
        if let other { _ = try await export.load(into: other, intoNonEmpty: true) }
      }
    }
    for cut in [0, 1, text.count / 2, text.count - 3] {
      #expect(try await reading(String(text.prefix(cut))) == "corrupted -", "\(cut)")
    }
    #expect(try await reading("{}") == "corrupted -")
    #expect(
      try await reading(text.replacing("\"version\":1,\"mig", with: "\"version\":2,\"mig"))
        == "invalidConfiguration -")
    #expect(
      await failure { () async throws in _ = try StoreExport(reading: path("none")) }
        == "invalidConfiguration -")
    func target() async throws -> Store { try await Tallies.open("memory:") }
    let other = try await TestBackend.open("memory:", [Note.migrations])
    #expect(try await reading(text, into: other) == "schemaDrift -")
    let wrong = text.replacing("\"value\":1}", with: "\"value\":\"one\"}")
    #expect(try await reading(wrong, into: try await target()) == "corrupted -")
    let extra = text.replacing("\"value\":1}", with: "\"value\":1,\"more\":1}")
    #expect(try await reading(extra, into: try await target()) == "corrupted -")
    let twice = text.replacing(
      "{\"id\":1,\"value\":1}", with: "{\"id\":1,\"value\":1},{\"id\":1,\"value\":1}")
    #expect(try await reading(twice, into: try await target()) == "uniqueViolation tallies_pkey")
    await other.close()
    await store.close()
  }
}
