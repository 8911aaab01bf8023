import Foundation
import Synchronization

/// The rows that this process has changed and that may not have been carried yet: the other store
/// does not answer for them, so that nobody reads a value older than the one that they wrote.
package final class PendingRows: Sendable {
  /// The most rows kept; beyond, all rows count as pending until the journal is empty.
  static let limit = 100_000

  private struct State {
    /// The last change of each row, and whether its transaction has ended.
    var rows: [RowReference: (version: UUID, hasEnded: Bool)] = [:]
    var counts: [String: Int] = [:]
    /// When the most rows were exceeded for the last time; zero when they are not.
    var overflow = 0
  }

  private let state = Mutex(State())

  /// Adds what a transaction is about to commit.
  func add(_ versions: [RowReference: UUID]) {
    state.withLock { state in
      for (row, version) in versions {
        if state.rows.updateValue((version, false), forKey: row) == nil {
          state.counts[row.table, default: 0] += 1
        }
      }
      if state.rows.count > Self.limit {
        // Those whose transactions have not ended must stay.
        state.overflow += 1
        for (row, entry) in state.rows where entry.hasEnded { Self.drop(row, &state) }
      }
    }
  }

  /// A transaction has ended, whatever came of it.
  func end(_ versions: [RowReference: UUID]) {
    state.withLock { state in
      for (row, version) in versions where state.rows[row]?.version == version {
        state.rows[row]?.hasEnded = true
      }
    }
  }

  /// Rows that ended transactions have changed.
  func ended() -> (rows: [RowReference: UUID], overflow: Int) {
    state.withLock { state in
      (state.rows.filter { $0.value.hasEnded }.mapValues(\.version), state.overflow)
    }
  }

  /// Rows were carried, or are not in the journal any more.
  func remove(_ versions: [RowReference: UUID]) {
    state.withLock { state in
      for (row, version) in versions where state.rows[row]?.version == version {
        Self.drop(row, &state)
      }
    }
  }

  /// The journal was seen empty after so many overflows.
  func clearOverflow(_ seen: Int) {
    state.withLock { state in
      if state.overflow == seen { state.overflow = 0 }
    }
  }

  private static func drop(_ row: RowReference, _ state: inout State) {
    state.rows[row] = nil
    state.counts[row.table, default: 1] -= 1
  }

  /// Whether a row may not have been carried.
  func contains(_ row: RowReference) -> Bool {
    state.withLock { $0.overflow > 0 || $0.rows[row] != nil }
  }

  /// Whether any row of a table may not have been carried.
  func containsAny(of table: String) -> Bool {
    state.withLock { $0.overflow > 0 || ($0.counts[table] ?? 0) > 0 }
  }

  /// How many rows may not have been carried.
  package var count: Int { state.withLock { $0.rows.count } }
}
