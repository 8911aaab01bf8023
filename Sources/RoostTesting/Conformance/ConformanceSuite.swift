public import Roost

/// The behaviour that every backend must have, as cases that need no test framework.
///
/// Someone who writes a backend opens stores on it with `ConformanceSuite.migrations` and calls
/// `run`, or runs the cases one by one, for example as the arguments of a parameterised test.
/// What the cases expect was taken from a Postgres server.
public enum ConformanceSuite {
  /// All cases.
  public static let cases: [ConformanceCase] = [
    reading, conditions, aggregates, paging, writing, constraints, failingBatches, references,
    triggers, values, texts, transactions, concurrency, lifecycle,
  ].flatMap { $0 }

  /// Runs every case on a store of its own.
  /// - Parameter open: opens a store with `migrations`. Several may share one database: each case
  ///   begins by removing all rows.
  /// - Returns: the failures; empty when the backend conforms.
  /// - Throws: what `open` throws.
  public static func run(
    open: () async throws -> Store
  ) async throws -> [ConformanceFailure] {
    var failures: [ConformanceFailure] = []
    for conformanceCase in cases {
      let store = try await open()
      do {
        try await conformanceCase.run(on: store)
      } catch let failure as ConformanceFailure {
        failures.append(
          ConformanceFailure("\(conformanceCase.name): \(failure.description)"))
      } catch {
        failures.append(ConformanceFailure("\(conformanceCase.name): threw \(error)"))
      }
      await store.close()
    }
    return failures
  }

  /// All rows of the suite's tables as text that shows every difference, table by table in
  /// primary-key order; nil when the store is closed.
  /// - Throws: what the backend throws.
  public static func dump(_ store: Store) async throws -> [String]? {
    var lines: [String] = []
    for name in store.schema.tables.keys.sorted() {
      do throws(StoreError) {
        for row in try await store.backend.query(Query(table: name)) {
          lines.append("\(name): \(ValueText.exact(row))")
        }
      } catch {
        if error.code == .closed { return nil }
        throw error
      }
    }
    return lines
  }
}

/// One expected behaviour.
public struct ConformanceCase: Sendable, CustomStringConvertible {
  /// What is expected, in a few words.
  public let name: String
  private let body: @Sendable (Store) async throws -> Void

  init(_ name: String, _ body: @escaping @Sendable (Store) async throws -> Void) {
    self.name = name
    self.body = body
  }

  /// Removes all rows of the suite's tables, then tries the behaviour.
  /// - Throws: `ConformanceFailure` with expectation and outcome; what the backend throws.
  public func run(on store: Store) async throws {
    for table in store.schema.tablesParentsFirst.reversed() {
      _ = try await store.backend.apply([.delete(.init(table: table.name, filter: nil))])
    }
    try await body(store)
  }

  /// The name.
  public var description: String { name }
}

/// A backend that does not do what is expected of it.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
  /// The place in the suite, what was expected and what came.
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}
