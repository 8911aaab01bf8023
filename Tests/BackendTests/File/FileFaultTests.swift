import Foundation
import Roost
import RoostCore
import RoostFile
import RoostTesting
import Synchronization
import Testing

/// Places where no store can be, and a disk that fails under one.
@Suite(.timeLimit(.minutes(15))) struct FileFaultTests {
  private func code(_ body: () async throws -> Void) async -> StoreError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return (error as? StoreError)?.code
    }
  }

  @Test func oneHandleAtATime() async throws {
    let fixture = try FileStoreFixture()
    let store = try await fixture.open()
    #expect(await code { _ = try await fixture.open() } == .locked)
    try await store.insert(Note(id: 1, text: "x"))
    await store.close()
    #expect(try await fixture.rows() == ["x"])
  }

  @Test func placesThatAreNoStore() async throws {
    let fixture = try FileStoreFixture()
    let manager = FileManager.default
    let foreign = try fixture.makeFolder("foreign", ["holiday.txt": Data("x".utf8)])
    #expect(await code { _ = try await fixture.open(foreign) } == .invalidConfiguration)
    #expect(try manager.contentsOfDirectory(atPath: foreign) == ["holiday.txt"])
    let file = fixture.folder.path + "/file"
    try Data("x".utf8).write(to: URL(fileURLWithPath: file))
    #expect(await code { _ = try await fixture.open(file) } == .invalidConfiguration)
    let missing = fixture.folder.path + "/no/such/folder"
    #expect(await code { _ = try await fixture.open(missing) } == .invalidConfiguration)
    try await fixture.open().close()
    let link = fixture.folder.path + "/link"
    try manager.createSymbolicLink(atPath: link, withDestinationPath: fixture.path)
    #expect(await code { _ = try await fixture.open(link) } == .invalidConfiguration)
    let target = fixture.folder.path + "/target"
    try manager.removeItem(atPath: fixture.path + "/LOCK")
    try Data().write(to: URL(fileURLWithPath: target))
    try manager.createSymbolicLink(
      atPath: fixture.path + "/LOCK", withDestinationPath: target)
    #expect(await code { _ = try await fixture.open() } == .invalidConfiguration)
  }

  @Test func folderThatMayNotBeWritten() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    files.set { $0.operation == .open ? .fail(EACCES) : .proceed }
    #expect(await code { _ = try await fixture.open(files: files) } == .accessDenied)
    files.set { $0.operation == .mkdir ? .fail(EROFS) : .proceed }
    #expect(
      await code { _ = try await fixture.open(fixture.folder.path + "/b", files: files) }
        == .accessDenied)
  }

  @Test func fullDisk() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let store = try await fixture.open(files: files)
    try await store.insert(Note(id: 0, text: "note 0 é"))
    files.set {
      $0.operation == .write && $0.path.contains("journal") ? .fail(ENOSPC) : .proceed
    }
    #expect(
      await code { try await store.insert([Note(id: 1, text: "a"), Note(id: 2, text: "b")]) }
        == .storageFull)
    #expect(try await store.select(Note.self).count() == 1, "nothing of the batch stays")
    #expect(
      await code {
        try await store.transaction { _ = try await $0.insert(Note(id: 7, text: "x")) }
      } == .storageFull)
    files.set(nil)
    try await store.insert(Note(id: 1, text: "note 1 é"))
    await store.close()
    #expect(try await fixture.rows() == FileStoreFixture.texts(2))
  }

  @Test func failedSynchronisation() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let store = try await fixture.open(files: files)
    try await store.insert(Note(id: 0, text: "note 0 é"))
    files.set { $0.operation == .fdatasync ? .fail(EIO) : .proceed }
    #expect(await code { try await store.insert(Note(id: 1, text: "note 1 é")) } == .outcomeUnknown)
    files.set(nil)
    #expect(await code { try await store.insert(Note(id: 2, text: "x")) } == .inputOutput)
    #expect(try await store.select(Note.self).count() == 1, "reads go on, with what is durable")
    await store.close()
    let rows = try await fixture.rows()
    #expect(rows == FileStoreFixture.texts(rows.count) && rows.count >= 1)
  }

  @Test func failedTruncationAfterAFailedWrite() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let store = try await fixture.open(files: files)
    try await store.insert(Note(id: 0, text: "note 0 é"))
    files.set { [.write, .ftruncate].contains($0.operation) ? .fail(EIO) : .proceed }
    #expect(await code { try await store.insert(Note(id: 1, text: "x")) } == .outcomeUnknown)
    files.set(nil)
    #expect(await code { try await store.insert(Note(id: 2, text: "x")) } == .inputOutput)
    await store.close()
    #expect(try await fixture.rows() == FileStoreFixture.texts(1))
  }

  @Test func groupCommit() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let store = try await fixture.open(files: files)
    let synchronisations = Atomic(0)
    // A slow disk: commits gather while one is on its way.
    files.set { call in
      guard call.operation == .fdatasync else { return .proceed }
      synchronisations.add(1, ordering: .relaxed)
      Thread.sleep(forTimeInterval: 0.002)
      return .proceed
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<20 {
        group.addTask {
          for note in 0..<10 { try await store.insert(Note(id: task * 10 + note, text: "x")) }
        }
      }
      try await group.waitForAll()
    }
    let count = synchronisations.load(ordering: .relaxed)
    #expect(count > 0 && count < 200, "fewer synchronisations than commits")
    await store.close()
    #expect(try await fixture.rows().count == 200)
  }

  @Test func compactionUnderLoad() async throws {
    let fixture = try FileStoreFixture()
    for round in 0..<3 {
      let store = try await fixture.open(limits: .init(compactionFloor: 2_000))
      try await withThrowingTaskGroup(of: Void.self) { group in
        for task in 0..<6 {
          group.addTask {
            for note in 0..<30 {
              let id = round * 1_000 + task * 100 + note
              try await store.insert(Note(id: id, text: "round \(round)"))
              try await store.select(Note.self).where { $0.id == id }
                .update { [$0.text.set(to: "changed \(round)")] }
            }
          }
        }
        try await group.waitForAll()
      }
      await store.close()
      let names = try fixture.files().keys
      #expect(names.contains("snapshot.json"))
      #expect(!names.contains("journal-00000001.jsonl"), "a snapshot replaces journals")
    }
    let rows = try await fixture.rows()
    #expect(rows == (0..<3).flatMap { Array(repeating: "changed \($0)", count: 180) })
  }

  @Test func failedCompaction() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let log = LogCollector()
    let store = try await fixture.open(files: files, limits: .init(compactionFloor: 500), log: log)
    files.set {
      $0.operation == .write && $0.path.hasSuffix("snapshot.json.tmp") ? .fail(ENOSPC) : .proceed
    }
    for id in 0..<40 { try await store.insert(Note(id: id, text: "note \(id) é")) }
    await store.close()
    #expect(!log.warnings.isEmpty, "it says why there is no snapshot")
    #expect(try fixture.files()["snapshot.json"] == nil)
    #expect(try await fixture.rows() == FileStoreFixture.texts(40))
  }

  /// A snapshot that the disk does not hold as it was written never replaces a journal.
  @Test func snapshotThatIsNotWhatWasWritten() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let log = LogCollector()
    let store = try await fixture.open(files: files, limits: .init(compactionFloor: 500), log: log)
    files.set {
      $0.operation == .write && $0.path.hasSuffix("snapshot.json.tmp") ? .leaveOut : .proceed
    }
    for id in 0..<40 { try await store.insert(Note(id: id, text: "note \(id) é")) }
    await store.close()
    #expect(!log.warnings.isEmpty, "it says why there is no snapshot")
    #expect(try await fixture.rows() == FileStoreFixture.texts(40))
  }

  /// Those who commit before one that is too long are not lost for those who commit after it.
  /// With small pieces a part of its line is in the file when its length shows.
  @Test(arguments: [1 << 20, 500])
  func transactionThatIsTooLong(piece: Int) async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let store = try await fixture.open(
      files: files, limits: .init(journal: .init(line: 2_000, piece: piece)))
    files.set { call in
      if call.operation == .fdatasync { Thread.sleep(forTimeInterval: 0.001) }
      return .proceed
    }
    try await store.insert(Note(id: 0, text: "0"))
    let tally = CommitTally()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 1...8 {
        group.addTask {
          for round in 0..<20 {
            do {
              try await store.transaction(TransactionOptions()) { transaction in
                let sum = try await transaction.find(Note.self, 0).flatMap { Int($0.text) } ?? 0
                let isLong = task == 8 && round % 3 == 0
                _ = try await transaction.upsert([
                  Note(id: 0, text: "\(sum + 1)"),
                  Note(id: task, text: String(repeating: "x", count: isLong ? 3_000 : 10)),
                ])
              }
              tally.made.add(1, ordering: .relaxed)
            } catch let error as StoreError {
              #expect([.storageFull, .serializationFailure].contains(error.code), "\(error)")
              if error.code == .storageFull { tally.refused.add(1, ordering: .relaxed) }
            }
          }
        }
      }
      try await group.waitForAll()
    }
    #expect((1...7).contains(tally.refused.load(ordering: .relaxed)))
    let sum = "\(tally.made.load(ordering: .relaxed))"
    #expect(try await store.find(Note.self, 0)?.text == sum)
    await store.close()
    let again = try await fixture.open()
    #expect(try await again.find(Note.self, 0)?.text == sum, "a commit that was seen is there")
    await again.close()
  }
}

/// What became of commits.
private final class CommitTally: Sendable {
  let made = Atomic(0)
  let refused = Atomic(0)
}
