import RoostCore
import Synchronization

/// Goes on with reads while the backend takes no changes: because it cannot be reached, or because
/// the server is a hot standby, as after a fail-over. `fallback=read-only` in a URL.
///
/// Promise: as long as that is so, calls that may change or lock rows throw `unavailable` at once
/// and have not happened; so do transactions that are not read-only. Reads are tried: at the
/// server, and above at replicas and in a cache. `health()` says degraded while the server answers
/// reads. It is logged once when it begins and once when it is over, which is found out by asking
/// every `interval`. A write that fails first, and makes the store ask, throws its own error.
///
/// A URL that asks for a server that can be written (`target_session_attrs=read-write`) never
/// reads from a standby by itself: name that as a replica.
public struct ReadOnlyFallbackLayer: StorageLayer {
  /// How often the backend is asked whether it takes changes again.
  public let interval: Duration

  /// Falls back to reads.
  public init(interval: Duration = .seconds(1)) {
    self.interval = max(interval, .milliseconds(1))
  }

  /// `fallback`.
  public var place: LayerPlace { .fallback }

  /// The backend, with its changes refused while it takes none; it may take none from the start.
  public func around(
    _ backend: any StorageBackend, _ context: LayerContext
  ) async throws(StoreError) -> any StorageBackend {
    let fallback = ReadOnlyFallback(backend, interval, context.log)
    await fallback.begin()
    return LayeredBackend(backend, fallback)
  }
}

/// The fallback of one store.
final class ReadOnlyFallback: StorageLayer {
  /// How long the backend may take to say how it is.
  private static let answerLimit = Duration.seconds(5)

  private struct State {
    /// Why no changes are taken; nil while they are.
    var reason: String?
    /// Whether the backend answers reads meanwhile.
    var answersReads = false
    /// What asks again and again, from the first failure until changes are taken.
    var asking: Task<Void, Never>?
  }

  private let backend: any StorageBackend
  private let interval: Duration
  private let log: @Sendable (LogLine) -> Void
  private let state = Mutex(State())

  init(
    _ backend: any StorageBackend, _ interval: Duration,
    _ log: @escaping @Sendable (LogLine) -> Void
  ) {
    self.backend = backend
    self.interval = interval
    self.log = log
  }

  deinit {
    state.withLock { $0.asking }?.cancel()
  }

  var place: LayerPlace { .fallback }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    // The transaction itself is refused, or fails.
    guard call.mayWrite, !call.isInTransaction else { return try await next() }
    if let reason = state.withLock({ $0.reason }) {
      throw StoreError(
        .unavailable, "the store takes no changes for now: \(reason)", table: call.table)
    }
    do throws(StoreError) {
      return try await next()
    } catch {
      if error.sqlState == .readOnlyTransaction {
        ask()
        throw StoreError(
          .unavailable, "the server takes no changes: \(error.message)", table: error.table)
      }
      switch error.code {
      case .unavailable, .deadlineExceeded, .outcomeUnknown: ask()
      default: break
      }
      throw error
    }
  }

  func health(_ below: Health) async -> Health {
    let (reason, answersReads) = state.withLock { ($0.reason, $0.answersReads) }
    guard let reason else { return below }
    if !answersReads, case .unavailable = below { return below }
    return .degraded("reads only: \(reason)")
  }

  func close() async {
    let asking = state.withLock { $0.asking }
    asking?.cancel()
    await asking?.value
  }

  /// Looks how the backend is, before the first call.
  func begin() async {
    if await !takesChanges() { ask() }
  }

  /// Asks in the background until the backend takes changes.
  private func ask() {
    let interval = interval
    state.withLock { state in
      guard state.asking == nil else { return }
      state.asking = Task { [weak self] in
        while !Task.isCancelled {
          guard let self, await !self.takesChanges() else { return }
          try? await Task.sleep(for: interval)
        }
      }
    }
  }

  /// Whether changes are taken; notes it, and says when it is another answer than before.
  private func takesChanges() async -> Bool {
    let (problem, answersReads) = await look()
    if Task.isCancelled { return false }
    let line = state.withLock { state -> LogLine? in
      let before = state.reason
      (state.reason, state.answersReads) = (problem, answersReads)
      guard let problem else {
        state.asking = nil
        return before.map { _ in LogLine(.info, "\(backend.location) takes changes again") }
      }
      if before != nil { return nil }
      return LogLine(.warning, "\(backend.location) takes no changes, only reads go on: \(problem)")
    }
    if let line { log(line) }
    return problem == nil
  }

  /// What keeps the backend from taking changes, nil for nothing, and whether it answers reads.
  ///
  /// A transaction of no call is tried as well, since it goes through all that is below: a breaker
  /// finds out by it that the backend is back.
  private func look() async -> (problem: String?, answersReads: Bool) {
    let bound = TimeoutLayer(Self.answerLimit)
    var health: Health
    var failure: String?
    do throws(StoreError) {
      health = try await bound.run(StorageCall(.query)) { () throws(StoreError) in
        await backend.health()
      }
    } catch {
      health = .unavailable(error.message)
    }
    do throws(StoreError) {
      try await bound.run(StorageCall(.query)) { () throws(StoreError) in
        try await backend.inTransaction(.init(isolation: .readCommitted, isReadOnly: true)) {
          _ throws(StoreError) in
        }
      }
    } catch {
      failure = error.message
    }
    guard case .unavailable(let reason) = health else { return (failure, failure == nil) }
    return (reason, failure == nil)
  }
}
