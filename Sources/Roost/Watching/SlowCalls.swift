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
  /// How long a plan may take.
  private static let planTimeout = Duration.seconds(2)

  fileprivate struct Kind: Hashable {
    var operation: StorageCall.Operation
    var table: String
    var backend: String
    var query: String?
  }

  fileprivate struct Entry {
    var call: SlowCall
    /// How many were slow since the last line about them.
    var untold = 0
    /// When the next line may be written.
    var nextLine: ContinuousClock.Instant
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
    let line = state.withLock { state -> Int? in
      guard state.admit(kind, duration, limit, at: now()) else { return nil }
      return state.beginLine(about: kind, pause)
    }
    guard let line else { return }
    // What failed otherwise says nothing about the query; a plan would take its time as well.
    let isPlanned = failure == nil || failure == .deadlineExceeded
    Task {
      let plan = isPlanned ? await Self.plan(of: call.query, backend) : nil
      state.withLock { state in
        state.isWriting = false
        if let plan { state.entries[kind]?.call.plan = plan }
      }
      log(self.line(kind, duration, failure, plan, others: line))
    }
  }

  private static func plan(
    of query: Query?, _ backend: any StorageBackend
  ) async -> String? {
    guard var query else { return nil }
    query.lock = nil
    let text = await withinTime(planTimeout) { [query] in try? await backend.explain(query) }
    return (text ?? nil).map { ValueMask.apply(to: $0) }
  }

  private func line(
    _ kind: Kind, _ duration: Duration, _ failure: StoreError.Code?, _ plan: String?, others: Int
  ) -> LogLine {
    var text = "slow \(kind.operation) of \(kind.table): \(Self.milliseconds(duration)) ms"
    if let failure { text += ", failed with \(failure)" }
    if others > 0 { text += ", and \(others) more like it" }
    if let query = kind.query { text += ": \(query)" }
    if let plan {
      text += "; plan: "
      text += plan.split(separator: "\n").joined(separator: " | ")
    }
    return LogLine(.warning, text)
  }

  private static func milliseconds(_ duration: Duration) -> Int {
    Int(duration / .milliseconds(1))
  }
}

extension SlowCallLog.State {
  /// Counts a call; false when it is not among the worst.
  fileprivate mutating func admit(
    _ kind: SlowCallLog.Kind, _ duration: Duration, _ limit: Int, at now: Timestamp
  ) -> Bool {
    if var entry = entries[kind] {
      entry.call.count += 1
      entry.call.longest = max(entry.call.longest, duration)
      entry.call.lastAt = now
      entry.untold += 1
      entries[kind] = entry
      return true
    }
    if entries.count >= limit {
      guard let least = entries.min(by: { $0.value.call.longest < $1.value.call.longest }),
        least.value.call.longest < duration
      else { return false }
      entries[least.key] = nil
    }
    let call = SlowCall(
      operation: kind.operation, table: kind.table, backend: kind.backend, query: kind.query,
      longest: duration, count: 1, lastAt: now, plan: nil)
    entries[kind] = SlowCallLog.Entry(call: call, untold: 1, nextLine: .now)
    return true
  }

  /// How many others a line that is to be written now stands for; nil when none is.
  fileprivate mutating func beginLine(about kind: SlowCallLog.Kind, _ pause: Duration) -> Int? {
    let now = ContinuousClock.now
    guard !isWriting, let entry = entries[kind], entry.nextLine <= now else { return nil }
    isWriting = true
    entries[kind]?.nextLine = now + pause
    entries[kind]?.untold = 0
    return entry.untold - 1
  }
}
