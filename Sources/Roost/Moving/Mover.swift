import Foundation
import RoostCore
import Synchronization

/// Runs a move: carries changes, copies what was there before, compares, and takes the steps that
/// were asked for. One at a time does so, whichever process it is in; another one takes over when
/// it has not been heard of for a while.
package final class Mover: Sendable {
  /// How a move is run.
  package struct Options: Sendable {
    /// How many rows are carried or copied in one transaction.
    package var batch = TableLinks.batch
    /// After how long without a sign of life another mover takes over.
    package var lease = Duration.seconds(15)
    /// How often in a row the stores must be found equal before they may change places.
    package var cleanWindows = 3
    /// The pause between two comparisons.
    package var windowPause = Duration.seconds(1)
    /// The pause before rows that differ are read again.
    package var recheckPause = Duration.milliseconds(100)
    /// The pause after which a mover that had nothing to do looks again.
    package var idlePause = Duration.milliseconds(20)
    /// The most rows copied in a second; nil for as many as can be.
    package var rowsPerSecond: Int?
    /// How long writers may be kept waiting while the stores change places.
    package var fence = Duration.seconds(20)

    package init() {}
  }

  struct State {
    /// The epoch of the lease on each side; nil without a lease.
    var epochs: [MoveSide: Int]?
    var renewedAt = ContinuousClock.now
    var comparedAt: ContinuousClock.Instant?
    /// Why the last step failed; nil when it did not.
    var failure: StoreError?
  }

  let backend: MovingBackend
  let options: Options
  let state = Mutex(State())
  private let owner = UUID()
  let log: @Sendable (LogLine) -> Void

  init(
    _ backend: MovingBackend, _ options: Options = Options(),
    log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) {
    self.backend = backend
    self.options = options
    self.log = log
  }

  /// Runs the move until the task is cancelled, or the move is complete. What fails is tried again;
  /// nothing is given up.
  func run() async {
    var pause = Duration.milliseconds(100)
    while !Task.isCancelled {
      do throws(StoreError) {
        let hasWorked = try await step()
        if let failure = state.withLock({ $0.failure.take() }) {
          log(LogLine(.info, "the move goes on, after: \(failure.message)"))
        }
        pause = .milliseconds(100)
        if backend.state.stage == .complete { break }
        if !hasWorked { try? await Task.sleep(for: options.idlePause) }
      } catch {
        let isNew = state.withLock { state in
          defer { state.failure = error }
          return state.failure?.code != error.code
        }
        if isNew, error.code != .cancelled, error.code != .locked {
          log(LogLine(.warning, "the move waits: \(error.message)"))
        }
        try? await Task.sleep(for: pause)
        pause = min(pause * 2, .seconds(2))
      }
    }
    // The task that ran the move may be cancelled, and could not write any more.
    await Task.detached { await self.release() }.value
  }

  /// Does the next piece of work.
  /// - Returns: whether there was any.
  /// - Throws: `locked` while another mover is at work.
  package func step() async throws(StoreError) -> Bool {
    try await holdLease()
    let state = try await backend.refresh()
    // A mover before this one was stopped while the stores changed places.
    if state.isFenced {
      try await unfence()
      return true
    }
    var hasWorked = false
    var failure: StoreError?
    do throws(StoreError) {
      hasWorked = try await workAt(state)
    } catch {
      // A step may still be possible: to complete the move without the old store.
      failure = error
    }
    let hasStepped = try await follow(state)
    if let failure, !hasStepped { throw failure }
    return hasStepped || hasWorked
  }

  /// Carries, copies and compares as the stage asks for.
  private func workAt(_ state: MoveState) async throws(StoreError) -> Bool {
    var hasWorked = false
    if state.stage.isNoting { hasWorked = try await carry(from: state.authority) > 0 }
    switch state.stage {
    case .backfill: return try await backfill() || hasWorked
    case .verify, .shadow, .percentage: return try await compareIfDue(state) || hasWorked
    default: return hasWorked
    }
  }

  /// Carries some of what waits.
  /// - Returns: how many rows.
  package func carry(from side: MoveSide) async throws(StoreError) -> Int {
    var carrier = ChangeCarrier(
      links: backend.links, source: backend.backend(side), target: backend.backend(side.other))
    carrier.fence = fence(side.other)
    carrier.limit = options.batch
    let entries = try await carrier.carry()
    var versions: [RowReference: UUID] = [:]
    for entry in entries { versions[entry.row] = entry.version }
    backend.pending.remove(versions)
    return entries.count
  }

  /// Changes the state, in the store that counts by the new state first: who reads both takes the
  /// newer one.
  /// - Parameter first: another side to begin with.
  /// - Throws: `unavailable` when a side has a newer state already, which is taken over; nothing
  ///   has changed there.
  func change(
    beginningAt first: MoveSide? = nil, _ change: @Sendable (inout MoveState) -> Void
  ) async throws(StoreError) {
    var new = backend.state
    change(&new)
    new.revision += 1
    let first = first ?? new.authority
    for side in [first, first.other] {
      do throws(StoreError) {
        try await write(new, on: side)
      } catch {
        // A store that is out of use need not be there any more.
        let isGone = new.stage == .complete && side != new.authority
        guard isGone, [.unavailable, .locked].contains(error.code) else {
          // The next step makes the sides equal again.
          self.state.withLock { $0.renewedAt = .now - options.lease }
          throw error
        }
      }
      backend.adopt(new)
    }
  }

  /// Writes a state, unless a newer one is there. The lock waits for whoever has not ended yet.
  private func write(_ state: MoveState, on side: MoveSide) async throws(StoreError) {
    let fence = fence(side)
    let newer = try await backend.backend(side).writing {
      session throws(StoreError) -> MoveState? in
      try await fence(session)
      let stored = try await MoveRecords.read(MoveRecords.state, in: session, lock: .forUpdate)
      if let stored, stored.state.revision >= state.revision {
        return stored.state == state ? nil : stored.state
      }
      try await MoveRecords.write(
        MoveRecords.SidedState(side: side, state: state), as: MoveRecords.state, in: session)
      return nil
    }
    guard let newer else { return }
    backend.adopt(newer)
    throw StoreError(.unavailable, "the state of the move has changed meanwhile")
  }

  /// Gives the side that a mover before this one could not write any more the newer state.
  private func equalise() async throws(StoreError) {
    var states: [MoveSide: MoveState] = [:]
    for side in [MoveSide.from, .to] {
      let record = try await MoveRecords.read(MoveRecords.state, in: backend.backend(side))
      states[side] = record?.state
    }
    guard let from = states[.from], let to = states[.to], from.revision != to.revision else {
      return
    }
    let isBehind = from.revision < to.revision
    let newest = isBehind ? to : from
    backend.adopt(newest)
    try await write(newest, on: isBehind ? .from : .to)
  }
}

