import Foundation
import Roost
import RoostCore
import Testing

/// What a file store makes of files that a crash or a fault has left.
@Suite(.timeLimit(.minutes(2))) struct RecoveryTests {
  private static let journal = "journal-00000001.jsonl"

  @Test func journalCutAtEveryByteOfItsEnd() async throws {
    let fixture = try FileStoreFixture()
    let files = try await fixture.crashed(notes: 5)
    let bytes = try #require(files[Self.journal])
    // Ends of lines: header, migration, then a line a note.
    let ends = bytes.indices.filter { bytes[$0] == 10 }.map { $0 + 1 }
    try #require(ends.count == 7)
    for cut in (ends[4] - 1)...bytes.count {
      var cutFiles = files
      cutFiles[Self.journal] = bytes.prefix(cut)
      let path = try fixture.makeFolder("cut", cutFiles)
      let log = LogCollector()
      let store = try await fixture.open(path, log: log)
      let rows = try await store.select(Note.self).values { $0.text }
      await store.close()
      let whole = ends.last { $0 <= cut } ?? 0
      #expect(rows == FileStoreFixture.texts(ends.count { $0 <= cut } - 2), "cut at \(cut)")
      let kept = try quarantined(path)
      #expect(kept == (whole == cut ? [] : [Data(bytes[whole..<cut])]), "cut at \(cut)")
      #expect(log.warnings.count == (whole == cut ? 0 : 1), "cut at \(cut)")
      #expect(try await fixture.rows(path) == rows, "opened again, cut at \(cut)")
    }
  }

  private func quarantined(_ path: String) throws -> [Data] {
    let folder = path + "/quarantine"
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).map {
      try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\($0)"))
    }
  }

  @Test(arguments: [false, true])
  func flippedBitOfJournal(isClosed: Bool) async throws {
    let fixture = try FileStoreFixture()
    let crashed = try await fixture.crashed(notes: 4)
    let files = isClosed ? try fixture.files() : crashed
    let bytes = try #require(files[Self.journal])
    var opened = 0
    for place in stride(from: 0, to: bytes.count, by: 5) {
      var flipped = bytes
      flipped[place] ^= 1 << UInt8(place % 8)
      var changed = files
      changed[Self.journal] = flipped
      let path = try fixture.makeFolder("flipped", changed)
      do {
        let rows = try await fixture.rows(path)
        opened += 1
        // Only an unfinished end may be missing, and then it is kept.
        #expect(rows == FileStoreFixture.texts(rows.count), "bit of byte \(place)")
        #expect(try !quarantined(path).isEmpty, "bit of byte \(place)")
      } catch let error as StoreError {
        #expect(
          [.corrupted, .invalidConfiguration].contains(error.code), "byte \(place): \(error)")
        #expect(try fixture.files(path)[Self.journal] == flipped, "a refused store is not changed")
      }
    }
    #expect(opened < bytes.count / 5 / 2)
  }

  @Test func flippedBitOfSnapshot() async throws {
    let fixture = try FileStoreFixture()
    let path = try fixture.makeFolder("crashed", try await fixture.crashed(notes: 6))
    #expect(try await fixture.rows(path) == FileStoreFixture.texts(6))
    let files = try fixture.files(path)
    let bytes = try #require(files["snapshot.json"])
    for place in stride(from: 0, to: bytes.count, by: 5) {
      var flipped = bytes
      flipped[place] ^= 1 << UInt8(place % 8)
      var changed = files
      changed["snapshot.json"] = flipped
      let path = try fixture.makeFolder("flipped", changed)
      let error = await #expect(throws: StoreError.self, "bit of byte \(place)") {
        try await fixture.rows(path)
      }
      #expect([.corrupted, .invalidConfiguration].contains(error?.code), "byte \(place)")
    }
    for count in stride(from: 0, to: bytes.count, by: 7) {
      var changed = files
      changed["snapshot.json"] = bytes.prefix(count)
      let path = try fixture.makeFolder("cut", changed)
      let error = await #expect(throws: StoreError.self) { try await fixture.rows(path) }
      #expect(error?.code == .corrupted, "snapshot cut at \(count)")
    }
  }

  @Test func missingAndForeignFiles() async throws {
    let fixture = try FileStoreFixture()
    let path = try fixture.makeFolder("crashed", try await fixture.crashed(notes: 3))
    _ = try await fixture.rows(path)
    let files = try fixture.files(path)
    let journal = try #require(files.keys.first { $0.hasPrefix("journal-") })
    let other = try FileStoreFixture()
    let otherPath = try other.makeFolder("crashed", try await other.crashed(notes: 3))
    _ = try await other.rows(otherPath)
    let foreign = try other.files(otherPath)

    func refused(_ change: (inout [String: Data]) throws -> Void) async throws -> StoreError.Code? {
      var changed = files
      try change(&changed)
      let path = try fixture.makeFolder("changed", changed)
      let error = await #expect(throws: StoreError.self) { try await fixture.rows(path) }
      return error?.code
    }
    #expect(try await refused { $0[journal] = nil } == .corrupted)
    #expect(try await refused { $0["snapshot.json"] = nil } == .corrupted)
    #expect(try await refused { $0[journal] = foreign[journal] } == .corrupted)
    #expect(try await refused { $0["snapshot.json"] = foreign["snapshot.json"] } == .corrupted)
    #expect(
      try await refused { $0[journal] = ($0[journal] ?? Data()) + Data("x\n".utf8) } == .corrupted)
    #expect(
      try await refused { try Self.replace("\"version\":1", "\"version\":2", in: &$0[journal]) }
        == .invalidConfiguration)
    #expect(
      try await refused {
        try Self.replace("\"version\":1", "\"version\":2", in: &$0["snapshot.json"])
      } == .invalidConfiguration)
    #expect(try await fixture.rows(path) == FileStoreFixture.texts(3), "the untouched one opens")
  }

  private static func replace(_ old: String, _ new: String, in data: inout Data?) throws {
    let text = String(decoding: try #require(data), as: UTF8.self)
    try #require(text.contains(old))
    data = Data(text.replacing(old, with: new).utf8)
  }

  @Test func leftoversOfACompaction() async throws {
    let fixture = try FileStoreFixture()
    var files = try await fixture.crashed(notes: 3)
    files["snapshot.json.tmp"] = Data("half a snapsh".utf8)
    let path = try fixture.makeFolder("leftover", files)
    #expect(try await fixture.rows(path) == FileStoreFixture.texts(3))
    #expect(try fixture.files(path)["snapshot.json.tmp"] == nil)
    // The old journal, which a compaction had no time to remove, beside the new snapshot.
    var again = try fixture.files(path)
    again[Self.journal] = files[Self.journal]
    let both = try fixture.makeFolder("both", again)
    #expect(try await fixture.rows(both) == FileStoreFixture.texts(3))
  }

  /// What a line puts around a document does not count towards its depth.
  @Test func deepestDocument() async throws {
    let folder = try TemporaryFolder()
    let sets = [
      MigrationSet(
        system: "deep",
        files: [
          MigrationFile(
            name: "V001__deep.sql",
            text: "CREATE TABLE deep (id integer PRIMARY KEY, document jsonb);")
        ])
    ]
    func brackets(_ one: String) -> String { String(repeating: one, count: JSON.maximumDepth) }
    let row: [Value] = [.int(1), .json(try JSON(parsing: brackets("[") + brackets("]")))]
    let url = "file:\(folder.path)/store"
    let store = try await TestBackend.open(url, sets)
    _ = try await store.backend.load("deep", columns: ["id", "document"], rows: [row])
    await store.close()
    // From the journal, and then from the snapshot that replaces it.
    for _ in 1...2 {
      let again = try await TestBackend.open(url, sets)
      #expect(try await again.backend.query(Query(table: "deep")) == [row])
      await again.close()
    }
  }
}
