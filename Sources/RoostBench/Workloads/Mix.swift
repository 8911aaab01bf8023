import RoostCore

/// The six core workloads of YCSB: what is done how often, and to which records.
///
/// Source: Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", 2010, table 2. One thing
/// is different: new records come behind the others in the order of the keys, so that a scan gives
/// the same whatever other workers insert meanwhile.
public enum Mix: String, Sendable, CaseIterable, Codable {
  /// Half reads, half updates.
  case a
  /// 95 of 100 are reads, the rest updates.
  case b
  /// Reads alone.
  case c
  /// 95 of 100 read one of the latest records, the rest insert one.
  case d
  /// 95 of 100 scan up to 100 records, the rest insert one.
  case e
  /// Half reads, half read a record and write it back changed.
  case f

  /// What it is, for people.
  public var title: String {
    switch self {
    case .a: "A: half reads, half updates"
    case .b: "B: 95% reads, 5% updates"
    case .c: "C: reads"
    case .d: "D: 95% reads of the latest, 5% inserts"
    case .e: "E: 95% scans of 1 to 100, 5% inserts"
    case .f: "F: half reads, half reads with an update"
    }
  }
}

extension Mix {
  /// How many of a hundred steps read or scan and do nothing else.
  fileprivate var readingPercent: Int {
    switch self {
    case .a, .f: 50
    case .b, .d, .e: 95
    case .c: 100
    }
  }
}

/// One thing that is done to the records. A record is named by its number; numbers from the count
/// of loaded records on are new.
public enum Step: Sendable, Hashable {
  /// Reads a record.
  case read(Int)
  /// Gives a record's changing part the values of a revision, without reading it.
  case update(Int, revision: Int)
  /// Inserts a new record.
  case insert(Int)
  /// Reads records in the order of their keys, from one on.
  case scan(from: Int, count: Int)
  /// Reads a record and writes it back whole with the values of a revision.
  case readAndUpdate(Int, revision: Int)
}

/// What is done, step by step, for each worker: the same for the same seed, and prepared before
/// any clock runs. Whoever follows it reads the same, however workers interleave.
public struct Trace: Sendable {
  /// How many records are loaded before it starts.
  public let records: Int
  /// Each worker's steps.
  public private(set) var steps: [[Step]] = []
  /// How many records there are in the end.
  public private(set) var total: Int

  /// Makes the steps of a mix.
  /// - Parameters:
  ///   - mix: what is done how often.
  ///   - records: how many records are loaded before, at least 1.
  ///   - operations: how many steps all workers make together.
  ///   - workers: how many workers share them, at least 1.
  ///   - seed: what the choices follow from.
  public init(_ mix: Mix, records: Int, operations: Int, workers: Int, seed: UInt64) {
    self.records = max(records, 1)
    total = self.records
    let workers = max(workers, 1)
    for worker in 0..<workers {
      let count = operations / workers + (worker < operations % workers ? 1 : 0)
      var maker = StepMaker(
        mix, records: self.records, worker: worker, workers: workers, seed: seed)
      steps.append((0..<count).map { _ in maker.next() })
      total = max(total, maker.end)
    }
  }

  /// The steps of all workers as lines that a program in any language reads: `r NUMBER`,
  /// `u NUMBER REVISION`, `i NUMBER`, `s NUMBER COUNT` and `m NUMBER REVISION`, worker by worker.
  public var text: String {
    steps.joined().map { step in
      switch step {
      case .read(let number): "r \(number)\n"
      case .update(let number, let revision): "u \(number) \(revision)\n"
      case .insert(let number): "i \(number)\n"
      case .scan(let number, let count): "s \(number) \(count)\n"
      case .readAndUpdate(let number, let revision): "m \(number) \(revision)\n"
      }
    }.joined()
  }
}

/// Chooses one worker's steps.
private struct StepMaker {
  /// The most records of a scan. Source: YCSB's workload E.
  private static let longestScan = 100

  private let mix: Mix
  private let records: Int
  private let worker: Int
  private let workers: Int
  private var generator: SeededGenerator
  private var zipfian: Zipfian
  private var revision = 0
  private var inserted = 0

  init(_ mix: Mix, records: Int, worker: Int, workers: Int, seed: UInt64) {
    self.mix = mix
    self.records = records
    self.worker = worker
    self.workers = workers
    generator = SeededGenerator(seed: seed &+ UInt64(2 * worker))
    zipfian = Zipfian(seed: seed &+ UInt64(2 * worker + 1))
  }

  /// The number behind the last inserted record.
  var end: Int { inserted == 0 ? records : own(inserted - 1) + 1 }

  /// A record that this worker inserted: no other worker knows when it is there.
  private func own(_ place: Int) -> Int { records + worker + place * workers }

  mutating func next() -> Step {
    let isReading = Int.random(in: 0..<100, using: &generator) < mix.readingPercent
    switch (mix, isReading) {
    case (.d, true): return .read(latest())
    case (.e, true):
      // It ends before the new records begin: what it finds does not depend on other workers.
      let count = Int.random(in: 1...min(Self.longestScan, records), using: &generator)
      return .scan(from: zipfian.nextScrambled(below: records - count + 1), count: count)
    case (_, true): return .read(zipfian.nextScrambled(below: records))
    case (.d, false), (.e, false):
      inserted += 1
      return .insert(own(inserted - 1))
    case (.f, false):
      revision += 1
      return .readAndUpdate(zipfian.nextScrambled(below: records), revision: revision)
    case (_, false):
      revision += 1
      return .update(zipfian.nextScrambled(below: records), revision: revision)
    }
  }

  /// A record, the more often the later it came: this worker's own first, then those loaded last.
  private mutating func latest() -> Int {
    let age = zipfian.next(below: records + inserted)
    return age < inserted ? own(inserted - 1 - age) : records - 1 - (age - inserted)
  }
}
