package import Roost
import Synchronization

// The right to write.

extension Engine {
  /// What a writer starts with.
  package struct Grant: Sendable {
    package let ticket: UInt64
    package let epoch: Int
    package let state: DatabaseState
  }

  /// As many changes of others a writer makes on its way out before it lets another thread.
  private static let serviceLimit = 64

  private static let late = StoreError(
    .deadlineExceeded, "another transaction held the store too long")
  private static let cancelled = StoreError(.cancelled, "the task was cancelled")

  /// Waits for the right to write, first come first served.
  /// - Throws: `deadlineExceeded`, `cancelled` or `closed`.
  package func acquire(within deadline: Duration) async throws(StoreError) -> Grant {
    let (ticket, isFree) = takeTicket()
    if !isFree {
      let failure = await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          stand(
            WriterLine.Waiter(
              ticket: ticket, end: .now + deadline, wish: .ownTask(continuation)))
        }
      } onCancel: {
        abandon(ticket)
      }
      if let failure { throw failure }
    }
    do {
      return try grant(ticket)
    } catch {
      release(ticket)
      throw error
    }
  }

  /// Makes a change in a transaction of its own, and waits until it is durable.
  ///
  /// Who must wait for the right to write does not come back for the change: whoever has the right
  /// makes the changes of those who stand in line. A crowd of writers takes turns without a switch
  /// of tasks, which costs more than most changes.
  /// - Throws: what the change throws, `acquire` and `commit`.
  package func write<Answer: Sendable>(
    within deadline: Duration, _ functions: TriggerFunctions,
    _ change: @escaping @Sendable (inout Workspace) throws(StoreError) -> Answer
  ) async throws(StoreError) -> Answer {
    let (ticket, isFree) = takeTicket()
    guard isFree else {
      return try await writeInLine(ticket, until: .now + deadline, functions, change)
    }
    let (answer, commit): (Answer, Commit?)
    do {
      (answer, commit) = try queue(ticket, functions, change)
    } catch {
      release(ticket)
      throw error
    }
    try await settle(commit, releasing: ticket)
    return answer
  }

  private func writeInLine<Answer: Sendable>(
    _ ticket: UInt64, until end: ContinuousClock.Instant, _ functions: TriggerFunctions,
    _ change: @escaping @Sendable (inout Workspace) throws(StoreError) -> Answer
  ) async throws(StoreError) -> Answer {
    let outcome: Result<Answer, StoreError> = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        stand(
          WriterLine.Waiter(
            ticket: ticket, end: end,
            wish: .atOnce { refusal in
              if let refusal { return continuation.resume(returning: .failure(refusal)) }
              do throws(StoreError) {
                let (answer, commit) = try self.queue(ticket, functions, change)
                self.append(commit) { error in
                  continuation.resume(returning: error.map { .failure($0) } ?? .success(answer))
                }
              } catch {
                continuation.resume(returning: .failure(error))
              }
            }))
      }
    } onCancel: {
      abandon(ticket)
    }
    return try outcome.get()
  }

  /// Makes a change and queues what it did; nil has nothing to wait for.
  private func queue<Answer>(
    _ ticket: UInt64, _ functions: TriggerFunctions,
    _ change: (inout Workspace) throws(StoreError) -> Answer
  ) throws(StoreError) -> (Answer, Commit?) {
    let grant = try grant(ticket)
    var workspace = workspace(grant.state, functions)
    let answer = try change(&workspace)
    return (answer, try queue(workspace, grant))
  }

  private func takeTicket() -> (ticket: UInt64, isFree: Bool) {
    shared.withLock { shared in
      let ticket = shared.line.nextTicket()
      return (ticket, shared.line.take(ticket))
    }
  }

  private func grant(_ ticket: UInt64) throws(StoreError) -> Grant {
    let (epoch, state, isClosed) = shared.withLock { ($0.epoch, $0.queued, $0.isClosed) }
    guard !isClosed else { throw Self.closed }
    return Grant(ticket: ticket, epoch: epoch, state: state)
  }

  /// Stands a waiter in line, or lets it go on when the right has become free.
  private func stand(_ waiter: WriterLine.Waiter) {
    let refusal: StoreError?? = shared.withLock { shared in
      if shared.isClosed { return .some(Self.closed) }
      if Task.isCancelled { return .some(Self.cancelled) }
      if shared.line.take(waiter.ticket) { return .some(nil) }
      shared.line.append(waiter, alarm)
      return nil
    }
    switch refusal {
    case .none: break
    case .some(.some(let error)): waiter.refuse(error)
    case .some(.none): serve(waiter)
    }
  }

  private func alarm(_ end: ContinuousClock.Instant) -> Task<Void, Never> {
    Task { [weak self] in
      do { try await Task.sleep(until: end, clock: .continuous) } catch { return }
      guard let self else { return }
      for waiter in shared.withLock({ $0.line.removeLate(alarm) }) { waiter.refuse(Self.late) }
    }
  }

  private func abandon(_ ticket: UInt64) {
    shared.withLock { $0.line.remove(ticket) }?.refuse(Self.cancelled)
  }

  /// Gives the right to write to the next in line, and sees to it that what was queued becomes
  /// durable. Does nothing else when the ticket has the right no more.
  package func release(_ ticket: UInt64) {
    if let next = shared.withLock({ $0.line.pass(from: ticket) }) {
      serve(next)
    } else {
      log?.flush()
    }
  }

  /// Lets a waiter go on that has the right to write, and those behind it. Only then is what they
  /// and who calls have queued made durable, all at once.
  private func serve(_ first: WriterLine.Waiter) {
    defer { log?.flush() }
    var next: WriterLine.Waiter? = first
    var served = 0
    while let waiter = next {
      switch waiter.wish {
      case .ownTask(let continuation): return continuation.resume(returning: nil)
      case .atOnce(let run):
        // Who serves has an answer to bring home, too.
        guard served < Self.serviceLimit else {
          Task { serve(waiter) }
          return
        }
        served += 1
        run(nil)
        next = shared.withLock { $0.line.pass(from: waiter.ticket) }
      }
    }
  }
}

