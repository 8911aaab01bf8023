/// Bounds how long a call may take: each of a transaction's; the whole has a deadline of its own. A
/// change that a layer above, such as a cache, has made a transaction of is one call.
///
/// Promise: a call that takes longer is cancelled and throws `deadlineExceeded`, unless the backend
/// had finished it after all, whose answer then counts. The backend is waited for until it has let
/// go of the call, so that nothing goes on behind the caller's back.
public struct TimeoutLayer: StorageLayer {
  /// How long a call may take.
  public var limit: Duration

  /// Bounds calls.
  public init(_ limit: Duration) {
    self.limit = limit
  }

  /// `timeout`.
  public var place: LayerPlace { .timeout }

  /// Hands the call on, and cancels it when its time is over.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    // These hold the caller's own code, whose time is not the backend's.
    let isOpen = call.operation == .transaction && !call.isOneCall
    if isOpen || call.operation == .scan { return try await next() }
    let outcome = await withoutActuallyEscaping(next) { next in await race(next) }
    switch outcome {
    case (.success(let result)?, _): return result
    case (.failure(let error)?, true) where error.code == .cancelled:
      throw StoreError(
        .deadlineExceeded, "the call took longer than \(limit)", table: call.table)
    case (.failure(let error)?, _): throw error
    case (nil, _): throw StoreError(.cancelled, "cancelled while the call was under way")
    }
  }

  /// What a call comes to, nil when it never began, and whether its time was over before.
  private func race<Result: Sendable>(
    _ call: @escaping @Sendable () async throws(StoreError) -> Result
  ) async -> (Swift.Result<Result, StoreError>?, isLate: Bool) {
    await withTaskGroup(of: Swift.Result<Result, StoreError>?.self) { group in
      group.addTask {
        do throws(StoreError) { return .success(try await call()) } catch { return .failure(error) }
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      let first = await group.next() ?? nil
      let isLate = first == nil && !Task.isCancelled
      group.cancelAll()
      // The timer ends first when the caller is cancelled, too.
      let second = first == nil ? await group.next() ?? nil : nil
      return (first ?? second, isLate)
    }
  }
}
