import Foundation
import Roost
import RoostSystems
import Synchronization

/// A store with the tables of traceability, for one test.
enum Traceability {
  static func withStore(
    _ backend: TestBackend, _ body: (Store) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let store = try await TestBackend.open(try await backend.freshURL(in: folder), [.traceability])
    try await body(store)
    await store.close()
  }

  /// What became of a call: `done`, or the error's code with the constraint or else the column.
  static func outcome(_ body: () async throws -> Void) async -> String {
    do {
      try await body()
      return "done"
    } catch let error as StoreError {
      let name = error.constraint ?? error.column
      return error.code.rawValue + (name.map { " \($0)" } ?? "")
    } catch {
      return "\(error)"
    }
  }

  /// Runs calls at once and counts their outcomes.
  static func outcomes(
    _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Void
  ) async -> [String: Int] {
    await withTaskGroup(of: String.self) { group in
      for number in 0..<count {
        group.addTask { await outcome { try await body(number) } }
      }
      return await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }
  }

  /// All records of a selection, page by page.
  static func pages<R: Record>(
    _ page: (PagePosition?) async throws -> Page<R>
  ) async throws -> [[R]] {
    var pages: [[R]] = []
    var position: PagePosition?
    repeat {
      let next = try await page(position)
      pages.append(next.records)
      position = next.next
    } while position != nil
    return pages
  }
}

/// Values from many tasks.
final class Gathered<Element: Sendable>: Sendable {
  private let elements = Mutex<[Element]>([])

  func add(_ element: Element) {
    elements.withLock { $0.append(element) }
  }

  var all: [Element] { elements.withLock { $0 } }
}
