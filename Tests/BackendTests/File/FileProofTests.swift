import Proofs
import Roost
import RoostCore
import RoostFile
import RoostMemory
import RoostTesting
import Synchronization
import Testing

/// Short runs of the proofs; `Tests/Proofs/run` makes long ones.
@Suite(.timeLimit(.minutes(15))) struct FileProofTests {
  @Test(arguments: [1, 3]) func powerLoss(seed: UInt64) throws {
    let losses = try PowerLossScript(seed: seed, .init(lossesPerCall: 1, processes: 2)).run()
    #expect(losses > 20)
  }

  @Test(arguments: DamagedStore.Kind.allCases) func damage(kind: DamagedStore.Kind) throws {
    let small = try DamagedStore(kind, seed: 1, bytes: 1_500)
    #expect(try small.truncations(every: 11) > 100)
    #expect(try small.flips(every: 59) > 200)
    #expect(try small.lines() > 10)
    #expect(try small.sectors() > 10)
    #expect(try DamagedStore(kind, seed: 2, bytes: 25_000).flips(every: 9_973) > 20)
  }

  @Test func faults() async throws {
    #expect(try await FaultScript(seed: 1).run(every: 55) > 4)
  }

  /// A synchronisation that is left out is found; `Tests/Proofs/run mutations` tries each.
  @Test(arguments: [
    "fdatasync store/journal after write store/journal",
    "fsync disk/store after rename store/snapshot.json.tmp",
    "fsync disk/store after rename store/journal.jsonl.tmp",
  ])
  func synchronisationLeftOut(site: String) {
    #expect(Mutations.scripts(seed: 1, leavingOut: site, most: 20) != nil)
  }

  /// What the checksums keep out: the same damage with checksums that fit is another value.
  @Test func checksumsThatFitTheDamage() throws {
    let disk = SimulatedFileSystem()
    try disk.makeDirectory("/disk")
    let ledger = SharedLedger()
    let store = try StepwiseStore(disk, ledger)
    for _ in 0..<5 { try store.commit(1, Dice(seed: 1)) }
    store.close()
    let path = "/disk/store/journal-00000001.jsonl"
    var lines = String(decoding: try #require(disk.bytes(path)), as: UTF8.self)
      .split(separator: "\n").map(String.init)
    let place = try #require(lines.firstIndex { $0.contains("\"id\":0,\"text\":\"3\"") })
    lines[place] = lines[place].replacing(
      "\"id\":0,\"text\":\"3\"", with: "\"id\":9,\"text\":\"3\"")
    let damaged = disk.afterKill()
    try damaged.replace(path, by: Array((lines.joined(separator: "\n") + "\n").utf8))
    #expect(throws: StoreError.self) { try FileStore.recover("/disk/store", files: damaged) }
    // Each line's checksum starts from the one before it.
    for number in place..<lines.count {
      let seed = try #require(UInt32(lines[number - 1].dropLast(2).suffix(8), radix: 16))
      let open = lines[number].dropLast(#","crc":"12345678"}"#.count)
      let checksum = CRC32C.text(CRC32C.checksum(Array(open.utf8), from: seed))
      lines[number] = open + #","crc":"\#(checksum)"}"#
    }
    try damaged.replace(path, by: Array((lines.joined(separator: "\n") + "\n").utf8))
    #expect(throws: Violation.self) { try StepwiseStore(damaged, ledger) }
  }

  /// Without the lock a second handle would write into the first one's journal.
  @Test func locks() throws {
    let disk = SimulatedFileSystem()
    try disk.makeDirectory("/disk")
    let ledger = SharedLedger()
    let dice = Dice(seed: 1)
    let store = try StepwiseStore(disk, ledger)
    try store.commit(2, dice)
    let error = #expect(throws: StoreError.self) { try StepwiseStore(disk, ledger) }
    #expect(error?.code == .locked)
    let unlocked = FaultyFileSystem(disk) { $0.operation == .flock ? .leaveOut : .proceed }
    let intruder = try StepwiseStore(unlocked, SharedLedger(ledger.ledger))
    try intruder.commit(1, dice)
    try store.commit(1, dice)
    intruder.abandon()
    store.abandon()
    #expect(throws: (any Error).self) { try StepwiseStore(disk, ledger) }
  }

  /// The power goes at any time while several tasks write to the store with all its threads.
  @Test(arguments: 1...4) func writersAndLossesOfPower(seed: UInt64) async throws {
    let disk = SimulatedFileSystem(seed: seed)
    try disk.makeDirectory("/disk")
    try disk.synchronizeDirectory("/")
    let acknowledged = AcknowledgedNumbers()
    let left = Mutex([(disk: SimulatedFileSystem, acknowledged: [Int: Int])]())
    let generator = Mutex(SeededGenerator(seed: seed))
    let files = FaultyFileSystem(disk) { call in
      // What was acknowledged before is what must be there.
      let before = acknowledged.numbers.withLock { $0 }
      generator.withLock { generator in
        guard Int.random(in: 0..<4, using: &generator) == 0 else { return }
        let lost = disk.afterPowerLoss(&generator)
        left.withLock { $0.append((lost, before)) }
      }
      return .proceed
    }
    let fixture = try FileStoreFixture()
    let store = try await fixture.open(
      "/disk/store", files: files, limits: .init(compactionFloor: 3_000))
    try await withThrowingTaskGroup(of: Void.self) { group in
      for task in 1...6 {
        group.addTask {
          for number in 1...25 {
            try await store.upsert([Note(id: task, text: "\(number)")])
            acknowledged.numbers.withLock { $0[task] = number }
          }
        }
      }
      try await group.waitForAll()
    }
    await store.close()
    let all = left.withLock { $0 }
    #expect(all.count > 20)
    for (disk, acknowledged) in all {
      let (_, lock, store) = try FileStore.recover("/disk/store", files: disk)
      try lock.close()
      for (task, number) in acknowledged {
        let row = try store.state.get("notes", keys: [[.int(Int64(task))]]).first ?? nil
        guard case .text(let text) = row?[1], let found = Int(text) else {
          Issue.record("task \(task) wrote \(number), and there is nothing")
          continue
        }
        #expect(found >= number)
      }
    }
  }
}

/// The last number of each task that was acknowledged.
private final class AcknowledgedNumbers: Sendable {
  let numbers = Mutex([Int: Int]())
}
