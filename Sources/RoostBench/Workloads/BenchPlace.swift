import Foundation
public import Roost
import RoostCore

/// A store that is measured and left as it was found.
///
/// What was not there before goes again: rows, the tables of systems that it did not hold, the
/// folder of a file store. Rows that were there are not touched.
public struct BenchPlace: Sendable {
  /// The store, open.
  public let store: Store
  /// The place as a URL without a password.
  public let name: String
  /// Why a system's tables cannot be used, by its name: they have rows already, or are not of the
  /// version that this program knows.
  public private(set) var refusals: [String: String]
  private let visit: Visit

  /// What must be known to leave a place as it was.
  fileprivate struct Visit: Sendable {
    let url: String
    let backends: [BackendFactory]
    /// The systems that were not there before.
    var made: [MigrationSet] = []
    /// The systems that were there, with tables that are used.
    var held: [MigrationSet] = []
    /// The folder that was not there before; nil when it was, or there is none.
    var newFolder: String?
    var isMemory = false
  }

  /// Opens a store, with the tables that are to be used.
  /// - Parameters:
  ///   - url: the store's URL.
  ///   - backends: the backends to choose from.
  ///   - sets: the systems whose tables are to be used, `MigrationSet.bench` among them.
  ///   - clearing: whether rows in the tables of `MigrationSet.bench` are removed, which an earlier
  ///     run has left that was killed.
  ///   - log: where log lines go.
  /// - Throws: `accessDenied` when the tables of `MigrationSet.bench` have rows; what opening
  ///   meets.
  public static func open(
    _ url: String, backends: [BackendFactory], systems sets: [MigrationSet],
    clearing: Bool = false, log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws -> BenchPlace {
    let (visit, refusals) = try await look(at: url, backends, sets, log)
    if let refusal = refusals[MigrationSet.bench.system] {
      throw StoreError(.accessDenied, refusal)
    }
    // What is measured is slow by nature, and no news.
    var watch = WatchOptions()
    watch.slowThreshold = nil
    let store: Store
    do {
      store = try await Store.open(
        url, backends: backends, migrations: visit.made + visit.held, migrate: .auto, watch: watch,
        log: log)
    } catch {
      // A part of the migrations may have been applied. The first error is the one to tell.
      _ = try? await visit.undo()
      throw error
    }
    var place = BenchPlace(
      store: store, name: try BackendURL(url).description, refusals: refusals, visit: visit)
    do {
      if clearing { try await place.clear(.bench) }
      for set in visit.held { try await place.lookForRows(set) }
      return place
    } catch {
      await store.close()
      _ = try? await visit.undo()
      throw error
    }
  }

  /// What is there, before anything is touched.
  private static func look(
    at url: String, _ backends: [BackendFactory], _ sets: [MigrationSet],
    _ log: @escaping @Sendable (LogLine) -> Void
  ) async throws -> (Visit, refusals: [String: String]) {
    let parsed = try BackendURL(url)
    var visit = Visit(url: url, backends: backends)
    visit.isMemory = parsed.scheme == "memory"
    let folder = parsed.scheme == "file" ? parsed.body.removingPercentEncoding : nil
    if let folder {
      // As the file backend reads `file:///PATH`.
      let path = folder.hasPrefix("///") ? String(folder.dropFirst(2)) : folder
      if !FileManager.default.fileExists(atPath: path) { visit.newFolder = path }
    }
    guard !visit.isMemory, visit.newFolder == nil else {
      visit.made = sets
      return (visit, [:])
    }
    let migrator = try await Migrator.open(url, backends: backends, migrations: sets, log: log)
    let states: [MigrationStatus]
    do {
      states = try await migrator.status().migrations
    } catch {
      await migrator.close()
      throw error
    }
    await migrator.close()
    var refusals: [String: String] = [:]
    for set in sets {
      let own = states.filter { $0.system == set.system }
      if own.allSatisfy({ $0.appliedAt == nil }) {
        visit.made.append(set)
      } else if own.allSatisfy({ $0.state == .applied }) {
        visit.held.append(set)
      } else {
        refusals[set.system] = "\(parsed) has \(set.system) in another version"
      }
    }
    return (visit, refusals)
  }

  private mutating func lookForRows(_ set: MigrationSet) async throws {
    for table in try set.benchTables where try await rows(of: table) > 0 {
      let refusal = "\(name) has rows in \"\(table.name)\""
      guard set.system != MigrationSet.bench.system else {
        throw StoreError(
          .accessDenied,
          "\(refusal): an earlier run was killed, or another is under way; --clear removes them",
          table: table.name)
      }
      refusals[set.system] = refusal
    }
  }

  private func rows(of table: TableDefinition) async throws -> Int64 {
    let counted = try await store.backend.aggregate(
      AggregateQuery(table: table.name, figures: [.count]))
    guard case .int(let count)? = counted.first?.first else { return 0 }
    return count
  }

  /// Removes all rows of a system's tables.
  /// - Throws: what the store throws.
  public func clear(_ set: MigrationSet) async throws {
    // Children first.
    for table in try set.benchTables.reversed() {
      _ = try await store.backend.apply([.delete(.init(table: table.name, filter: nil))])
    }
  }

  /// Closes the store and leaves it as it was found.
  /// - Returns: what was done to it, a sentence each.
  /// - Throws: what the store throws; the store is closed in any case.
  public func leave() async throws -> [String] {
    var done: [String] = []
    do {
      for set in visit.held where refusals[set.system] == nil {
        try await clear(set)
        done.append("the tables of \(set.system) are empty again")
      }
    } catch {
      await store.close()
      throw error
    }
    await store.close()
    return done + (try await visit.undo())
  }
}

extension BenchPlace.Visit {
  /// Takes away what was not there before, once the store is closed.
  func undo() async throws -> [String] {
    if isMemory { return [] }
    var done: [String] = []
    if let newFolder {
      guard FileManager.default.fileExists(atPath: newFolder) else { return [] }
      try FileManager.default.removeItem(atPath: newFolder)
      return ["the folder was not there before, and is removed"]
    }
    let migrator = try await Migrator.open(url, backends: backends, migrations: made)
    do {
      for set in made.reversed() {
        let undone = try await migrator.only(set.system).down(to: 0)
        if !undone.isEmpty {
          done.append("the tables of \(set.system) were not there before, and are dropped")
        }
      }
    } catch {
      await migrator.close()
      throw error
    }
    await migrator.close()
    return done
  }
}

extension MigrationSet {
  /// The tables that the set declares, those that others refer to first.
  fileprivate var benchTables: [TableDefinition] {
    get throws(StoreError) {
      try MigrationPlan([self], now: .now()).schema.tablesParentsFirst
    }
  }
}
