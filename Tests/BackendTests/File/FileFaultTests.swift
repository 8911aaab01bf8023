import Foundation
import Roost
import RoostCore
import Testing

/// Places where no store can be, and a disk that fails under one.
@Suite(.timeLimit(.minutes(2))) struct FileFaultTests {
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
    files.set { operation, _ in operation == .open ? EACCES : nil }
    #expect(await code { _ = try await fixture.open(files: files) } == .accessDenied)
    files.set { operation, _ in operation == .mkdir ? EROFS : nil }
    #expect(
      await code { _ = try await fixture.open(fixture.folder.path + "/b", files: files) }
        == .accessDenied)
  }

  @Test func fullDisk() async throws {
    let fixture = try FileStoreFixture()
    let files = FaultyFileSystem()
    let store = try await fixture.open(files: files)
    try await store.insert(Note(id: 0, text: "note 0 é"))
    files.set { operation, path in operation == .write && path.contains("journal") ? ENOSPC : nil }
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
    files.set { operation, _ in operation == .fdatasync ? EIO : nil }
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
    files.set { operation, _ in operation == .write || operation == .ftruncate ? EIO : nil }
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
    let before = files.count(.fdatasync)
    // A slow disk: commits gather while one is on its way.
    files.set { operation, _ in
      if operation == .fdatasync { Thread.sleep(forTimeInterval: 0.002) }
      return nil
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 0..<20 {
        group.addTask {
          for note in 0..<10 { try await store.insert(Note(id: task * 10 + note, text: "x")) }
        }
      }
      try await group.waitForAll()
    }
    #expect(files.count(.fdatasync) - before < 200, "fewer synchronisations than commits")
    await store.close()
    #expect(try await fixture.rows().count == 200)
  }

  @Test func compactionUnderLoad() async throws {
    let fixture = try FileStoreFixture()
    for round in 0..<3 {
      let store = try await fixture.open(compactionFloor: 2_000)
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
    let store = try await fixture.open(files: files, compactionFloor: 500, log: log)
    files.set { operation, path in
      operation == .write && path.hasSuffix("snapshot.json.tmp") ? ENOSPC : nil
    }
    for id in 0..<40 { try await store.insert(Note(id: id, text: "note \(id) é")) }
    await store.close()
    #expect(!log.warnings.isEmpty, "it says why there is no snapshot")
    #expect(try fixture.files()["snapshot.json"] == nil)
    #expect(try await fixture.rows() == FileStoreFixture.texts(40))
  }
}
