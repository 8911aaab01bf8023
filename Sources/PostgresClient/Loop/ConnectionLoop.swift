import Foundation
import RoostCore
import Synchronization

/// The thread of one connection: a loop over jobs, one socket and a wake pipe, and a task executor.
///
/// Tasks that prefer it run here, so that their I/O costs no hop. A task that must wait for the
/// socket first waits inside its own call, as long as nobody else has work for the loop; when
/// somebody has, it suspends and the loop goes on with that. So a timer or a child task in the
/// same closure is never held up by a read.
///
/// While the loop has nothing to do, a task that comes by `hop` is run by the thread that it comes
/// from, until it has to wait for more than a fraction of a millisecond: a small query whose answer
/// comes at once then needs no other thread. That thread is the loop's guest.
///
/// Confinement: `jobs`, `nextJob`, `waiters`, `nextWaitID` and `isGuest` are touched only by the
/// thread that holds `ownership`: the loop's own, but while it sleeps without waiters, or a guest.
/// It is checked by `isOfCurrentTask` where it is not evident: only `run`, `runAsGuest`, and code
/// that runs in jobs of this executor, get there. All else is in a lock or atomic. That is why this
/// is `Sendable`.
package final class ConnectionLoop: TaskExecutor, @unchecked Sendable {
  /// How a wait ended.
  enum Outcome: Sendable {
    case ready
    case deadline
    case cancelled
  }

  /// Names one wait.
  struct WaitID: Hashable, Sendable {
    fileprivate let number: UInt64
  }

  private struct Inbox {
    var jobs: [UnownedJob] = []
    var signals: [(WaitID, Outcome)] = []
    var isRunning = false
    var isStopping = false

    var isEmpty: Bool { jobs.isEmpty && signals.isEmpty }
  }

  private struct Waiter {
    let id: WaitID
    let descriptor: Int32
    let events: Int16
    let deadline: Deadline
    let continuation: UnsafeContinuation<Outcome, Never>
  }

  /// The stack of the thread in bytes: closures of `withConnection` run on it.
  private static let stackByteCount = 4 << 20

  /// How long a wait goes on before it can be cancelled, in milliseconds.
  private static let briefMilliseconds: Int32 = 5

  /// What is no long time to wait for a guest, in nanoseconds.
  private static let napNanoseconds: UInt64 = 200_000

  private let inbox = Mutex(Inbox())
  private let isSleeping = Atomic(false)
  /// The thread that has the loop; 0 for none.
  private let thread = Atomic<UInt>(0)
  /// The thread whose next job for the loop comes by `hop`; 0 for none.
  private let invited = Atomic<UInt>(0)
  private let ownership = NSLock()
  private let wake = WakePipe()

  private var jobs: [UnownedJob] = []
  /// The first of `jobs` that has not been run.
  private var nextJob = 0
  private var waiters: [Waiter] = []
  private var nextWaitID: UInt64 = 0
  private var isGuest = false
  /// Whether a guest may wait.
  private var guestNap = AdaptiveSpin()

  /// A loop whose thread starts with the first job.
  package init() {}

  /// Whether the system had the descriptors that waking the loop needs.
  var canBeWoken: Bool { wake.readDescriptor >= 0 }

  /// Whether the caller runs on the thread that has the loop.
  @inline(__always)
  private var isCurrent: Bool {
    thread.load(ordering: .relaxed) == SocketPlatform.currentThread
  }

  /// Whether the current task is to run on the loop, and does.
  ///
  /// A thread that runs a job of the loop may be the guest of another loop in the midst of it. What
  /// runs there is that loop's: whoever resumes it would let it go on over there.
  var isOfCurrentTask: Bool {
    isCurrent && withUnsafeCurrentTask { $0?.unownedTaskExecutor == asUnownedTaskExecutor() }
  }

  /// Lets the thread end once it has nothing to do. A later job starts another.
  func stop() {
    inbox.withLock { $0.isStopping = true }
    wakeIfSleeping()
  }

  // MARK: From any thread

  /// Runs a piece of a task on the loop.
  nonisolated(nonsending) func hop<Result, E: Error>(
    _ body: nonisolated(nonsending) () async throws(E) -> Result
  ) async throws(E) -> Result {
    invited.store(SocketPlatform.currentThread, ordering: .relaxed)
    return try await withTaskExecutorPreference(self) { () async throws(E) -> Result in
      // Where no job was needed to come here, a later one is not to be taken for it.
      invited.store(0, ordering: .relaxed)
      return try await body()
    }
  }

  /// Takes a job of a task that prefers this executor.
  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    if isCurrent {
      jobs.append(job)
      return
    }
    // Not any job may be run here: who resumes a task may hold a lock. Who hops holds none.
    let caller = SocketPlatform.currentThread
    if invited.load(ordering: .relaxed) == caller {
      invited.store(0, ordering: .relaxed)
      if runAsGuest(job, caller) { return }
    }
    post(job)
  }

  /// Runs a job on the caller's thread. False when the loop has something to do.
  private func runAsGuest(_ job: UnownedJob, _ caller: UInt) -> Bool {
    guard ownership.try() else { return false }
    let isIdle =
      jobs.isEmpty && waiters.isEmpty
      && inbox.withLock { $0.isEmpty && $0.isRunning && !$0.isStopping }
    guard isIdle else {
      ownership.unlock()
      return false
    }
    thread.store(caller, ordering: .sequentiallyConsistent)
    isGuest = true
    job.runSynchronously(on: asUnownedTaskExecutor())
    isGuest = false
    let isDone = jobs.isEmpty && waiters.isEmpty
    thread.store(0, ordering: .sequentiallyConsistent)
    ownership.unlock()
    // What is left is for the loop's own thread.
    if !isDone { wakeIfSleeping() }
    return true
  }

  private func post(_ job: UnownedJob) {
    let mustStart = inbox.withLock { inbox in
      inbox.jobs.append(job)
      defer { inbox.isRunning = true }
      return !inbox.isRunning
    }
    if mustStart {
      let thread = Thread { self.run() }
      thread.name = "postgres"
      thread.stackSize = Self.stackByteCount
      thread.start()
    } else {
      wakeIfSleeping()
    }
  }

  /// Ends a wait, if it has not ended.
  func signal(_ id: WaitID, _ outcome: Outcome) {
    inbox.withLock { $0.signals.append((id, outcome)) }
    wakeIfSleeping()
  }

  private func wakeIfSleeping() {
    if isSleeping.exchange(false, ordering: .sequentiallyConsistent) { wake.signal() }
  }

  // MARK: From jobs on the loop

  /// Lets others have the loop, if there are any. Who moves much without ever having to wait calls
  /// it now and then.
  nonisolated(nonsending) func yieldIfWanted() async {
    if nextJob < jobs.count || !inbox.withLock({ $0.isEmpty }) { await Task.yield() }
  }

  /// A name for a wait that is about to begin.
  func makeWaitID() -> WaitID {
    nextWaitID &+= 1
    return WaitID(number: nextWaitID)
  }

  /// Waits until the descriptor (none: -1) is ready, somebody signals the wait, the deadline
  /// passes, or the task is cancelled.
  nonisolated(nonsending) func wait(
    _ id: WaitID, descriptor: Int32, events: Int16, deadline: Deadline
  ) async -> Outcome {
    await withTaskCancellationHandler {
      if descriptor >= 0 {
        switch pollHere(descriptor, events, timeout: deadline.pollTimeout) {
        case true: return .ready
        case false where deadline <= .now: return .deadline
        default: break
        }
      }
      return await withUnsafeContinuation { continuation in
        waiters.append(
          Waiter(
            id: id, descriptor: descriptor, events: events, deadline: deadline,
            continuation: continuation))
      }
    } onCancel: {
      signal(id, .cancelled)
    }
  }

  /// Waits as `wait` does, but no more than a moment, in which nobody can cancel it. True when the
  /// descriptor is ready.
  ///
  /// Being told of a cancellation, and no longer being told, took 2,000 of the 13,600 instructions
  /// of a small query, whose answer mostly comes within the moment.
  func waitBriefly(_ descriptor: Int32, events: Int16, deadline: Deadline) -> Bool {
    if isGuest { return napAsGuest(descriptor, events) }
    let timeout = deadline.pollTimeout
    let most = timeout < 0 ? Self.briefMilliseconds : min(timeout, Self.briefMilliseconds)
    return pollHere(descriptor, events, timeout: most) ?? false
  }

  /// Ends a wait from the loop's own thread. False when it has ended before.
  func resume(_ id: WaitID) -> Bool {
    guard let index = waiters.firstIndex(where: { $0.id == id }) else { return false }
    waiters.remove(at: index).continuation.resume(returning: .ready)
    return true
  }

  /// Waits without suspending, as long as nobody else needs the loop, for so many milliseconds at
  /// most, or -1: whether the descriptor is ready. Nil when somebody needs the loop, and for a
  /// guest, whose thread has other work.
  private func pollHere(_ descriptor: Int32, _ events: Int16, timeout: Int32) -> Bool? {
    assert(isCurrent, "who does not have the loop waits for it")
    guard !isGuest, nextJob == jobs.count, waiters.isEmpty, beginSleep() else { return nil }
    let (isReady, wasWoken) = poll(descriptor, events, timeout)
    endSleep(wasWoken)
    if isReady { return true }
    return wasWoken ? nil : false
  }

  /// Waits for what comes within a fraction of a millisecond, as it lately did: the guest's thread
  /// is kept from its other work for about as long as by a spin, and neither it nor the loop's own
  /// has to be woken by the other. What is for the loop ends it, and stays for the loop's own
  /// thread, which sleeps.
  private func napAsGuest(_ descriptor: Int32, _ events: Int16) -> Bool {
    guard nextJob == jobs.count, waiters.isEmpty, guestNap.begin() else { return false }
    let start = Deadline.now
    let isReady = poll(descriptor, events, 1).isReady
    let time = Deadline.now.nanoseconds &- start.nanoseconds
    guestNap.end(succeeded: isReady && time < Self.napNanoseconds)
    return isReady
  }

  private func poll(
    _ descriptor: Int32, _ events: Int16, _ timeout: Int32
  ) -> (isReady: Bool, wasWoken: Bool) {
    withUnsafeTemporaryAllocation(of: pollfd.self, capacity: 2) { descriptors in
      descriptors[0] = pollfd(fd: wake.readDescriptor, events: Int16(POLLIN), revents: 0)
      descriptors[1] = pollfd(fd: descriptor, events: events, revents: 0)
      _ = RoostCore.poll(descriptors.baseAddress, 2, timeout)
      return (descriptors[1].revents != 0, descriptors[0].revents != 0)
    }
  }

  /// Says that this thread is about to sleep; false when there is work after all.
  ///
  /// The order matters: first say so, then look. Who adds work first adds, then looks who sleeps.
  private func beginSleep() -> Bool {
    isSleeping.store(true, ordering: .sequentiallyConsistent)
    if inbox.withLock({ $0.isEmpty }) { return true }
    isSleeping.store(false, ordering: .sequentiallyConsistent)
    return false
  }

  private func endSleep(_ wasWoken: Bool) {
    // Who took the flag before us has written, or is about to write, a byte: the next sleep then
    // ends at once, which does no harm.
    isSleeping.store(false, ordering: .sequentiallyConsistent)
    if wasWoken { wake.drain() }
  }

  // MARK: The thread

  private func run() {
    takeOwnership()
    defer { ownership.unlock() }
    while takeInbox() {
      // Jobs that are added meanwhile have to wait until the inbox and the sockets had their turn.
      // Those that are left stay in the queue, where `pollHere` sees that they want the loop.
      for _ in nextJob..<jobs.count {
        let job = jobs[nextJob]
        nextJob += 1
        job.runSynchronously(on: asUnownedTaskExecutor())
      }
      jobs.removeFirst(nextJob)
      nextJob = 0
      sleepOrPoll()
    }
  }

  private func takeOwnership() {
    ownership.lock()
    thread.store(SocketPlatform.currentThread, ordering: .sequentiallyConsistent)
  }

  /// Takes what others left. False when the thread is to end.
  private func takeInbox() -> Bool {
    let (signals, goesOn) = inbox.withLock { inbox in
      if inbox.isStopping, inbox.isEmpty, jobs.isEmpty, waiters.isEmpty {
        inbox.isRunning = false
        thread.store(0, ordering: .sequentiallyConsistent)
        return ([(WaitID, Outcome)](), false)
      }
      jobs.append(contentsOf: inbox.jobs)
      inbox.jobs.removeAll(keepingCapacity: true)
      defer { inbox.signals.removeAll(keepingCapacity: true) }
      return (inbox.signals, true)
    }
    for (id, outcome) in signals {
      guard let index = waiters.firstIndex(where: { $0.id == id }) else { continue }
      waiters.remove(at: index).continuation.resume(returning: outcome)
    }
    return goesOn
  }

  /// Waits for work; with jobs at hand it only looks whether sockets are ready.
  private func sleepOrPoll() {
    if !jobs.isEmpty, waiters.isEmpty { return }
    let isBusy = !jobs.isEmpty
    if !isBusy, !beginSleepUnlessStopping() { return }
    if !isBusy, waiters.isEmpty { return sleepWithoutOwnership() }
    var descriptors = [pollfd(fd: wake.readDescriptor, events: Int16(POLLIN), revents: 0)]
    var deadline = Deadline.never
    for waiter in waiters {
      descriptors.append(pollfd(fd: waiter.descriptor, events: waiter.events, revents: 0))
      deadline = min(deadline, waiter.deadline)
    }
    let timeout = isBusy ? 0 : deadline.pollTimeout
    _ = RoostCore.poll(&descriptors, nfds_t(descriptors.count), timeout)
    if isBusy {
      if descriptors[0].revents != 0 { wake.drain() }
    } else {
      endSleep(descriptors[0].revents != 0)
    }
    if waiters.isEmpty { return }
    let now = deadline == .never ? nil : Deadline.now
    var remaining: [Waiter] = []
    for (waiter, descriptor) in zip(waiters, descriptors.dropFirst()) {
      if descriptor.revents != 0 {
        waiter.continuation.resume(returning: .ready)
      } else if let now, waiter.deadline <= now {
        waiter.continuation.resume(returning: .deadline)
      } else {
        remaining.append(waiter)
      }
    }
    waiters = remaining
  }

  /// Sleeps until there is work. Meanwhile others may have the loop.
  private func sleepWithoutOwnership() {
    thread.store(0, ordering: .sequentiallyConsistent)
    ownership.unlock()
    var descriptor = pollfd(fd: wake.readDescriptor, events: Int16(POLLIN), revents: 0)
    _ = RoostCore.poll(&descriptor, 1, Deadline.never.pollTimeout)
    takeOwnership()
    endSleep(descriptor.revents != 0)
  }

  private func beginSleepUnlessStopping() -> Bool {
    guard beginSleep() else { return false }
    if waiters.isEmpty, inbox.withLock({ $0.isStopping }) {
      isSleeping.store(false, ordering: .sequentiallyConsistent)
      return false
    }
    return true
  }
}
