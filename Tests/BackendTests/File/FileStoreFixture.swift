import Foundation
import Roost
import RoostCore
import RoostFile
import Synchronization

/// A table for the file tests.
struct Note: Record, Equatable {
  var id: Int
  var text: String
  static let table = "notes"
  static let columns = Columns()
  struct Columns: Sendable {
    let id = Column<Int>("id")
    let text = Column<String>("text")
  }

  static let migrations = MigrationSet(
    system: "notes",
    files: [
      MigrationFile(
        name: "V001__notes.sql",
        text: "CREATE TABLE notes (id integer PRIMARY KEY, text text COLLATE \"C\" NOT NULL);")
    ])
}

/// File stores in folders of a test's own.
struct FileStoreFixture {
  let folder: TemporaryFolder
  var path: String { folder.path + "/store" }
  var quarantine: String { path + "/quarantine" }

  init() throws {
    folder = try TemporaryFolder()
  }

  func open(
    _ path: String? = nil, files: any FileSystem = SystemFileSystem(),
    limits: FileStore.Limits = .init(), log: LogCollector = LogCollector()
  ) async throws -> Store {
    let path = path ?? self.path
    let factory = BackendFactory(schemes: ["file"]) { _, _ throws(StoreError) in
      try FileStore.open(
        path, files: files, limits: limits, log: { log.add($0) })
    }
    return try await Store.open(
      "file:\(path)", backends: [factory], migrations: [Note.migrations], environment: [:])
  }

  /// The rows, as texts by key.
  func rows(_ path: String? = nil) async throws -> [String] {
    let store = try await open(path)
    let rows = try await store.select(Note.self).values { $0.text }
    await store.close()
    return rows
  }

  /// The folder's files by name, as a crash would leave them.
  func files(_ path: String? = nil) throws -> [String: Data] {
    let path = path ?? self.path
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: path)
    where name != "quarantine" {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
    }
    return files
  }

  /// A folder with these files.
  func makeFolder(_ name: String, _ files: [String: Data]) throws -> String {
    let path = "\(folder.path)/\(name)"
    try? FileManager.default.removeItem(atPath: path)
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    for (name, data) in files { try data.write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
    return path
  }

  /// The files of a store that took notes and was not closed.
  func crashed(notes: Int) async throws -> [String: Data] {
    let store = try await open()
    for id in 0..<notes { try await store.insert(Note(id: id, text: "note \(id) é")) }
    let files = try files()
    await store.close()
    return files
  }

  static func texts(_ count: Int) -> [String] { (0..<count).map { "note \($0) é" } }
}

/// The lines that a store logged.
final class LogCollector: Sendable {
  private let lines = Mutex<[LogLine]>([])

  func add(_ line: LogLine) {
    lines.withLock { $0.append(line) }
  }

  var messages: [String] { lines.withLock { $0.map(\.message) } }

  /// What it was warned of, slow calls apart: a busy machine makes any call slow.
  var warnings: [String] {
    lines.withLock { lines in
      lines.filter { $0.level == .warning && !$0.message.hasPrefix("slow ") }.map(\.message)
    }
  }
}
