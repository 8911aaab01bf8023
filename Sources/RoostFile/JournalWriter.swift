import Foundation
import Roost
import RoostCore
import RoostMemory

/// Makes commits durable: takes all that are queued, writes their lines, makes one fdatasync, and
/// then tells each of them.
///
/// A thread of its own does that, and goes on as long as there is something queued. But while it
/// sleeps and the device is quick, who has queued a commit writes it in place: on a device that
/// takes 0.2 ms, to wake a thread and to be woken by it took a seventh of a small commit.
///
/// Unchecked sendability holds because `journal`, `snapshotLength` and `synchronizeAt` are touched
/// only by the one who has set `isWriting`, and the other variables only under `condition`.
final class JournalWriter: CommitLog, @unchecked Sendable {
  private struct Entry {
    var commit: Commit
    var settled: @Sendable (StoreError?) -> Void
  }

  /// The least bytes of journals that are worth a snapshot.
  static let compactionFloor: Int64 = 8 << 20
  /// As many journals are worth a snapshot whatever their length.
  private static let compactionCount = 64
  /// With as many effects, commits are synchronised before more are written.
  private static let batchLimit = 1 << 17
  /// How long commits may be behind with `durability=interval`, in seconds.
  private static let synchronizeInterval = 1.0
  /// A device that takes longer to synchronise is not waited for on a thread that others share.
  private static let quickTime = Duration.milliseconds(1)
  /// Nor are more effects written there.
  private static let quickCount = 256

  private let limits: FileStore.Limits
  private let folder: StoreFolder
  private let lock: any OpenFile
  private let log: @Sendable (LogLine) -> Void
  private let condition = NSCondition()
  private var queue: [Entry] = []
  /// Whether someone writes, or may: the thread does from its start until it waits.
  private var isWriting = true
  private var isClosing = false
  private var isDone = false
  private var epoch = 0
  /// Why nothing can be written any more.
  private var poison: StoreError?

  private var journal: Journal
  private var snapshotLength: Int64 = 0
  /// When what was written is to be on the device at last; nil while nothing is behind.
  private var synchronizeAt: Date?
  private let compactor: Compactor

  /// Takes over a recovered store and starts the thread. Nothing is written until the first
  /// commit.
  init(
    _ store: RecoveredStore, _ folder: StoreFolder, lock: any OpenFile, limits: FileStore.Limits,
    log: @escaping @Sendable (LogLine) -> Void
  ) {
    self.limits = limits
    self.folder = folder
    self.lock = lock
    self.log = log
    journal = Journal(store, folder, limits.journal)
    compactor = Compactor(folder: folder, log: log)
    if let status = try? folder.files.status(folder.snapshotPath) {
      snapshotLength = status.length
    }
    let thread = Thread { [self] in run() }
    thread.name = "roost-journal"
    thread.start()
  }

  func append(_ commit: Commit, settled: @escaping @Sendable (StoreError?) -> Void) {
    let entry = Entry(commit: commit, settled: settled)
    condition.lock()
    let refusal: StoreError? =
      if let poison { poison } else if isClosing {
        StoreError(.closed, "the store is closed")
      } else if commit.epoch < epoch {
        StoreError(.serializationFailure, "an earlier commit that this one had read was lost")
      } else { nil }
    if refusal == nil { queue.append(entry) }
    condition.unlock()
    if let refusal { settled(refusal) }
  }

  func flush() {
    condition.lock()
    defer { condition.unlock() }
    // Who writes looks for more.
    guard !queue.isEmpty, !isWriting else { return }
    guard limits.durability == .full, isQuick else { return condition.broadcast() }
    isWriting = true
    let batch = takeBatch()
    condition.unlock()
    write(batch)
    condition.lock()
    isWriting = false
    if !queue.isEmpty || isClosing { condition.broadcast() }
  }

  /// Whether what is queued will be on the device in a moment, as far as one can know. Under
  /// `condition`, while nobody writes.
  private var isQuick: Bool {
    journal.synchronizationTime < Self.quickTime
      && queue.lazy.map(\.commit.effects.count).reduce(0, +) <= Self.quickCount
  }

  /// Why nothing can be written any more until the store is opened again; nil while it can.
  var failure: StoreError? {
    condition.lock()
    defer { condition.unlock() }
    return poison
  }

  func close() async {
    await withCheckedContinuation { continuation in
      let thread = Thread { [self] in
        condition.lock()
        isClosing = true
        condition.broadcast()
        while !isDone { condition.wait() }
        condition.unlock()
        continuation.resume()
      }
      thread.start()
    }
  }

  private func run() {
    while let batch = nextBatch() {
      if !batch.isEmpty { write(batch) }
      synchronizeIfDue()
    }
    finish()
  }

