import Foundation
import Roost
import RoostCore
import RoostSystems
import RoostTesting
import Synchronization
import Testing

/// Backups come back exactly as they were, into any backend.
@Suite(.timeLimit(.minutes(15))) struct BackupTests {
  @Test(arguments: TransferFixture.pairs)
  func threeSystems(from: TestBackend, to: TestBackend) async throws {
    try await TransferFixture.withPair((from, to), TransferFixture.systems) { from, to, folder in
      try await TransferFixture.fill(from)
      let before = try await TransferFixture.dump(from)
      let backup = try await Backup.write(
        from, migrations: TransferFixture.systems, into: folder.path + "/backups",
        isCompressed: from.opening.location != "memory:")
      try await backup.verify()
      #expect(backup.manifest.rows == before.count)
      let again = try Backup(reading: backup.path)
      #expect(again.manifest.tables == backup.manifest.tables)
      #expect(again.manifest.migrations == (try await from.appliedMigrations()))
      let report = try await again.restore(into: to)
      #expect(report.rows == before.count)
      #expect(try await TransferFixture.dump(to) == before)
      #expect(try await TransferFixture.verify(from, to).isEqual)
      let second = await failure { try await again.restore(into: to) }
      #expect(second == "invalidConfiguration -", "it has rows now")
      let kept = try await again.restore(into: to, intoNonEmpty: true)
      #expect(kept.tables.allSatisfy { $0.kept == $0.rows })
    }
  }

  @Test(arguments: TransferFixture.pairs)
  func randomRows(from: TestBackend, to: TestBackend) async throws {
    let sets = [ConformanceSuite.migrations]
    try await TransferFixture.withPair((from, to), sets) { from, to, folder in
      try await DifferentialRun(seed: 41, steps: 150).run(on: [from])
      let backup = try await Backup.write(from, migrations: sets, into: folder.path + "/backups")
      _ = try await backup.restore(into: to)
      #expect(try await TransferFixture.dump(to) == (try await TransferFixture.dump(from)))
    }
  }

  /// A document as deep as documents may be, and a table whose name is no file's.
  @Test(arguments: TestBackend.allCases) func oddContent(_ backend: TestBackend) async throws {
    let sets = [
      MigrationSet(
        system: "odd",
        files: [
          MigrationFile(
            name: "V001__odd.sql",
            text: """
              CREATE TABLE "../ä b" (id integer PRIMARY KEY, document jsonb);
              CREATE TABLE "../Ä b" (id integer PRIMARY KEY);
              """)
        ])
    ]
    try await TransferFixture.withPair((backend, backend), sets) { from, to, folder in
      let deep =
        String(repeating: "[", count: JSON.maximumDepth)
        + String(repeating: "]", count: JSON.maximumDepth)
      let document = try JSON(parsing: deep)
      _ = try await from.backend.load(
        RowsToLoad(
          "../ä b", columns: ["id", "document"],
          rows: [[.int(1), .json(document)], [.int(2), .json(.null)], [.int(3), .null]]))
      _ = try await from.backend.load(RowsToLoad("../Ä b", columns: ["id"], rows: [[.int(1)]]))
      let backup = try await Backup.write(from, migrations: sets, into: folder.path + "/backups")
      _ = try await Backup(reading: backup.path).restore(into: to)
      #expect(try await TransferFixture.dump(to) == (try await TransferFixture.dump(from)))
    }
  }

  @Test func oldOnesGo() async throws {
    let folder = try TemporaryFolder()
    let path = folder.path + "/backups"
    let store = try await TestBackend.open("memory:", [Routed.migrations])
    let now = Timestamp.now()
    func write(daysAgo: Int64) async throws -> String {
      let time = Timestamp(
        microsecondsSince2000: now.microsecondsSince2000 - daysAgo * 86_400_000_000)
      return try await Backup.write(
        store, migrations: [Routed.migrations], into: path, now: time
      ).path
    }
    for days in [40, 31, 29, 30] as [Int64] { _ = try await write(daysAgo: days) }
    let foreign = try await write(daysAgo: 50)
    try Data().write(to: URL(fileURLWithPath: foreign + "/notes.txt"))
    let broken = try await write(daysAgo: 60)
    try Data("{".utf8).write(to: URL(fileURLWithPath: broken + "/manifest.json"))
    try FileManager.default.createDirectory(
      atPath: path + "/roost-notes", withIntermediateDirectories: false)
    try FileManager.default.createDirectory(
      atPath: path + "/other", withIntermediateDirectories: false)
    let removed = try Backup.prune(path, keeping: 30, now: now)
    #expect(removed.count == 2)
    let entries = try Backup.list(in: path)
    #expect(entries.count == 5)
    #expect(entries.filter { $0.backup == nil }.map(\.failure?.code).count == 2)
    for kept in [foreign, broken, path + "/roost-notes", path + "/other"] {
      #expect(FileManager.default.fileExists(atPath: kept))
    }
    #expect(try Backup.prune(path, keeping: 0, now: now).count == 1, "the newest stays")
    #expect(try Backup.list(in: path).last?.backup?.manifest.createdAt != nil)
    #expect(try Backup.prune(path, keeping: .max, now: now) == [])
    await store.close()
  }

  @Test func foldersThatCannotBe() async throws {
    let folder = try TemporaryFolder()
    let store = try await TestBackend.open("memory:", [Routed.migrations])
    let sets = [Routed.migrations]
    #expect(
      await failure {
        try await Backup.write(store, migrations: sets, into: folder.path + "/no/backups")
      } == "invalidConfiguration -")
    let file = folder.path + "/file"
    try Data().write(to: URL(fileURLWithPath: file))
    #expect(
      await failure { try await Backup.write(store, migrations: sets, into: file) }
        == "invalidConfiguration -")
    #expect(await failure { try Backup.list(in: folder.path + "/no") } == "invalidConfiguration -")
    #expect(await failure { try Backup(reading: folder.path) } == "invalidConfiguration -")
    let lock = try BackupFolder(path: folder.path + "/b", files: SystemFileSystem()).lock()
    #expect(
      await failure { try await Backup.write(store, migrations: sets, into: folder.path + "/b") }
        == "locked -")
    try lock.close()
    _ = try await Backup.write(store, migrations: sets, into: folder.path + "/b")
    await store.close()
  }
}

