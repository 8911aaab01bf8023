public import RoostCore
import Synchronization

/// A kind of call that has taken long: the same operation on the same table in the same form.
public struct SlowCall: Sendable, Equatable {
  /// The operation.
  public var operation: StorageCall.Operation
  /// The table.
  public var table: String
  /// The backend and its place, without a password.
  public var backend: String
  /// The form of the query, with a question mark in the place of every value; nil for a call that
  /// has none, such as an insert or one for rows by their keys.
  public var query: String?
  /// How long the slowest took.
  public var longest: Duration
  /// How many were slow.
  public var count: Int
  /// When the last one was.
  public var lastAt: Timestamp
  /// How the backend would answer the query, values withheld; nil when it was not asked or did not
  /// say.
  public var plan: String?
}

/// Keeps the worst of a store's slow calls and tells the log of them.
final class SlowCallLog: Sendable {
  /// How long a plan may take. No caller waits for it, and a server that is slow with calls may be
  /// slow with plans as well.
  private static let planTimeout = Duration.seconds(10)

  fileprivate struct Kind: Hashable {
    var operation: StorageCall.Operation
    var table: String
    var backend: String
    var query: String?
  }

  fileprivate struct Entry {
    var call: SlowCall
    /// The last one.
    var last: Slow
    /// How many were slow since the last line about them.
    var untold = 0
    /// When the next line may be written.
    var nextLine: ContinuousClock.Instant
  }

  /// One slow call.
  fileprivate struct Slow {
    var query: Query?
    var duration: Duration
    var failure: StoreError.Code?
    var backend: any StorageBackend
  }

  fileprivate struct State {
    var entries: [Kind: Entry] = [:]
    /// Lines are written one after the other: a slow backend is not asked for many plans at once.
    var isWriting = false
  }

  let threshold: Duration?
  private let limit: Int
  private let pause: Duration
  private let now: @Sendable () -> Timestamp
  private let log: @Sendable (LogLine) -> Void
  private let state = Mutex(State())

  init(
    _ options: WatchOptions, now: @escaping @Sendable () -> Timestamp,
    log: @escaping @Sendable (LogLine) -> Void
  ) {
    threshold = options.slowThreshold
    limit = max(options.slowCallLimit, 1)
    pause = options.slowPause
    self.now = now
    self.log = log
  }

  /// The worst kinds, the slowest first.
  var worst: [SlowCall] {
    state.withLock { $0.entries.values.map(\.call) }.sorted { $0.longest > $1.longest }
  }

  /// Notes a slow call. When it is time for a line about its kind, a task writes it, with the plan:
  /// outside of the transaction that the call may be in, and nobody waits for it.
  func note(
    _ call: StorageCall, _ duration: Duration, _ failure: StoreError.Code?,
    on backend: any StorageBackend
  ) {
    let kind = Kind(
      operation: call.operation, table: call.table ?? "", backend: backend.location,
      query: call.query?.shape)
    let slow = Slow(query: call.query, duration: duration, failure: failure, backend: backend)
    let time = now()
    let isToWrite = state.withLock { state in
      state.note(kind, slow, limit, at: time)
      return state.beginWriting(about: kind)
    }
    guard isToWrite else { return }
    Task {
      while let (kind, entry) = state.withLock({ $0.nextLine(pause) }) {
        await write(kind, entry.last, others: entry.untold - 1)
      }
    }
  }

  private func write(_ kind: Kind, _ slow: Slow, others: Int) async {
    // What failed otherwise says nothing about the query; a plan would take its time as well.
    let isPlanned = slow.failure == nil || slow.failure == .deadlineExceeded
    let plan = isPlanned ? await Self.plan(of: slow.query, slow.backend) : nil
    if let plan { state.withLock { $0.entries[kind]?.call.plan = plan } }
    log(line(kind, slow, plan, others: others))
  }

  private static func plan(
    of query: Query?, _ backend: any StorageBackend
  ) async -> String? {
    guard var query else { return nil }
    query.lock = nil
    let text = await withinTime(planTimeout) { [query] in try? await backend.explain(query) }
    return (text ?? nil).map { ValueMask.apply(to: $0) }
  }

  private func line(_ kind: Kind, _ slow: Slow, _ plan: String?, others: Int) -> LogLine {
    let milliseconds = Int(slow.duration / .milliseconds(1))
    var text = "slow \(kind.operation) of \(kind.table): \(milliseconds) ms"
    if let failure = slow.failure { text += ", failed with \(failure)" }
    if others > 0 { text += ", and \(others) more like it" }
    if let query = kind.query { text += ": \(query)" }
    if let plan {
      text += "; plan: "
      text += plan.split(separator: "\n").joined(separator: " | ")
    }
    return LogLine(.warning, text)
  }
}

extension SlowCallLog.State {
  /// Counts a call, if it is among the worst.
  fileprivate mutating func note(
    _ kind: SlowCallLog.Kind, _ slow: SlowCallLog.Slow, _ limit: Int, at now: Timestamp
  ) {
    if var entry = entries[kind] {
      entry.call.count += 1
      entry.call.longest = max(entry.call.longest, slow.duration)
      entry.call.lastAt = now
      entry.last = slow
      entry.untold += 1
      entries[kind] = entry
      return
    }
    if entries.count >= limit {
      guard let least = entries.min(by: { $0.value.call.longest < $1.value.call.longest }),
        least.value.call.longest < slow.duration
      else { return }
      entries[least.key] = nil
    }
    let call = SlowCall(
      operation: kind.operation, table: kind.table, backend: kind.backend, query: kind.query,
      longest: slow.duration, count: 1, lastAt: now, plan: nil)
    entries[kind] = SlowCallLog.Entry(call: call, last: slow, untold: 1, nextLine: .now)
  }

  /// Whether a line about a kind is due, and nobody writes yet.
  fileprivate mutating func beginWriting(about kind: SlowCallLog.Kind) -> Bool {
    guard !isWriting, let entry = entries[kind], entry.nextLine <= .now else { return false }
    isWriting = true
    return true
  }

  /// What the next line is about; nil when none is due, which ends the writing.
  fileprivate mutating func nextLine(
    _ pause: Duration
  ) -> (kind: SlowCallLog.Kind, entry: SlowCallLog.Entry)? {
    let now = ContinuousClock.now
    guard let due = entries.first(where: { $0.value.untold > 0 && $0.value.nextLine <= now }) else {
      isWriting = false
      return nil
    }
    entries[due.key]?.nextLine = now + pause
    entries[due.key]?.untold = 0
    // Its values are not needed any more, and may be many.
    entries[due.key]?.last.query = nil
    return (due.key, due.value)
  }
}
