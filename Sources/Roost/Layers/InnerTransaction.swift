import Synchronization

/// A transaction of one backend that stays open beside the code that uses it, until that says how
/// it ends: what turns `transaction { }` around, for whoever learns too late where to open it.
final class InnerTransaction: Sendable {
  private enum Ending: Sendable {
    case commit, rollBack
  }

  /// What the backend's transaction is left with so that it rolls back.
  private struct RolledBack: Error {}

  /// The number of the backend's place.
  let place: Int
  private let opened = Promise<Result<any StorageTransaction, StoreError>>()
  private let ending = Promise<Ending>()
  private let task: Task<Void, any Error>

  /// Begins to open the transaction.
  init(_ backend: any StorageBackend, place: Int, _ options: TransactionOptions) {
    self.place = place
    task = Task { [opened, ending] in
      do {
        try await backend.transaction(options) { session in
          opened.give(.success(session))
          if await ending.value == .rollBack { throw RolledBack() }
        }
        // Has no effect when it was opened, as it must have been: nobody is to wait for ever.
        opened.give(.failure(StoreError(.internal, "a transaction ended before it began")))
      } catch {
        opened.give(.failure(Self.failure(error)))
        throw error
      }
    }
  }

  private static func failure(_ error: any Error) -> StoreError {
    switch error {
    case let error as StoreError: error
    case is CancellationError: StoreError(.cancelled, "the task was cancelled")
    default: StoreError(.internal, "a transaction could not be opened: \(error)")
    }
  }

  /// The open transaction. Waits until it is, and gives up when the caller's task is cancelled.
  /// - Throws: why it could not be opened.
  func session() async throws(StoreError) -> any StorageTransaction {
    if let result = opened.given { return try result.get() }
    let result = await withTaskCancellationHandler {
      await opened.value
    } onCancel: {
      task.cancel()
    }
    return try result.get()
  }

  /// Commits, as part of the caller's task: cancelled with it.
  /// - Throws: what the backend's commit throws.
  func commit() async throws {
    try await withTaskCancellationHandler {
      ending.give(.commit)
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  /// Rolls back, unless it has ended, and returns when nothing of it is left.
  func rollBack() async {
    ending.give(.rollBack)
    _ = await task.result
  }
}

/// A value that one task gives once, and that others wait for. Waiting ends with the value only,
/// not when the task that waits is cancelled.
final class Promise<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var waiters: [CheckedContinuation<Value, Never>] = []
  }

  private let state = Mutex(State())

  /// The value if it is there; nil before.
  var given: Value? { state.withLock { $0.value } }

  /// The value, waited for.
  var value: Value {
    get async {
      await withCheckedContinuation { continuation in
        let value = state.withLock { state in
          if state.value == nil { state.waiters.append(continuation) }
          return state.value
        }
        if let value { continuation.resume(returning: value) }
      }
    }
  }

  /// Gives the value; only the first counts.
  func give(_ value: Value) {
    let waiters = state.withLock { state -> [CheckedContinuation<Value, Never>] in
      guard state.value == nil else { return [] }
      state.value = value
      defer { state.waiters = [] }
      return state.waiters
    }
    for waiter in waiters { waiter.resume(returning: value) }
  }
}
