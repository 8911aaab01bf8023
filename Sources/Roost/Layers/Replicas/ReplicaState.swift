/// Which replica, if any, may serve a read, decided by how far the servers have come.
///
/// All reads go to one replica as long as it is fit, so that they do not go back. What a table's
/// readers may have seen of the primary, and this process has written there, is noted as a mark; a
/// look at the primary's position turns marks into a position that the replica must have reached.
struct ReplicaState {
  /// What the readers of a table may already have seen.
  private struct Table {
    /// The times of the last own change, and of the last read at the primary, that no look at the
    /// primary's position has come after.
    var changed: UInt64?
    var read: UInt64?
    /// The positions that go with those before.
    var changePosition: UInt64 = 0
    var readPosition: UInt64 = 0

    /// After a look at the primary's position that began at a time.
    func covered(by position: UInt64, _ begin: UInt64) -> Table {
      var table = self
      if let changed, changed <= begin {
        table.changed = nil
        table.changePosition = position
      }
      if let read, read <= begin {
        table.read = nil
        table.readPosition = position
      }
      return table
    }

    /// Without what a new primary has not.
    func upTo(_ position: UInt64) -> Table {
      var table = self
      table.changePosition = min(changePosition, position)
      table.readPosition = min(readPosition, position)
      return table
    }
  }

  private struct Replica {
    let name: String
    var position: UInt64 = 0
    var lag: Duration?
    /// Why no read goes there; nil when reads may.
    var problem: String? = "it has not answered yet"
    /// Whether anything was said of it to an operator.
    var isSaid = false
    var reads = 0
  }

  private let maximumLag: Duration
  private var replicas: [Replica]
  private var tables: [String: Table]
  private var clock: UInt64 = 0
  /// The primary's positions, the latest last.
  private var samples: [(time: ContinuousClock.Instant, position: UInt64)] = []
  private var current: Int?
  /// Why the primary did not answer the last time; nil when it did.
  private(set) var absence: String?
  /// Given when those who wait for their table to be settled may go on.
  private(set) var settling: Promise<Void>?
  /// How long nobody is made to wait, after it was in vain.
  private var settlingPause = Duration.zero
  private var nextSettling = ContinuousClock.now
  private var primaryReads = 0

  init(replicas: [String], tables: some Sequence<String>, maximumLag: Duration) {
    self.replicas = replicas.map { Replica(name: $0) }
    self.tables = Dictionary(tables.map { ($0, Table()) }, uniquingKeysWith: { first, _ in first })
    self.maximumLag = maximumLag
  }

  /// The replica that a read of a table, or of all tables, may go to; nil for the primary.
  func replica(for table: String?) -> Int? {
    guard let current else { return nil }
    let position = replicas[current].position
    if let table { return isReached(tables[table] ?? Table(), position) ? current : nil }
    return tables.values.allSatisfy { isReached($0, position) } ? current : nil
  }

  private func isReached(_ table: Table, _ position: UInt64) -> Bool {
    guard table.changed == nil, position >= table.changePosition else { return false }
    // Without the primary older rows are better than none, but for what this process has written.
    return absence != nil || (table.read == nil && position >= table.readPosition)
  }

  /// Whether the replica has reached what the last look at the primary saw.
  var hasSettled: Bool {
    guard let current, let sample = samples.last else { return true }
    return replicas[current].position >= sample.position
  }

  /// Makes those wait who read tables that could move to the replica; nil when there are none, or
  /// when that was in vain a short while ago.
  mutating func beginSettling(at now: ContinuousClock.Instant) -> Promise<Void>? {
    guard current != nil, absence == nil, replica(for: nil) == nil, now >= nextSettling else {
      return nil
    }
    let promise = Promise<Void>()
    settling = promise
    return promise
  }

  /// Lets those who wait go on, and notes whether the replica came far enough.
  mutating func endSettling(_ promise: Promise<Void>, at now: ContinuousClock.Instant) {
    guard settling === promise else { return }
    settling = nil
    settlingPause =
      hasSettled ? .zero : min(max(settlingPause * 2, .milliseconds(100)), .seconds(10))
    nextSettling = now + settlingPause
  }

  // What happens.

  /// The time of a look at the primary's position that begins now.
  var now: UInt64 { clock }

