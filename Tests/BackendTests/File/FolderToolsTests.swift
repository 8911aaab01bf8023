import Foundation
import Roost
import RoostCore
import RoostFile
import RoostTesting
import Synchronization
import Testing

/// What people do with a store's folder: look at it, edit it, save what is left of it.
@Suite(.timeLimit(.minutes(15))) struct FolderToolsTests {
  private let folder: TemporaryFolder
  private let path: String

  init() throws {
    folder = try TemporaryFolder()
    path = folder.path + "/store"
  }

  private func open(_ path: String? = nil) async throws -> Store {
    try await Tallies.open("file:\(path ?? self.path)")
  }

  /// A closed store of 20 tallies, each with a note, in a snapshot or in its journal.
  private func fill(compacted: Bool) async throws {
    let store = try await open()
    for id in 1...20 {
      try await store.insert(Tally(id: id, value: id))
      try await store.insert(TallyNote(id: id, tallyID: id, text: "note \(id)"))
    }
    await store.close()
    if compacted { _ = try FolderTools(path).compact() }
  }

  private func bytes() throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: path) {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
    }
    return files
  }

  /// Changes the text of the file that begins with a name.
  private func edit(_ name: String, _ change: (String) -> String) throws {
    for file in try FileManager.default.contentsOfDirectory(atPath: path)
    where file.hasPrefix(name) {
      let url = URL(fileURLWithPath: "\(path)/\(file)")
      let text = try String(contentsOf: url, encoding: .utf8)
      let changed = change(text)
      guard changed != text else { continue }
      return try Data(changed.utf8).write(to: url)
    }
    Issue.record("nothing was changed in \(name)")
  }

  private func lines(_ text: String, _ change: (inout [Substring]) -> Void) -> String {
    var lines = text.split(separator: "\n")
    change(&lines)
    return lines.joined(separator: "\n") + "\n"
  }

  @Test(arguments: [true, false]) func wholeStores(compacted: Bool) async throws {
    try await fill(compacted: compacted)
    let before = try bytes()
    let report = try FolderTools(path).verify()
    #expect(report.isWhole && report.findings == [] && report.tornBytes == 0)
    #expect(report.tables.map(\.name) == ["tallies", "tally_notes"])
    #expect(report.tables.map(\.rows) == [25, 20])
    #expect(try bytes() == before, "nothing is changed")
  }

  @Test func tornEnds() async throws {
    let store = try await open()
    try await store.insert(Tally(id: 1, value: 1))
    let crashed = try bytes()
    await store.close()
    let copy = folder.path + "/torn"
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
    for (name, data) in crashed {
      let end = Array("{\"seq\":9,".utf8)
      let torn = name.hasPrefix("journal") ? Array(data).withoutRoom + end : Array(data)
      try Data(torn).write(to: URL(fileURLWithPath: "\(copy)/\(name)"))
    }
    let report = try FolderTools(copy).verify()
    #expect(report.isWhole && report.tornBytes == 9)
  }

  @Test(arguments: [true, false]) func damageIsNamed(compacted: Bool) async throws {
    try await fill(compacted: compacted)
    let name = compacted ? "snapshot.json" : "journal-00000001"
    try edit(name) { $0.replacing("note 7", with: "note X") }
    let before = try bytes()
    let report = try FolderTools(path).verify()
    #expect(!report.isWhole && report.problem != nil)
    let finding = try #require(report.findings.first)
    #expect(report.findings.count == 1 && finding.reason == "wrong checksum")
    #expect(
      finding.description.hasPrefix("\(finding.file):\(finding.line) (byte \(finding.offset))"))
    let text = String(decoding: before[finding.file] ?? Data(), as: UTF8.self)
    #expect(text.split(separator: "\n")[finding.line - 1].contains("note X"))
    #expect(text.utf8.dropFirst(finding.offset).starts(with: compacted ? "[".utf8 : "{".utf8))
    #expect(try bytes() == before)
    #expect(await failure { try await open() } == "corrupted -")
  }

  @Test(arguments: [true, false]) func editsAreSealed(compacted: Bool) async throws {
    try await fill(compacted: compacted)
    let name = compacted ? "snapshot.json" : "journal-00000001"
    try edit(name) { text in
      lines(text.replacing("note 7", with: "edited")) { lines in
        lines.removeAll { $0.contains("note 9") }
        if compacted {
          // With a comma as the others have it, and without a checksum that anybody could know.
          let place = lines.firstIndex { $0.contains("note 11") } ?? 1
          let row = #"["tally_notes",{"id":77,"tally_id":3,"text":"added"},"00000000"],"#
          lines.insert(Substring(row), at: place)
        }
      }
    }
    let report = try FolderTools(path).seal()
    #expect(!report.findings.isEmpty)
    #expect(try FolderTools(path).verify().isWhole)
    let store = try await open()
    let texts = try await store.select(TallyNote.self).fetch()
    #expect(texts.count == (compacted ? 20 : 19))
    #expect(texts.contains { $0.id == 7 && $0.text == "edited" })
    #expect(!texts.contains { $0.id == 9 })
    #expect(texts.contains { $0.id == 77 && $0.text == "added" } == compacted)
    // A serial column goes on behind what was added.
    let next = compacted ? 78 : 21
    _ = try await store.backend.apply([
      .insert(
        .init(table: "tally_notes", columns: ["text"], rows: [[.text("next")]], returning: false))
    ])
    #expect(try await store.find(TallyNote.self, next)?.text == "next")
    await store.close()
    #expect(try FolderTools(path).seal().findings == [], "there was nothing to accept")
  }

  @Test func whatCannotBeSealed() async throws {
    try await fill(compacted: true)
    let whole = try bytes()
    func sealing(_ change: (String) -> String) async throws -> String {
      for (name, data) in whole { try data.write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
      try edit("snapshot.json", change)
      let before = try bytes()
      let code = await failure { () async throws in _ = try FolderTools(path).seal() }
      #expect(try bytes() == before)
      return code
    }
    let brace = try await sealing { $0.replacing(#""text":"note 7"}"#, with: #""text":"note 7""#) }
    #expect(brace == "corrupted -")
    let orphan = try await sealing { $0.replacing(#""tally_id":5,"#, with: #""tally_id":500,"#) }
    #expect(orphan == "checkViolation -")
    let null = try await sealing { $0.replacing(#","text":"note 8""#, with: "") }
    #expect(null == "checkViolation -")
    let twice = try await sealing { text in
      lines(text) { $0.insert($0[3], at: 3) }
    }
    #expect(twice == "corrupted -")
  }

  @Test(arguments: [true, false]) func whatIsLeftIsSalvaged(compacted: Bool) async throws {
    try await fill(compacted: compacted)
    let name = compacted ? "snapshot.json" : "journal-00000001"
    // Two bytes of a note, and the tally that another note refers to.
    try edit(name) { text in
      text.replacing("note 7", with: "nope 7").replacing(
        #"{"id":12,"value":12}"#, with: #"{"id":12,"value":99}"#)
    }
    let before = try bytes()
    let target = folder.path + "/salvaged"
    let report = try FolderTools(path).salvage(into: target)
    #expect(report.findings.count == 2)
    #expect(report.refused.map(\.table) == ["tally_notes"])
    #expect(report.refused.first?.row.contains("note 12") == true)
    #expect(try bytes() == before)
    #expect(try FolderTools(target).verify().isWhole)
    let store = try await open(target)
    let notes = try await store.select(TallyNote.self).order { $0.id.ascending }.fetch()
    #expect(notes.map(\.id) == Array(1...20).filter { $0 != 7 && $0 != 12 })
    #expect(notes.allSatisfy { $0.text == "note \($0.id)" })
    #expect(try await store.find(Tally.self, 12) == nil)
    await store.close()
    let again = await failure { () async throws in
      _ = try FolderTools(path).salvage(into: target)
    }
    #expect(again == "invalidConfiguration -")
  }

  /// Cut off anywhere, and with any byte changed: what is salvaged was written.
  @Test func nothingFalseIsSalvaged() async throws {
    try await fill(compacted: false)
    let name = try #require(
      try FileManager.default.contentsOfDirectory(atPath: path).first { $0.hasPrefix("journal") })
    let whole = try bytes()[name] ?? Data()
    var generator = SeededGenerator(seed: 3)
    for round in 0..<60 {
      var bytes = whole
      if round.isMultiple(of: 2) {
        bytes = bytes.prefix(Int.random(in: 0..<bytes.count, using: &generator))
      } else {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
      let target = folder.path + "/salvaged-\(round)"
      let code = await failure { () async throws in
        let report = try FolderTools(path).salvage(into: target)
        #expect(!report.findings.isEmpty)
      }
      guard code == "none" else {
        #expect(code == "corrupted -")
        continue
      }
      let store = try await open(target)
      for tally in try await store.select(Tally.self).fetch() where tally.id <= 20 {
        #expect(tally.value == tally.id)
      }
      for note in try await store.select(TallyNote.self).fetch() {
        #expect(note.text == "note \(note.id)" && note.tallyID == note.id)
      }
      await store.close()
    }
  }

  @Test func inUseOrNotThere() async throws {
    let store = try await open()
    #expect(await failure { () async throws in _ = try FolderTools(path).verify() } == "locked -")
    await store.close()
    let nowhere = FolderTools(folder.path + "/nowhere")
    #expect(
      await failure { () async throws in _ = try nowhere.verify() } == "invalidConfiguration -")
    let other = FolderTools(folder.path)
    #expect(await failure { () async throws in _ = try other.seal() } == "invalidConfiguration -")
  }

  @Test(arguments: FileDurability.allCases) func durability(_ mode: FileDurability) async throws {
    let synchronisations = Mutex(0)
    let files = FaultyFileSystem { call in
      if call.operation == .fdatasync { synchronisations.withLock { $0 += 1 } }
      return .proceed
    }
    var limits = FileStore.Limits()
    limits.durability = mode
    let fixture = try FileStoreFixture()
    let store = try await fixture.open(files: files, limits: limits)
    let opened = synchronisations.withLock { $0 }
    for id in 0..<50 { try await store.insert(Note(id: id, text: "note \(id) é")) }
    let after = synchronisations.withLock { $0 } - opened
    switch mode {
    case .full: #expect(after == 50)
    case .interval:
      #expect(after < 50)
      try await eventually("it is a second behind at most") {
        synchronisations.withLock { $0 } > opened
      }
    case .os: #expect(after == 0)
    }
    let crashed = try fixture.files()
    await store.close()
    #expect(synchronisations.withLock { $0 } > opened)
    #expect(try await fixture.rows() == FileStoreFixture.texts(50))
    // A process that is killed loses nothing.
    let copy = try fixture.makeFolder("crashed", crashed)
    #expect(try await fixture.rows(copy) == FileStoreFixture.texts(50))
  }

  @Test func durabilityOfAURL() async throws {
    let store = try await Tallies.open("file:\(path)?durability=interval")
    try await store.insert(Tally(id: 1, value: 1))
    await store.close()
    let wrong = await failure { try await Tallies.open("file:\(path)?durability=never") }
    #expect(wrong == "invalidConfiguration -")
  }
}
