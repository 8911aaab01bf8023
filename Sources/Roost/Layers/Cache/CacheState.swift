/// The rows that a cache keeps, and what decides whether a row that was read may be kept.
///
/// Time is a count of what happens. A row that was read may be kept if no change of it was heard of
/// since the read began, and nobody in this process is changing it. Reads of one row that overlap
/// may come to their ends in another order than they saw the row: what one of them leaves is kept
/// only if those that have ended meanwhile saw the same, so that nobody gets an older row next.
struct CacheState {
  private struct Entry {
    let table: String
    let key: [Value]
    /// Nil when there is no such row.
    let row: [Value]?
    let readAt: ContinuousClock.Instant
    let stamp: UInt64
  }

  /// The reads of a row that are under way below.
  private struct Reads {
    var count = 0
    /// Reads that had begun before are not kept.
    var voidAt: UInt64 = 0
    /// What the last one to end saw; nil when none has ended.
    var seen: [Value]??
  }

  /// A read that is under way below.
  struct Read {
    let digest: UInt64
    let table: String
    let key: [Value]
    fileprivate let stamp: UInt64
    fileprivate let begin: ContinuousClock.Instant
  }

  let age: Duration
  /// The tables whose rows are kept.
  var tables: Set<String> = []
  /// Whether rows are kept; not as long as what others change would not be heard of.
  private(set) var isOn = false
  private var rows: BoundedCache<UInt64, Entry>
  private var clock: UInt64 = 0
  private var reads: [UInt64: Reads] = [:]
  private var tablesClearedAt: [String: UInt64] = [:]
  private var clearedAt: UInt64 = 0
  private var heldRows: [UInt64: Int] = [:]
  private var heldTables: [String: Int] = [:]
  private var heldEverything = 0
  private var hits = 0
  private var misses = 0
  private var invalidations = 0

  init(rows: Int, bytes: Int, age: Duration) {
    self.age = age
    self.rows = BoundedCache(countLimit: rows, byteLimit: bytes)
  }

  /// The figures as they are.
  var figures: CacheFigures {
    CacheFigures(
      isOn: isOn, hits: hits, misses: misses, invalidations: invalidations,
      evictions: rows.evictions, rows: rows.count, bytes: rows.byteCount)
  }

  /// What is known of a row: `.some(nil)` when it is known that there is none, nil when nothing is.
  mutating func find(
    _ digest: UInt64, _ table: String, _ key: [Value], at now: ContinuousClock.Instant
  ) -> [Value]?? {
    guard let entry = rows.value(of: digest), entry.table == table, entry.key == key else {
      misses += 1
      return nil
    }
    guard isCurrent(entry), now - entry.readAt < age else {
      rows.remove(digest)
      misses += 1
      return nil
    }
    hits += 1
    return .some(entry.row)
  }

  private func isCurrent(_ entry: Entry) -> Bool {
    entry.stamp >= max(clearedAt, tablesClearedAt[entry.table] ?? 0)
  }

  /// Notes that a row is about to be read below; `end` must follow.
  mutating func begin(
    _ digest: UInt64, _ table: String, _ key: [Value], at now: ContinuousClock.Instant
  ) -> Read {
    reads[digest, default: Reads()].count += 1
    return Read(digest: digest, table: table, key: key, stamp: clock, begin: now)
  }

  /// Notes what a read has found.
  mutating func end(_ read: Read, found row: [Value]?) {
    if let seen = reads[read.digest]?.seen, seen != row {
      clock += 1
      reads[read.digest]?.voidAt = clock
    }
    reads[read.digest]?.seen = .some(row)
    let voidAt = leave(read)
    if let entry = rows.value(of: read.digest), isCurrent(entry) {
      let isSame = entry.table == read.table && entry.key == read.key && entry.row == row
      if !isSame { invalidate(row: read.digest) }
      return
    }
    let isValid = read.stamp >= max(voidAt, clearedAt, tablesClearedAt[read.table] ?? 0)
    let isHeld =
      heldEverything > 0 || heldRows[read.digest] != nil || heldTables[read.table] != nil
    guard isOn, isValid, !isHeld else { return }
    rows.put(
      Entry(table: read.table, key: read.key, row: row, readAt: read.begin, stamp: clock),
      for: read.digest, byteCount: Self.byteCount(read.key) + Self.byteCount(row ?? []))
  }

  /// Notes that a read has found nothing out.
  mutating func end(failed read: Read) { _ = leave(read) }

  /// Takes a read off; returns when reads of its row were last made void.
  private mutating func leave(_ read: Read) -> UInt64 {
    guard var known = reads[read.digest] else { return 0 }
    known.count -= 1
    reads[read.digest] = known.count > 0 ? known : nil
    return known.voidAt
  }

  /// Keeps no row that is about to be changed, until `release`.
  mutating func hold(_ changes: Invalidation) {
    if changes.isEverything { heldEverything += 1 }
    for row in changes.rows { heldRows[row, default: 0] += 1 }
    for table in changes.tables { heldTables[table, default: 0] += 1 }
  }

  /// Ends a hold. What was changed is to be invalidated before.
  mutating func release(_ changes: Invalidation) {
    if changes.isEverything { heldEverything -= 1 }
    for row in changes.rows { heldRows[row] = heldRows[row].flatMap { $0 > 1 ? $0 - 1 : nil } }
    for table in changes.tables {
      heldTables[table] = heldTables[table].flatMap { $0 > 1 ? $0 - 1 : nil }
    }
  }

  /// Forgets what may have changed.
  mutating func invalidate(_ changes: Invalidation) {
    if changes.isEverything { return clear() }
    for row in changes.rows { invalidate(row: row) }
    // Anyone may announce tables that there are not.
    for table in changes.tables where tables.contains(table) {
      clock += 1
      invalidations += 1
      tablesClearedAt[table] = clock
    }
  }

  private mutating func invalidate(row digest: UInt64) {
    clock += 1
    if rows.contains(digest) { invalidations += 1 }
    rows.remove(digest)
    reads[digest]?.voidAt = clock
  }

  private mutating func clear() {
    clock += 1
    invalidations += 1
    clearedAt = clock
    tablesClearedAt.removeAll()
    rows.removeAll()
  }

  /// Forgets everything, and from now on keeps rows or does not.
  mutating func restart(isOn: Bool) {
    clear()
    self.isOn = isOn
  }

  /// About how many bytes values take: a guess, with what the cache needs beside them.
  private static func byteCount(_ values: [Value]) -> Int {
    values.reduce(64) { sum, value in
      let more =
        switch value {
        case .text(let text): text.utf8.count
        case .bytes(let bytes): bytes.count
        case .json(let json): json.encoded().count
        case .array(let elements): byteCount(elements)
        case .numeric: 32
        default: 0
        }
      return sum + 24 + more
    }
  }
}

/// How a cache does.
public struct CacheFigures: Sendable, Hashable {
  /// Whether rows are kept: not as long as the store does not hear of what others change.
  public var isOn: Bool
  /// How many rows were answered from the cache, those that are known not to be there included.
  public var hits: Int
  /// How many rows were asked for below.
  public var misses: Int
  /// How often a row, a table or everything was forgotten because of a change.
  public var invalidations: Int
  /// How many rows went to make room for others.
  public var evictions: Int
  /// How many rows are kept.
  public var rows: Int
  /// About how many bytes they take.
  public var bytes: Int

  /// The share of rows that were answered from the cache, 0 to 1; 0 when none was asked for.
  public var hitShare: Double { hits + misses == 0 ? 0 : Double(hits) / Double(hits + misses) }
}
