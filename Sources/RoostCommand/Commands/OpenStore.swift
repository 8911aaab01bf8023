import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems
import Synchronization

extension Arguments {
  /// Kept until the process ends: to take a big store apart row by row would only delay the exit.
  private static let openStore = Mutex<Store?>(nil)

  /// The store's URL by precedence: `--url`, POSTGRES_URL, DATABASE_URL, `file:roost-data`.
  var url: String {
    if let url = value("--url") { return url }
    let environment = ProcessInfo.processInfo.environment
    for name in ["POSTGRES_URL", "DATABASE_URL"] {
      if let url = environment[name], !url.isEmpty { return url }
    }
    return "file:roost-data"
  }

  /// Opens the store that the command line or the environment names, runs the body and closes it.
  /// - Parameters:
  ///   - migrations: the systems that the command works on.
  ///   - migrate: how far to go with migrations; nil for the backend's default.
  ///   - isReading: whether the command only reads, so that a store must be there.
  func withStore<Result: Sendable>(
    migrations: [MigrationSet] = [.coherence], migrate: MigrationMode? = nil, isReading: Bool,
    _ body: (Store) async throws -> Result
  ) async throws -> Result {
    var url = url
    let scheme = try BackendURL(url).scheme
    if scheme == "memory" && isReading && !has("--from") {
      throw UsageError(
        "a memory: store is empty when the command starts: name what to index first with --from")
    }
    if scheme == "file" && isReading && !has("--from") {
      url += url.contains("?") ? "&create=no" : "?create=no"
    }
    // What a command does is mostly a lot, and slow by nature; the URL's `slow` asks for it.
    var watch = WatchOptions()
    watch.slowThreshold = nil
    let store = try await Store.open(
      url, backends: [.memory, .file, .postgres], migrations: migrations, migrate: migrate,
      watch: watch,
      log: { line in if line.level == .warning { Terminal.note("roost: \(line)") } })
    Terminal.note("roost: \(store.opening.location)")
    Self.openStore.withLock { $0 = store }
    do {
      if let files = all("--from") {
        _ = try await IndexCommand.index(files, into: store)
      }
      let result = try await body(store)
      await store.close()
      return result
    } catch {
      await store.close()
      throw error
    }
  }
}

extension Command.Option {
  /// `--from FILE...`, for the commands that read.
  static let from = Command.Option(
    name: "--from", value: "FILE...",
    summary: "index these package lists first, in the same process", takesMany: true)
  /// `--ecosystem NAME`.
  static let ecosystem = Command.Option(
    name: "--ecosystem", value: "NAME", summary: "the ecosystem of the names; debian by default")
}
