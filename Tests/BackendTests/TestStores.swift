import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting

/// A temporary folder that is removed when the value goes.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "roost-test-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}

/// The three backends that come with Roost, opened for a test.
enum TestBackend: String, CaseIterable, Sendable {
  case memory, file, postgres

  static let factories: [BackendFactory] = [.memory, .file, .postgres]

  /// A URL of a store of its own; `folder` is where a file store may stand.
  func freshURL(in folder: TemporaryFolder) async throws -> String {
    switch self {
    case .memory: return "memory:"
    case .file: return "file:\(folder.path)/store-\(UUID().uuidString)"
    case .postgres:
      let server = try await ThrowawayPostgres.shared(.trust)
      return server.url(database: try await server.createDatabase())
    }
  }

  static func open(_ url: String, _ migrations: [MigrationSet]) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: migrations, migrate: .auto,
      environment: [:])
  }
}

/// Runs a body with a store of its own that holds some systems.
func withSystem(
  _ backend: TestBackend, _ migrations: [MigrationSet],
  _ body: @Sendable (Store) async throws -> Void
) async throws {
  let folder = try TemporaryFolder()
  let store = try await TestBackend.open(try await backend.freshURL(in: folder), migrations)
  do {
    try await body(store)
  } catch {
    await store.close()
    throw error
  }
  await store.close()
}

/// The code and constraint of a call's error, as every backend must give it; `none` without one.
func failure<Result>(_ body: () async throws -> Result) async -> String {
  do {
    _ = try await body()
    return "none"
  } catch let error as StoreError {
    return "\(error.code) \(error.constraint ?? "-")"
  } catch {
    return "\(error)"
  }
}
