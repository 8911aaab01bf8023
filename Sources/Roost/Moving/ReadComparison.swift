import Synchronization

/// Compares what the old store answered with what the new one would have, beside the readers: they
/// never wait for it, and get what the old store says.
final class ReadComparison: Sendable {
  /// How many comparisons may be under way; reads beyond are not compared.
  static let limit = 16
  /// The most mismatches kept as samples.
  static let sampleLimit = 20

  /// What came of the comparisons.
  struct Figures: Sendable {
    var matched = 0
    /// Differed at first, since a change was on its way.
    var lagged = 0
    var mismatched = 0
    /// The rows of the first mismatches, without their contents.
    var samples: [RowReference] = []
  }

  private struct State {
    var figures = Figures()
    var tasks: [Int: Task<Void, Never>] = [:]
    var next = 0
    var isOver = false
  }

  private let links: TableLinks
  private let from: any StorageBackend
  private let to: any StorageBackend
  private let pending: PendingRows
  private let state = Mutex(State())

  init(
    links: TableLinks, from: any StorageBackend, to: any StorageBackend, pending: PendingRows
  ) {
    self.links = links
    self.from = from
    self.to = to
    self.pending = pending
  }

  var figures: Figures { state.withLock { $0.figures } }

  /// Compares rows of one table as the old store gave them.
  func compare(_ rows: [(reference: RowReference, row: [Value]?)]) {
    guard !rows.isEmpty else { return }
    state.withLock { state in
      guard !state.isOver, state.tasks.count < Self.limit else { return }
      let id = state.next
      state.next += 1
      state.tasks[id] = Task {
        for (reference, row) in rows { await self.compare(reference, row) }
        self.state.withLock { $0.tasks[id] = nil }
      }
    }
  }

  /// Ends all comparisons.
  func finish() async {
    let tasks = state.withLock { state in
      state.isOver = true
      return Array(state.tasks.values)
    }
    for task in tasks { task.cancel() }
    for task in tasks { await task.value }
  }

  private func compare(_ reference: RowReference, _ row: [Value]?) async {
    do {
      let node = try links.node(reference.table)
      func isSame(_ left: [Value]?, _ right: [Value]?) -> Bool {
        guard let left, let right else { return left == nil && right == nil }
        return node.isSame(left, right)
      }
      if isSame(row, try await to.rows([reference])[reference]) {
        return state.withLock { $0.figures.matched += 1 }
      }
      let journal = ChangeJournal(links: links)
      for _ in 0..<100 {
        try await Task.sleep(for: .milliseconds(20))
        // The old store is read first and last: what is the same in between is what there was.
        let before = try await from.rows([reference])[reference]
        let isWaiting = try await !journal.versions(of: [reference], in: from).isEmpty
        let other = try await to.rows([reference])[reference]
        let after = try await from.rows([reference])[reference]
        if isWaiting || pending.contains(reference) || !isSame(before, after) { continue }
        return state.withLock { state in
          if isSame(after, other) {
            state.figures.lagged += 1
          } else {
            state.figures.mismatched += 1
            if state.figures.samples.count < Self.sampleLimit {
              state.figures.samples.append(reference)
            }
          }
        }
      }
    } catch {
      // A store that cannot be read has said nothing.
    }
  }
}
