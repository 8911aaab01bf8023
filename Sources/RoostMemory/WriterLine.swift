import Roost

/// Who has the right to write, and who waits for it, first come first served.
struct WriterLine {
  struct Waiter {
    /// How a waiter goes on.
    enum Wish {
      /// In its own task, which gives up the right when it is done.
      case ownTask(CheckedContinuation<StoreError?, Never>)
      /// At once, on the thread of who gives up the right; with an error it is refused.
      case atOnce(@Sendable (StoreError?) -> Void)
    }

    let ticket: UInt64
    /// When it has waited for too long.
    let end: ContinuousClock.Instant
    let wish: Wish

    func refuse(_ error: StoreError) {
      switch wish {
      case .ownTask(let continuation): continuation.resume(returning: error)
      case .atOnce(let run): run(error)
      }
    }
  }

  /// Who has the right.
  private(set) var holder: UInt64?
  private var lastTicket: UInt64 = 0
  private var waiters: [Waiter] = []
  /// Ends what waits for too long: one task for all waiters, as most wait for microseconds.
  private var alarm: (end: ContinuousClock.Instant, task: Task<Void, Never>)?

  mutating func nextTicket() -> UInt64 {
    lastTicket += 1
    return lastTicket
  }

  /// Takes the right if nobody has it.
  mutating func take(_ ticket: UInt64) -> Bool {
    guard holder == nil else { return false }
    holder = ticket
    return true
  }

  /// Stands a waiter in line.
  /// - Parameter ring: calls `removeLate` when the time has come.
  mutating func append(
    _ waiter: Waiter, _ ring: (ContinuousClock.Instant) -> Task<Void, Never>
  ) {
    waiters.append(waiter)
    setAlarm(for: waiter.end, ring)
  }

  mutating func remove(_ ticket: UInt64) -> Waiter? {
    waiters.firstIndex { $0.ticket == ticket }.map { waiters.remove(at: $0) }
  }

  /// Takes those out of the line that have waited for too long.
  mutating func removeLate(
    _ ring: (ContinuousClock.Instant) -> Task<Void, Never>
  ) -> [Waiter] {
    let now = ContinuousClock.now
    let late = waiters.filter { $0.end <= now }
    waiters.removeAll { $0.end <= now }
    alarm = nil
    if let next = waiters.map(\.end).min() { setAlarm(for: next, ring) }
    return late
  }

  /// Gives the right to the next in line. Nil when nobody is, or the ticket has it no more.
  mutating func pass(from ticket: UInt64) -> Waiter? {
    guard holder == ticket else { return nil }
    guard !waiters.isEmpty else {
      holder = nil
      return nil
    }
    let next = waiters.removeFirst()
    holder = next.ticket
    return next
  }

  /// Takes everybody out of the line.
  mutating func close() -> [Waiter] {
    alarm?.task.cancel()
    alarm = nil
    defer { waiters = [] }
    return waiters
  }

  private mutating func setAlarm(
    for end: ContinuousClock.Instant, _ ring: (ContinuousClock.Instant) -> Task<Void, Never>
  ) {
    if let alarm {
      guard end < alarm.end else { return }
      alarm.task.cancel()
    }
    alarm = (end, ring(end))
  }
}
