import Foundation
import Roost
import RoostCore
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems

extension Command.Option {
  /// `--system NAME...`.
  static let systems = Command.Option(
    name: "--system", value: "NAME...", summary: "these systems alone; else all that it holds",
    takesMany: true)
  /// `--migrations FOLDER`.
  static let migrations = Command.Option(
    name: "--migrations", value: "FOLDER",
    summary: "read a folder of systems' folders instead of what is compiled in")
  /// `--into-non-empty`.
  static let intoNonEmpty = Command.Option(
    name: "--into-non-empty", value: nil,
    summary: "keep rows that are there already and exactly equal; another row with a key is an "
      + "error")
}

/// Opens the stores of `copy`, `verify`, `backup` and `restore`.
struct TransferStores {
  let arguments: Arguments

  /// Opens a store that is read, with the systems that it holds.
  /// - Parameter files: what to index first, for a store that is empty.
  func source(
    _ url: String, indexing files: [String]? = nil
  ) async throws -> (store: Store, systems: [MigrationSet]) {
    if let files {
      let store = try await open(url, [.coherence])
      do { _ = try await IndexCommand.index(files, into: store) } catch {
        await store.close()
        throw error
      }
      return (store, [.coherence])
    }
    guard try BackendURL(url).scheme != "memory" else {
      throw UsageError(
        "a memory: store is empty when the command starts: name what to index first with --from")
    }
    let known = try arguments.migrationSets()
    let store = try await Store.openHeld(
      try Self.withoutCreating(url), backends: Self.backends, known: known,
      systems: arguments.all("--system"), log: Self.log)
    do {
      return (store, try await held(known, by: store))
    } catch {
      await store.close()
      throw error
    }
  }

  /// The systems of a store, at the versions that it has.
  private func held(_ known: [MigrationSet], by store: Store) async throws -> [MigrationSet] {
    try known.held(
      try await store.appliedMigrations(), systems: arguments.all("--system"),
      location: store.opening.location)
  }

  /// Opens a store that is filled, and gives it the tables of some systems.
  func target(_ url: String, _ systems: [MigrationSet]) async throws -> Store {
    do {
      return try await open(url, systems)
    } catch let error as StoreError {
      guard error.code == .schemaDrift else { throw error }
      let versions = systems.map { set in "\(set.system) with \(set.migrationCount) migrations" }
      throw StoreError(
        error.code,
        "\(error.message) (what is to be stored has \(versions.joined(separator: ", ")))")
    }
  }

  private func open(_ url: String, _ systems: [MigrationSet]) async throws -> Store {
    // Whole stores are carried, which is slow by nature.
    var watch = WatchOptions()
    watch.slowThreshold = nil
    return try await Store.open(
      url, backends: Self.backends, migrations: systems, migrate: .auto, watch: watch,
      log: Self.log)
  }

  static let backends: [BackendFactory] = [.memory, .file, .postgres]

  @Sendable static func log(_ line: LogLine) {
    if line.level == .warning { Terminal.note("roost: \(line)") }
  }

  /// The URL for a store that must be there.
  static func withoutCreating(_ url: String) throws -> String {
    guard try BackendURL(url).scheme == "file" else { return url }
    return url + (url.contains("?") ? "&create=no" : "?create=no")
  }

  /// The two URLs of a command that takes a store to read and one to compare with or to fill.
  /// - Throws: `UsageError` when they name one store.
  func places() throws -> (from: String, to: String) {
    if arguments.has("--url") {
      throw UsageError("the stores are the words FROM and TO, not --url")
    }
    let (from, to) = (arguments.operands[0], arguments.operands[1])
    try Self.requireTwo(from, to)
    return (from, to)
  }

  /// - Throws: `UsageError` when two URLs name one store.
  static func requireTwo(_ from: String, _ to: String) throws {
    guard try !isSame(try BackendURL(from), try BackendURL(to)) else {
      throw UsageError("FROM and TO are the same store")
    }
  }

  /// Whether two URLs are of one store, as far as that can be told without opening them.
  private static func isSame(_ left: BackendURL, _ right: BackendURL) throws -> Bool {
    guard left.scheme == right.scheme else { return false }
    switch left.scheme {
    case "memory": return left.body == right.body && !left.body.isEmpty
    case "file":
      let paths = (try FileStore.path(of: left), try FileStore.path(of: right))
      return paths.0 == paths.1 || fileNumber(paths.0).map { $0 == fileNumber(paths.1) } ?? false
    default: return left.text == right.text
    }
  }

  /// What tells a folder from all others, whatever its path; nil when it is not there.
  private static func fileNumber(_ path: String) -> [Int]? {
    let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved),
      let device = attributes[.systemNumber] as? Int,
      let number = attributes[.systemFileNumber] as? Int
    else { return nil }
    return [device, number]
  }
}

extension MigrationSet {
  fileprivate var migrationCount: Int {
    files.count { !$0.name.hasSuffix(".down.sql") }
  }
}

/// Closes stores whatever a body comes to.
func closing<Result>(_ stores: [Store], _ body: () async throws -> Result) async throws -> Result {
  do {
    let result = try await body()
    for store in stores { await store.close() }
    return result
  } catch {
    for store in stores { await store.close() }
    throw error
  }
}

/// A report as JSON, with the time that the work took.
func jsonText(_ report: some Encodable, seconds: Double) throws -> String {
  var json = try JSON(encoding: report)
  if case .object(var object) = json {
    object["seconds"] = .number(Numeric((seconds * 1_000).rounded() / 1_000))
    json = .object(object)
  }
  return json.description
}