  /// Makes a batch durable and tells who waits for it.
  private func write(_ batch: [Entry]) {
    let taken: Int
    do throws(WriteFailure) {
      taken = try journal.append(batch.map(\.commit), hasTime: limits.durability != .full)
    } catch {
      return fail(batch, error)
    }
    for entry in batch[..<taken] { entry.settled(nil) }
    if taken < batch.count {
      let refusal = StoreError(
        .storageFull, "a transaction writes more than \(limits.journal.line) bytes")
      fail([batch[taken]], refusal, batch[(taken + 1)...], behind: Self.lost(refusal))
    }
    if taken > 0 { compactIfDue(batch[taken - 1].commit.state) }
  }

  /// With `durability=interval`, brings what is behind to the device when it is time.
  private func synchronizeIfDue() {
    guard limits.durability == .interval, journal.isBehind else { return synchronizeAt = nil }
    let due = synchronizeAt ?? Date(timeIntervalSinceNow: Self.synchronizeInterval)
    synchronizeAt = due
    guard due.timeIntervalSinceNow <= 0 else { return }
    synchronizeAt = nil
    do throws(WriteFailure) {
      try journal.synchronize()
    } catch {
      // Who wrote it was told that this may be lost.
      let failure = poison(error.cause)
      fail([], failure, behind: failure)
    }
  }

  /// Waits for commits; nil when the store closes and nothing is left, none when what was written
  /// is to be on the device. The thread writes when it returns.
  private func nextBatch() -> [Entry]? {
    condition.lock()
    defer { condition.unlock() }
    isWriting = false
    while isWriting || (queue.isEmpty && !isClosing) {
      guard let synchronizeAt, !isWriting else {
        condition.wait()
        continue
      }
      if !condition.wait(until: synchronizeAt), !isWriting {
        isWriting = true
        return []
      }
    }
    isWriting = true
    return queue.isEmpty ? nil : takeBatch()
  }

  /// Takes what goes into one write. Under `condition`, for who has set `isWriting`.
  private func takeBatch() -> [Entry] {
    var effects = 0
    let count = queue.firstIndex { entry in
      effects += entry.commit.effects.count
      return effects > Self.batchLimit
    }
    let batch = Array(queue.prefix(max(1, count ?? queue.count)))
    queue.removeFirst(batch.count)
    return batch
  }

  /// Fails a batch that the journal did not take. After a write that left nothing the journal goes
  /// on.
  private func fail(_ batch: [Entry], _ cause: WriteFailure) {
    switch cause {
    case .nothingWritten(let error):
      let failure = StoreError(error, location: folder.path)
      fail(batch, failure, behind: Self.lost(failure))
    case .unknown(let error):
      let failure = StoreError(
        .outcomeUnknown, "\(error); open the store again to see what is there")
      _ = poison(error)
      fail(batch, failure, behind: failure)
    }
  }

  private static func lost(_ failure: StoreError) -> StoreError {
    StoreError(.serializationFailure, "an earlier commit was lost: \(failure.message)")
  }

  /// Fails commits, those that follow them in their batch, and all that is queued behind it.
  private func fail(
    _ failed: [Entry], _ failure: StoreError, _ followers: ArraySlice<Entry> = [],
    behind: StoreError
  ) {
    condition.lock()
    epoch += 1
    let rest = queue
    queue = []
    condition.unlock()
    for entry in failed { entry.settled(failure) }
    for entry in followers + rest { entry.settled(behind) }
  }

  private func poison(_ error: FileError) -> StoreError {
    let failure = StoreError(.inputOutput, "\(error): the store is read-only until reopened")
    condition.lock()
    poison = failure
    condition.unlock()
    return failure
  }

  /// Starts a new journal and a snapshot beside it when the journals have outgrown the snapshot.
  private func compactIfDue(_ state: DatabaseState) {
    if let finished = compactor.finished() {
      snapshotLength = finished
      journal.replaceEarlier()
    }
    guard
      journal.totalLength > max(limits.compactionFloor, snapshotLength)
        || journal.count > Self.compactionCount, !compactor.isBusy
    else { return }
    do throws(WriteFailure) {
      compactor.start(state, try journal.rotate())
    } catch {
      switch error {
      case .nothingWritten(let error):
        // The journal is whole and goes on.
        log(LogLine(.warning, "\(folder.path): no compaction: \(error)"))
      case .unknown(let error):
        let failure = poison(error)
        fail([], failure, behind: failure)
      }
    }
  }

  /// Writes the closing line and lets go of the files.
  private func finish() {
    compactor.wait()
    if failure == nil {
      do throws(WriteFailure) {
        try journal.close()
      } catch {
        log(LogLine(.warning, "\(folder.path): not closed cleanly: \(error)"))
      }
    }
    try? lock.close()
    condition.lock()
    isDone = true
    condition.broadcast()
    condition.unlock()
  }
}