/// Whatever is wrong with a backup, restoring says so and changes nothing.
@Suite(.timeLimit(.minutes(15))) struct BackupDamageTests {
  /// A backup of some rows, damaged by a body.
  private func outcome(
    isCompressed: Bool = false, _ damage: (_ path: String) throws -> Void
  ) async throws -> (read: String, verify: String, restore: String, rows: Int) {
    let folder = try TemporaryFolder()
    let sets = [Routed.migrations]
    let store = try await TestBackend.open("memory:", sets)
    _ = try await store.backend.load(
      RowsToLoad(
        "route_items", columns: ["id", "text"],
        rows: (1...3_000).map { [.int(Int64($0)), .text("item \($0)")] }))
    let backup = try await Backup.write(
      store, migrations: sets, into: folder.path + "/b", isCompressed: isCompressed)
    await store.close()
    try damage(backup.path)
    let target = try await TestBackend.open("memory:", sets)
    _ = try await target.backend.apply([.delete(.init(table: "route_logs", filter: nil))])
    let read = await failure { try Backup(reading: backup.path) }
    let verify = await failure { try await Backup(reading: backup.path).verify() }
    let restore = await failure { try await Backup(reading: backup.path).restore(into: target) }
    let rows = try await TransferFixture.dump(target).count
    await target.close()
    return (read, verify, restore, rows)
  }

  private func edit(_ file: String, _ change: (inout Data) -> Void) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: file))
    change(&data)
    try data.write(to: URL(fileURLWithPath: file))
  }

  private func replace(_ file: String, _ old: String, _ new: String) throws {
    try edit(file) { data in
      data = Data(String(decoding: data, as: UTF8.self).replacing(old, with: new).utf8)
    }
  }

  private static let items = "/001-route_items.jsonl"

  @Test func whole() async throws {
    let outcome = try await outcome { _ in }
    #expect(outcome == ("none", "none", "none", 3_001))
  }

  @Test func damagedFiles() async throws {
    let damages: [(String) throws -> Void] = [
      { try edit($0 + Self.items) { $0[$0.count / 2] ^= 1 } },
      { try edit($0 + Self.items) { $0.removeLast(100) } },
      { try edit($0 + Self.items) { $0 += Data("{}\n".utf8) } },
      { try FileManager.default.removeItem(atPath: $0 + Self.items) },
      { try FileManager.default.removeItem(atPath: $0 + "/manifest.sha256") },
    ]
    for (place, damage) in damages.enumerated() {
      let outcome = try await outcome(damage)
      #expect(outcome.read == (place == 4 ? "corrupted -" : "none"), "\(place)")
      #expect(outcome.verify == "corrupted -", "\(place)")
      #expect(outcome.restore == "corrupted -", "\(place)")
      #expect(outcome.rows == 0, "\(place)")
    }
    let packed = try await outcome(isCompressed: true) { path in
      try edit(path + Self.items + ".gz") { $0[$0.count / 2] ^= 1 }
    }
    #expect(packed == ("none", "corrupted -", "corrupted -", 0))
  }

  /// The manifest's own checksum, and what stands in a manifest whose checksum was made anew.
  @Test func manifests() async throws {
    func sealed(_ path: String, _ old: String, _ new: String) throws {
      try replace(path + "/manifest.json", old, new)
      let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path + "/manifest.json")))
      let sum = SHA256.hash(bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      try Data("\(sum)  manifest.json\n".utf8)
        .write(to: URL(fileURLWithPath: path + "/manifest.sha256"))
    }
    let cases: [(code: String, damage: (String) throws -> Void)] = [
      ("corrupted -", { try replace($0 + "/manifest.json", "3000", "3001") }),
      ("corrupted -", { try edit($0 + "/manifest.json") { $0.removeLast(40) } }),
      (
        "invalidConfiguration -",
        { try replace($0 + "/manifest.json", "\"version\": 1", "\"version\": 2") }
      ),
      ("invalidConfiguration -", { try replace($0 + "/manifest.json", "roost-backup", "tar") }),
      ("corrupted -", { try sealed($0, "001-route_items.jsonl", "../../passwords") }),
      ("corrupted -", { try sealed($0, "\"name\": \"route_items\"", "\"name\": \"route_logs\"") }),
      ("corrupted -", { try sealed($0, "\"rows\": 3000", "\"rows\": -1") }),
      (
        "invalidMigration -",
        { try sealed($0, "CREATE TABLE route_items", "CREATE SCHEMA route_items") }
      ),
    ]
    for (place, one) in cases.enumerated() {
      let outcome = try await outcome(one.damage)
      #expect(outcome.read == one.code, "\(place)")
      #expect(outcome.restore == one.code && outcome.rows == 0, "\(place)")
    }
    let digest = try await outcome { path in try sealed(path, "\"rows\": 3000", "\"rows\": 2999") }
    #expect(digest == ("none", "corrupted -", "corrupted -", 0))
  }

  /// A disk that is full, whichever write it is that finds out: no backup is left, and the next
  /// one succeeds.
  @Test func noSpace() async throws {
    let folder = try TemporaryFolder()
    let files = FaultyFileSystem()
    let sets = [Routed.migrations]
    let store = try await TestBackend.open("memory:", sets)
    let backups = BackupFolder(path: folder.path + "/b", files: files)
    for failing in [RoostCore.FileError.Operation.write, .open, .rename, .mkdir] {
      for number in 1...6 {
        let made = Atomic(0)
        files.set { call in
          guard call.operation == failing else { return .proceed }
          return made.add(1, ordering: .relaxed).newValue == number ? .fail(ENOSPC) : .proceed
        }
        let outcome = await failure {
          try await Backup.write(store, migrations: sets, into: backups)
        }
        files.set(nil)
        #expect(outcome == "storageFull -" || outcome == "none", "\(failing) \(number)")
        if outcome != "none" {
          let left = try FileManager.default.contentsOfDirectory(atPath: folder.path)
          let names = left.isEmpty ? [] : try Backup.list(in: backups).map(\.failure?.code)
          #expect(names.allSatisfy { $0 == nil }, "\(failing) \(number)")
        }
      }
    }
    let backup = try await Backup.write(store, migrations: sets, into: backups)
    try await backup.verify()
    let unfinished = try FileManager.default.contentsOfDirectory(atPath: backups.path)
      .filter { $0.hasSuffix(".unfinished") }
    #expect(unfinished == [])
    await store.close()
  }
}
