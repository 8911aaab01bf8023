import Foundation
import Roost
import RoostCore
import RoostFile
import RoostTesting

extension Proof {
  static let powerLoss = Proof(
    "power-loss", "losses of power at every call of scripts, on a simulated disk"
  ) { request in
    let workers = ProcessInfo.processInfo.activeProcessorCount
    return try await withThrowingTaskGroup(of: (losses: Int, scripts: Int).self) { group in
      for worker in 0..<workers {
        group.addTask {
          var total = (losses: 0, scripts: 0)
          let share = (request.count + workers - 1) / workers
          while total.losses < share {
            let seed = request.seed + UInt64(total.scripts * workers + worker)
            total.losses += try PowerLossScript(seed: seed).run()
            total.scripts += 1
            if request.count == 1 || Task.isCancelled { break }
          }
          return total
        }
        if request.count == 1 { break }
      }
      var total = (losses: 0, scripts: 0)
      for try await part in group {
        total.losses += part.losses
        total.scripts += part.scripts
      }
      return "\(total.losses) losses of power in \(total.scripts) scripts, nothing lost"
    }
  }
}

/// Commits, compactions, closes and faults that follow from a seed, on a simulated disk. At every
/// call the power goes, or the process is killed, and what is left is opened again; that, too, ends
/// in a loss of power now and then, and again.
///
/// Unchecked sendability holds because one thread does all of it: the rules of the file systems,
/// which must be sendable, are called by that thread only.
package final class PowerLossScript: @unchecked Sendable {
  /// What is done to the store on purpose.
  package struct Plan: Sendable {
    /// A synchronisation that seems to be made and is not, by `FaultyFileSystem.Call.site`.
    package var leftOut: String?
    /// Whether commits are made in the middle of compactions.
    package var isInterleaved = true
    /// How often the power goes at each call.
    package var lossesPerCall = 2
    /// How many processes there are, one after the other.
    package var processes = 6

    package init(
      leftOut: String? = nil, isInterleaved: Bool = true, lossesPerCall: Int = 2,
      processes: Int = 6
    ) {
      self.leftOut = leftOut
      self.isInterleaved = isInterleaved
      self.lossesPerCall = lossesPerCall
      self.processes = processes
    }
  }

  private let seed: UInt64
  private let plan: Plan
  private let hasFaults: Bool
  private let disk: SimulatedFileSystem
  /// What the script does; how often crashes are tried must not change it.
  private let dice: Dice
  private let crashDice: Dice
  private let ledger = SharedLedger()
  private var store: StepwiseStore?
  private var isCompacting = false
  private var isBusy = false
  private var losses = 0
  /// The synchronisations that were made, each by its site.
  package private(set) var sites: Set<String> = []

  package init(seed: UInt64, _ plan: Plan = Plan()) {
    self.seed = seed
    self.plan = plan
    hasFaults = seed % 3 == 0
    disk = SimulatedFileSystem(seed: seed)
    dice = Dice(seed: seed)
    crashDice = Dice(seed: ~seed)
  }

  /// Runs the script.
  /// - Returns: how often the power went.
  package func run() throws -> Int {
    do {
      try disk.makeDirectory("/disk")
      try disk.synchronizeDirectory("/")
      for _ in 0..<plan.processes { try process() }
      return losses
    } catch {
      throw Violation("\(error)\n  again: Tests/Proofs/run power-loss 1 --seed \(seed)")
    }
  }

  /// One process: it opens the store, writes, and closes it or is killed.
  private func process() throws {
    let seen = Seen()
    let files = FaultyFileSystem(disk) { [self] call in
      guard seen.failure == nil else { return .fail(EIO) }
      do {
        return try answer(call)
      } catch {
        seen.failure = error
        return .fail(EIO)
      }
    }
    do {
      let left = openJournal(of: disk)
      let store = try StepwiseStore(files, ledger)
      ledger.ledger.keep(Array(left.suffix(store.tornBytes)))
      self.store = store
      for _ in 0..<dice.number(1...6) where !store.isPoisoned {
        try store.commit(dice.number(1...6), dice)
        if !store.isPoisoned, dice.happens(oneIn: 4) {
          isCompacting = true
          store.compact()
          isCompacting = false
        }
      }
      if dice.happens(oneIn: 2) { store.close() } else { store.abandon() }
    } catch {
      // A device that fails may well keep a store from being opened.
      let code = (error as? StoreError)?.code
      if !hasFaults || code == nil || code == .corrupted { throw seen.failure ?? error }
    }
    store = nil
    if let failure = seen.failure { throw failure }
  }

  /// What a rule has seen. Unchecked sendability holds as that of the script does.
  private final class Seen: @unchecked Sendable {
    var failure: (any Error)?
    var count = 0
    var isOpen = false
  }

  private func answer(_ call: FaultyFileSystem.Call) throws -> FaultyFileSystem.Answer {
    let isSynchronisation = call.operation == .fsync || call.operation == .fdatasync
    if isSynchronisation { sites.insert(call.site) }
    if !isBusy {
      isBusy = true
      defer { isBusy = false }
      for _ in 0..<plan.lossesPerCall {
        try crash(disk, ledger.ledger, depth: 0)
      }
      if isCompacting, plan.isInterleaved, let store, !store.isPoisoned,
        call.path.contains("snapshot"), dice.happens(oneIn: 2)
      {
        // The writer goes on while a snapshot is written.
        isCompacting = false
        isBusy = false
        defer { isCompacting = true }
        try store.commit(dice.number(1...3), dice)
      }
    }
    if isSynchronisation, call.site == plan.leftOut { return .leaveOut }
    return fault(call)
  }

  private func fault(_ call: FaultyFileSystem.Call) -> FaultyFileSystem.Answer {
    guard hasFaults, dice.happens(oneIn: 40) else { return .proceed }
    switch call.operation {
    case .write: return .fail(dice.one(of: [ENOSPC, EDQUOT, EIO]))
    case .flock: return .proceed
    case .open, .mkdir, .rename: return .fail(dice.one(of: [ENOSPC, EIO]))
    default: return .fail(EIO)
    }
  }

  /// Ends the machine or the process as it is now, and opens what is left.
  private func crash(_ files: SimulatedFileSystem, _ ledger: Ledger, depth: Int) throws {
    let isKill = crashDice.happens(oneIn: 4)
    if !isKill { losses += 1 }
    let left = isKill ? files.afterKill() : files.afterPowerLoss(&crashDice.generator)
    let ledger = SharedLedger(ledger)
    // Before this call of what is opened now the power goes again.
    let next = depth < 2 ? crashDice.number(1...30) : 0
    let seen = Seen()
    let before = left.afterKill()
    let reopened = FaultyFileSystem(left) { [self] call in
      seen.count += 1
      if seen.count == next {
        do {
          var known = ledger.ledger
          // A torn end that is on the device must not get lost while it is put aside.
          if !seen.isOpen, !isKill { known.keep(try tornEnd(of: before)) }
          try crash(left, known, depth: depth + 1)
        } catch {
          seen.failure = error
        }
      }
      guard seen.failure == nil else { return .fail(EIO) }
      let isSynchronisation = call.operation == .fsync || call.operation == .fdatasync
      if isSynchronisation { sites.insert(call.site) }
      return isSynchronisation && call.site == plan.leftOut ? .leaveOut : .proceed
    }
    do {
      try reopen(reopened, left, ledger, seen)
    } catch {
      throw seen.failure ?? error
    }
    if let failure = seen.failure { throw failure }
    if depth < 2, crashDice.happens(oneIn: 2) {
      try crash(left, ledger.ledger, depth: depth + 1)
    }
  }

  private func reopen(
    _ files: FaultyFileSystem, _ disk: SimulatedFileSystem, _ ledger: SharedLedger, _ seen: Seen
  ) throws {
    let left = openJournal(of: disk)
    let store = try StepwiseStore(files, ledger)
    seen.isOpen = true
    ledger.ledger.keep(Array(left.suffix(store.tornBytes)))
    let kept = quarantine(of: disk)
    for torn in ledger.ledger.torn where !kept.contains(torn) {
      throw Violation("a torn end of \(torn.count) bytes is not in quarantine")
    }
    for _ in 0..<crashDice.number(0...2) {
      try store.commit(crashDice.number(1...3), crashDice)
      if crashDice.happens(oneIn: 6) { store.compact() }
    }
    if crashDice.happens(oneIn: 2) { store.close() } else { store.abandon() }
  }

  /// The bytes that will be put aside when what is on a disk is opened.
  private func tornEnd(of files: SimulatedFileSystem) throws -> [UInt8] {
    let journal = openJournal(of: files)
    let (_, lock, store) = try FileStore.recover(
      StepwiseStore.folder, files: files, pieceLength: StepwiseStore.pieceLength)
    try lock.close()
    return Array(journal.suffix(store.tornBytes))
  }

  /// The newest journal that was not closed.
  private func openJournal(of files: SimulatedFileSystem) -> [UInt8] {
    let names = (try? files.list(StepwiseStore.folder)) ?? []
    guard let name = names.last(where: { $0.hasSuffix(".open.jsonl") }) else { return [] }
    return files.bytes("\(StepwiseStore.folder)/\(name)") ?? []
  }

  private func quarantine(of files: SimulatedFileSystem) -> [[UInt8]] {
    let folder = "\(StepwiseStore.folder)/quarantine"
    return ((try? files.list(folder)) ?? []).compactMap { files.bytes("\(folder)/\($0)") }
  }
}
