import Foundation
import Proofs
import Roost
import RoostCore
import RoostFile
import RoostTesting
import Testing

/// What a file store makes of the files that it finds, beyond those that `DamageProof` damages.
@Suite(.timeLimit(.minutes(15))) struct RecoveryTests {
  private static let folder = "/disk/store"
  private static let openJournal = "journal-00000002.open.jsonl"

  /// A store on a simulated disk, with a snapshot and an open journal.
  private func makeDisk(seed: UInt64 = 1) throws -> SimulatedFileSystem {
    let disk = SimulatedFileSystem(seed: seed)
    try disk.makeDirectory("/disk")
    let dice = Dice(seed: seed)
    let store = try StepwiseStore(disk, SharedLedger())
    for _ in 0..<4 { try store.commit(2, dice) }
    store.compact()
    try store.commit(2, dice)
    store.abandon()
    return disk
  }

  private func outcome(_ disk: SimulatedFileSystem) -> StoreError? {
    do throws(StoreError) {
      try? FileStore.recover(Self.folder, files: disk).lock.close()
      _ = try FileStore.recover(Self.folder, files: disk)
      return nil
    } catch {
      return error
    }
  }

  private func files(_ disk: SimulatedFileSystem) throws -> [String: [UInt8]] {
    let names = try disk.list(Self.folder).filter { $0.contains(".json") }
    return Dictionary(
      uniqueKeysWithValues: names.map { ($0, disk.bytes("\(Self.folder)/\($0)") ?? []) })
  }

  /// A change that must keep the store from being opened, and must be left as it is.
  private func refused(
    _ change: (SimulatedFileSystem) throws -> Void,
    location: SourceLocation = #_sourceLocation
  ) throws -> StoreError.Code? {
    let disk = try makeDisk()
    try change(disk)
    let before = try files(disk)
    let error = outcome(disk)
    let isUnchanged = try files(disk) == before
    #expect(isUnchanged, "a refused store is not changed", sourceLocation: location)
    return error?.code
  }

  @Test func missingAndForeignFiles() throws {
    #expect(outcome(try makeDisk()) == nil)
    let foreign = try files(try makeDisk(seed: 2))
    #expect(foreign.count == 2)
    for (name, bytes) in foreign {
      let path = "\(Self.folder)/\(name)"
      #expect(try refused { try $0.replace(path, by: nil) } == .corrupted)
      #expect(try refused { try $0.replace(path, by: bytes) } == .corrupted, "of another store")
      #expect(
        try refused { disk in
          let text = String(decoding: disk.bytes(path) ?? [], as: UTF8.self)
          let newer = text.replacing("\"version\":1,\"store", with: "\"version\":2,\"store")
          try #require(newer != text)
          try disk.replace(path, by: Array(newer.utf8))
        } == .invalidConfiguration, "a newer version")
      #expect(
        try refused { disk in
          try disk.replace(path, by: nil)
          try disk.place(.symbolicLink, at: path)
        } == .invalidConfiguration, "a symbolic link")
      #expect(
        try refused { disk in
          try disk.replace(path, by: nil)
          try disk.place(.other, at: path)
        } == .inputOutput, "a pipe")
    }
  }

  /// The store's own files, but from a time when its history went on otherwise.
  @Test func filesOfAnotherHistory() throws {
    let disk = SimulatedFileSystem()
    try disk.makeDirectory("/disk")
    let ledger = SharedLedger()
    let store = try StepwiseStore(disk, ledger)
    try store.commit(2, Dice(seed: 1))
    store.abandon()
    func goOn(seed: UInt64) throws -> SimulatedFileSystem {
      let disk = disk.afterKill()
      let store = try StepwiseStore(disk, SharedLedger(ledger.ledger))
      try store.commit(1, Dice(seed: seed))
      store.close()
      let again = try StepwiseStore(disk, SharedLedger(try Self.grown(ledger.ledger, seed)))
      try again.commit(1, Dice(seed: 9))
      again.close()
      return disk
    }
    let (one, other) = (try goOn(seed: 3), try goOn(seed: 4))
    #expect(outcome(one) == nil && outcome(other) == nil)
    let name = "\(Self.folder)/journal-00000002.jsonl"
    try one.replace(name, by: other.bytes(name))
    #expect(outcome(one)?.code == .corrupted)
  }

  /// The ledger of a store that has made one more commit.
  private static func grown(_ ledger: Ledger, _ seed: UInt64) throws -> Ledger {
    let disk = SimulatedFileSystem()
    try disk.makeDirectory("/disk")
    let shared = SharedLedger()
    let store = try StepwiseStore(disk, shared)
    try store.commit(2, Dice(seed: 1))
    try store.commit(1, Dice(seed: seed))
    store.abandon()
    return shared.ledger
  }

  @Test func linksInThePlaceOfTheStore() throws {
    #expect(
      try refused { disk in
        try disk.unlink("\(Self.folder)/LOCK")
        try disk.place(.symbolicLink, at: "\(Self.folder)/LOCK")
      } == .invalidConfiguration)
    // A torn end is not put aside where a link leads.
    #expect(
      try refused { disk in
        let path = "\(Self.folder)/\(Self.openJournal)"
        try disk.replace(path, by: (disk.bytes(path) ?? []).withoutRoom.dropLast(3))
        try disk.place(.symbolicLink, at: "\(Self.folder)/quarantine")
      } == .inputOutput)
    let link = SimulatedFileSystem()
    try link.makeDirectory("/disk")
    try link.place(.symbolicLink, at: Self.folder)
    #expect(outcome(link)?.code == .invalidConfiguration)
  }

  @Test func leftovers() throws {
    let disk = try makeDisk()
    let old = try files(disk)
    for name in ["snapshot.json.tmp", "journal.jsonl.tmp", "journal-00000001.jsonl"] {
      try disk.replace("\(Self.folder)/\(name)", by: Array("half a li".utf8))
    }
    #expect(outcome(disk) == nil)
    #expect(try disk.list(Self.folder) == ["LOCK", "journal-00000002.jsonl", "snapshot.json"])
    // The open journal, which there was no time to remove beside the closed one.
    try disk.replace("\(Self.folder)/\(Self.openJournal)", by: old[Self.openJournal])
    #expect(outcome(disk) == nil)
    #expect(try disk.list(Self.folder) == ["LOCK", "journal-00000002.jsonl", "snapshot.json"])
  }

  /// Lines whose checksums are right and whose content is not what this program writes.
  @Test(arguments: [
    #"{"seq":SEQ,"synced":0,"ops":DEEP"#, #"{"seq":SEQ,"synced":0,"ops":[["put","proofs",DEEP]]"#,
    #"{"seq":SEQ,"synced":0,"ops":[["put","proofs",{"id":1,"text":"LONE"}]]"#,
    #"{"seq":SEQ,"synced":0,"ops":[["put","proofs",{"id":1,"id":2,"text":"a"}]]"#,
    #"{"seq":SEQ,"seq":SEQ,"synced":0,"ops":[["put","proofs",{"id":1,"text":"a"}]]"#,
    #"{"seq":SEQ,"synced":0,"ops":[["put","nothing",{"id":1,"text":"a"}]]"#,
    #"{"seq":SEQ,"synced":0,"ops":[["put","proofs",{"id":1e999999999,"text":"a"}]]"#,
    #"{"seq":SEQ,"synced":0,"ops":[["put"]]"#, #"{"seq":SEQ,"synced":0,"other":1"#,
    #"{"seq":99999999999999999999,"synced":0,"ops":[]"#, #"{"seq":1,"synced":0,"ops":[]"#, "[",
    "",
  ])
  func contentThatIsWrong(line: String) throws {
    let disk = try makeDisk()
    let path = "\(Self.folder)/\(Self.openJournal)"
    var bytes = disk.bytes(path)?.withoutRoom ?? []
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    let last = try #require(lines.last)
    let sequence = try #require(last.firstMatch(of: /"seq":([0-9]+)/)?.1)
    let seed = try #require(UInt32(last.dropLast(2).suffix(8), radix: 16))
    var open = Array(
      line.replacing("SEQ", with: "\((Int(sequence) ?? 0) + 1)")
        .replacing("DEEP", with: String(repeating: "[", count: 100_000)).utf8)
    if let place = String(decoding: open, as: UTF8.self).range(of: "LONE") {
      let offset = String(decoding: open, as: UTF8.self)[..<place.lowerBound].utf8.count
      open.replaceSubrange(offset..<(offset + 4), with: [0xC3, 0x28, 0xED, 0xA0])
    }
    let checksum = CRC32C.text(CRC32C.checksum(open, from: seed))
    bytes += open + Array(#","crc":"\#(checksum)"}"#.utf8) + [10]
    try disk.replace(path, by: bytes)
    #expect(outcome(disk)?.code == .corrupted)
    let isUnchanged = disk.bytes(path) == bytes
    #expect(isUnchanged, "a refused store is not changed")
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
    _ = try await store.backend.load(
      RowsToLoad("deep", columns: ["id", "document"], rows: [row]))
    await store.close()
    // From the journal, and then from the snapshot that replaces it.
    for _ in 1...2 {
      let again = try await TestBackend.open(url, sets)
      #expect(try await again.backend.query(Query(table: "deep")) == [row])
      await again.close()
    }
  }
}

extension [UInt8] {
  /// A journal without the spaces behind its last line.
  var withoutRoom: [UInt8] { Array(dropLast(reversed().prefix { $0 == UInt8(ascii: " ") }.count)) }
}