  /// Tables were changed; nil for any.
  mutating func noteChange(of names: [String]?) {
    clock += 1
    for name in names ?? Array(tables.keys) {
      tables[name, default: Table()].changed = clock
    }
  }

  /// Tables were read at the primary; nil for any.
  mutating func noteRead(of names: [String]?) {
    clock += 1
    primaryReads += 1
    for name in names ?? Array(tables.keys) {
      tables[name, default: Table()].read = clock
    }
  }

  mutating func noteRead(at replica: Int) { replicas[replica].reads += 1 }

  /// The primary's position was looked at.
  /// - Parameters:
  ///   - position: its position.
  ///   - begin: when the look began.
  ///   - time: the same by the clock.
  mutating func notePrimary(
    at position: UInt64, begin: UInt64, time: ContinuousClock.Instant
  ) {
    absence = nil
    if let last = samples.last, position < last.position {
      // Another server has taken over, and what it has not is gone.
      samples.removeAll()
      tables = tables.mapValues { $0.upTo(position) }
    }
    samples.append((time, position))
    let oldest = time - maximumLag - .seconds(1)
    samples.removeFirst(samples.firstIndex { $0.time >= oldest } ?? 0)
    tables = tables.mapValues { $0.covered(by: position, begin) }
  }

  /// The primary did not answer.
  mutating func notePrimary(absence: String) { self.absence = absence }

  /// A replica said how far it has come.
  /// - Returns: what an operator should know.
  mutating func note(_ replica: Int, _ status: ReplicationStatus) -> LogLine? {
    replicas[replica].position = status.position
    guard status.isReplica else { return leaveOut(replica, "it is no replica any more") }
    let reached = samples.last { $0.position <= status.position }
    replicas[replica].lag = reached.flatMap { one in samples.last.map { $0.time - one.time } }
    guard let lag = replicas[replica].lag, lag <= maximumLag else {
      return leaveOut(replica, "it is more than \(maximumLag) behind")
    }
    let isNew = replicas[replica].problem != nil
    replicas[replica].problem = nil
    replicas[replica].isSaid = true
    if current == nil { choose() }
    return isNew ? LogLine(.info, "reads may go to replica \(replicas[replica].name)") : nil
  }

  /// Sends no more reads to a replica, until it says how far it has come.
  /// - Returns: what an operator should know.
  mutating func leaveOut(_ replica: Int, _ problem: String) -> LogLine? {
    let isKnown = replicas[replica].problem != nil && replicas[replica].isSaid
    replicas[replica].problem = problem
    replicas[replica].isSaid = true
    replicas[replica].lag = nil
    if current == replica {
      current = nil
      // Its readers may have seen what the next one has not.
      clock += 1
      for name in tables.keys { tables[name]?.read = clock }
      choose()
    }
    if isKnown { return nil }
    return LogLine(.warning, "replica \(replicas[replica].name) is left out: \(problem)")
  }

  /// Any of the fit ones, so that processes spread; without the primary the one that has most.
  private mutating func choose() {
    let fit = replicas.indices.filter { replicas[$0].problem == nil }
    current =
      absence == nil
      ? fit.randomElement() : fit.max { replicas[$0].position < replicas[$1].position }
  }

  /// The figures as they are.
  var figures: ReplicaFigures {
    ReplicaFigures(
      primaryReads: primaryReads,
      replicas: replicas.enumerated().map { number, replica in
        ReplicaFigures.Replica(
          location: replica.name, isUsed: number == current, lag: replica.lag,
          problem: replica.problem, reads: replica.reads)
      })
  }
}

/// How a store reads from its replicas.
public struct ReplicaFigures: Sendable, Hashable {
  /// One replica.
  public struct Replica: Sendable, Hashable {
    /// Its place, without a password.
    public var location: String
    /// Whether it is the one that this process reads from.
    public var isUsed: Bool
    /// How far it is behind the primary, to the interval at which they are asked; nil when that is
    /// not known.
    public var lag: Duration?
    /// Why no read goes there; nil when reads may.
    public var problem: String?
    /// How many reads and read-only transactions it has served.
    public var reads: Int
  }

  /// How many reads the primary has served.
  public var primaryReads: Int
  /// The replicas in the order in which they were named.
  public var replicas: [Replica]
}