// Commits.

extension Engine {
  /// Makes a workspace the state that the next writer starts from, gives up the right to write,
  /// and waits until the commit is durable.
  /// - Throws: `serializationFailure` when the state that the workspace started from was lost,
  ///   `deadlineExceeded` when the right to write was taken away, `closed`; what the log throws.
  package func commit(
    _ workspace: Workspace, _ grant: Grant, migration: MigrationChange? = nil
  ) async throws(StoreError) {
    let commit: Commit?
    do {
      commit = try queue(workspace, grant, migration: migration)
    } catch {
      release(grant.ticket)
      throw error
    }
    try await settle(commit, releasing: grant.ticket)
  }

  /// Makes a workspace the state that the next writer starts from; nil has no log to wait for.
  private func queue(
    _ workspace: Workspace, _ grant: Grant, migration: MigrationChange? = nil
  ) throws(StoreError) -> Commit? {
    let refusal = shared.withLock { shared -> StoreError? in
      if shared.isClosed { return Self.closed }
      guard shared.line.holder == grant.ticket else {
        return TransactionOptions.expired
      }
      guard shared.epoch == grant.epoch else {
        return StoreError(
          .serializationFailure, "an earlier commit that this transaction had read was lost")
      }
      shared.queued = workspace.state
      if log == nil { shared.durable = Snapshot(workspace.state) }
      return nil
    }
    if let refusal { throw refusal }
    guard log != nil else { return nil }
    return Commit(
      epoch: grant.epoch, effects: workspace.effects, migration: migration, state: workspace.state)
  }

  /// Gives up the right to write and waits until a commit is durable.
  private func settle(
    _ commit: consuming Commit?, releasing ticket: UInt64
  ) async throws(StoreError) {
    guard let commit else { return release(ticket) }
    let failure = await withCheckedContinuation { continuation in
      append(commit) { continuation.resume(returning: $0) }
      // Only now: the next commit must be appended behind this one.
      release(ticket)
    }
    if let failure { throw failure }
  }

  /// Appends a commit to the log. Who has none is told at once.
  private func append(_ commit: Commit?, settled: @escaping @Sendable (StoreError?) -> Void) {
    guard let log, let commit else { return settled(nil) }
    // Without the effects, which may be many, and are of no use to who waits.
    log.append(commit) { [state = commit.state, epoch = commit.epoch] error in
      self.shared.withLock { shared in
        if error == nil {
          shared.durable = Snapshot(state)
        } else if shared.epoch == epoch {
          shared.epoch += 1
          shared.queued = shared.durable.state
        }
      }
      settled(error)
    }
  }
}