// The lease.

extension Mover {
  /// Takes the lease, or renews it when a third of it is over.
  func holdLease() async throws(StoreError) {
    let (epochs, renewedAt) = state.withLock { ($0.epochs, $0.renewedAt) }
    if epochs?.count == 2, ContinuousClock.now - renewedAt < options.lease / 3 { return }
    var taken: [MoveSide: Int] = [:]
    for side in [MoveSide.to, .from] {
      let known = epochs?[side]
      do throws(StoreError) {
        taken[side] = try await backend.backend(side).writing { session throws(StoreError) in
          try await take(known, in: session)
        }
      } catch {
        if error.code == .locked { state.withLock { $0.epochs = nil } }
        // Without the store that does not count, the move can still be completed.
        if error.code == .unavailable, side != backend.state.authority { continue }
        throw error
      }
    }
    let epochsNow = taken
    state.withLock { state in
      state.epochs = epochsNow
      state.renewedAt = .now
    }
    if epochsNow.count == 2 { try await equalise() }
  }

  private func take(
    _ known: Int?, in session: any StorageTransaction
  ) async throws(StoreError) -> Int {
    let now = Date().timeIntervalSince1970
    var lease =
      try await MoveRecords.read(
        MoveRecords.lease, in: session, lock: .forUpdate) ?? MoveLease()
    if lease.owner != owner || lease.epoch != known {
      let age = now - lease.renewedAt
      if let other = lease.owner, other != owner, age < lease.seconds {
        throw StoreError(.locked, "another process runs this move")
      }
      lease.epoch += 1
      lease.owner = owner
    }
    lease.renewedAt = now
    lease.seconds = options.lease / .seconds(1)
    try await MoveRecords.write(lease, as: MoveRecords.lease, in: session)
    return lease.epoch
  }

  /// Gives the lease back, so that the next mover need not wait.
  package func release() async {
    guard let epochs = state.withLock({ $0.epochs.take() }) else { return }
    for (side, epoch) in epochs {
      _ = try? await backend.backend(side).writing { session throws(StoreError) in
        let lease = try await MoveRecords.read(MoveRecords.lease, in: session, lock: .forUpdate)
        guard var lease, lease.epoch == epoch, lease.owner == owner else { return }
        lease.owner = nil
        try await MoveRecords.write(lease, as: MoveRecords.lease, in: session)
      }
    }
  }

  /// What must hold in each transaction in which this mover writes: it is still the one.
  func fence(_ side: MoveSide) -> ChangeCarrier.Fence {
    let epoch = state.withLock { $0.epochs?[side] }
    let owner = owner
    return { session throws(StoreError) in
      let lease = try await MoveRecords.read(MoveRecords.lease, in: session, lock: .forShare)
      guard let lease, lease.epoch == epoch, lease.owner == owner else {
        throw StoreError(.locked, "another process runs this move")
      }
    }
  }
}
