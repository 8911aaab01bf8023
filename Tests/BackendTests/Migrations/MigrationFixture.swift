import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostCore
import Testing

/// A store of the system "test", opened anew for each thing that is done with it, so that a file
/// store is read back from its files each time.
struct MigrationFixture {
  let backend: TestBackend
  let folder: TemporaryFolder
  let url: String
  /// Keeps a memory store alive.
  private let holder: Migrator?

  init(_ backend: TestBackend) async throws {
    self.backend = backend
    folder = try TemporaryFolder()
    switch backend {
    case .memory:
      url = "memory:migrations-\(UUID().uuidString)"
      holder = try await Migrator.open(url, backends: [.memory], migrations: [], environment: [:])
    case .file, .postgres:
      url = try await backend.freshURL(in: folder)
      holder = nil
    }
  }

  /// A set whose files are these scripts by number; `downs` undo those of the same number.
  static func set(
    _ scripts: [String], downs: [Int: String] = [:], system: String = "test",
    steps: [any MigrationStep] = []
  ) -> MigrationSet {
    var files: [MigrationFile] = []
    for (index, script) in scripts.enumerated() {
      let name = "V00\(index + 1)__step\(index + 1)"
      files.append(MigrationFile(name: "\(name).sql", text: script))
      if let down = downs[index + 1] {
        files.append(MigrationFile(name: "\(name).down.sql", text: down))
      }
    }
    return MigrationSet(system: system, files: files, steps: steps)
  }

  /// Opens the store for its migrations, runs a body and closes it.
  @discardableResult
  func migrate<Result: Sendable>(
    _ sets: MigrationSet..., body: (Migrator) async throws -> Result
  ) async throws -> Result {
    let migrator = try await Migrator.open(
      url, backends: [.memory, .file, .postgres], migrations: sets, environment: [:])
    do {
      let result = try await body(migrator)
      await migrator.close()
      return result
    } catch {
      await migrator.close()
      throw error
    }
  }

  /// Applies what is waiting.
  /// - Returns: the files.
  @discardableResult
  func up(_ set: MigrationSet, to version: Int? = nil) async throws -> [String] {
    try await migrate(set) { try await $0.up(to: version).map(\.file) }
  }

  /// Opens the store, which must have all of the set, runs a body and closes it.
  @discardableResult
  func open<Result: Sendable>(
    _ set: MigrationSet, body: (Store) async throws -> Result
  ) async throws -> Result {
    let store = try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: [set], migrate: .check,
      environment: [:])
    do {
      let result = try await body(store)
      await store.close()
      return result
    } catch {
      await store.close()
      throw error
    }
  }

  /// The rows of a table in key order, as texts.
  func rows(_ table: String, _ set: MigrationSet) async throws -> [[String]] {
    try await open(set) { try await Self.rows(table, $0) }
  }

  static func rows(_ table: String, _ store: Store) async throws -> [[String]] {
    let definition = try store.schema.table(table)
    let query = Query(
      table: table, order: definition.primaryKey.columns.map { OrderTerm(.column($0)) },
      columns: definition.columns.map(\.name))
    return try await store.backend.query(query).map { row in
      row.map { value in
        if value.isNull { return "NULL" }
        if case .text(let text) = value { return text }
        return value.description
      }
    }
  }

  /// The versions that the store has, in the order of their application.
  func versions(_ set: MigrationSet) async throws -> [Int] {
    try await migrate(set) { try await $0.applied().map(\.version) }
  }

  /// The error of a body, nil when there is none.
  static func failure(_ body: () async throws -> Void) async -> StoreError? {
    do {
      try await body()
      return nil
    } catch {
      return error as? StoreError
    }
  }

  /// Replaces a file store's journals by a snapshot. Nothing happens on other backends.
  func compact(_ set: MigrationSet) async throws {
    guard backend == .file else { return }
    let path = String(url.dropFirst("file:".count))
    _ = try FolderTools(path).compact()
    try await open(set) { _ in }
    try #require(FileManager.default.fileExists(atPath: "\(path)/snapshot.json"))
  }
}
