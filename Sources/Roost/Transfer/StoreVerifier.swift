import Synchronization

/// Compares two stores row by row without moving more rows than it must.
///
/// Both sides say what a run of rows comes to; runs that differ are taken apart until the keys are
/// found. Rows that differ are read again on both sides a few times with a pause, and count only
/// when they still do: the stores may be written meanwhile. Equality is exact: `1.10` is not `1.1`.
public struct StoreVerifier: Sendable {
  /// How the comparison goes.
  public struct Options: Sendable {
    /// How often a row that differs is read again before it counts; 0 when nobody writes.
    public var rechecks = 3
    /// How long is waited before each of these readings.
    public var pause = Duration.milliseconds(100)
    /// How many keys of each kind are listed for a table.
    public var listed = 20

    /// Three readings, 100 ms apart, 20 keys.
    public init() {}
  }

  /// A store with its tables.
  struct Side: Sendable {
    var session: any StorageSession
    var schema: Schema
    var location: String
  }

  private let from: Side
  private let to: Side
  private let options: Options

  /// Compares two stores that hold the same tables.
  public init(from: Store, to: Store, _ options: Options = Options()) {
    self.init(
      from: Side(session: from.backend, schema: from.schema, location: from.opening.location),
      to: Side(session: to.backend, schema: to.schema, location: to.opening.location), options)
  }

  /// Compares two backends that hold tables with the same columns in the same order.
  public init(
    from: any StorageBackend, to: any StorageBackend, schema: Schema, _ options: Options = Options()
  ) {
    self.init(
      from: Side(session: from, schema: schema, location: from.location),
      to: Side(session: to, schema: schema, location: to.location), options)
  }

  private init(from: Side, to: Side, _ options: Options) {
    self.from = from
    self.to = to
    self.options = options
  }

  /// Compares all rows.
  /// - Parameters:
  ///   - tables: the tables to compare; nil for all.
  ///   - shouldStop: is asked between parts; the comparison then ends with `cancelled`.
  ///   - progress: is told how far it is.
  /// - Throws: `schemaDrift` when the stores' tables differ; `undefinedTable`; what the stores
  ///   meet. That rows differ is no error.
  public func verify(
    tables: [String]? = nil, shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @Sendable (TransferProgress) -> Void = { _ in }
  ) async throws(StoreError) -> VerificationReport {
    try from.schema.requireSameTables(as: to.schema, from: from.location, to: to.location)
    let names = tables ?? from.schema.tables.keys.sorted()
    let total = try await count(names)
    var report = VerificationReport(from: from.location, to: to.location, tables: [])
    var done = 0
    for name in names {
      let run = try TableVerification(
        try from.schema.table(name), from, to, try to.schema.table(name), options)
      let before = done
      let table = try await run.result { rows throws(StoreError) in
        if Task.isCancelled || shouldStop() {
          throw StoreError(.cancelled, "stopped; nothing was changed")
        }
        progress(
          TransferProgress(phase: .checking, table: name, done: before + rows, total: total))
      }
      done += table.rows
      report.tables.append(table)
    }
    progress(TransferProgress(phase: .checking, table: "", done: done, total: done))
    return report
  }
}

extension StoreVerifier {
  /// How many rows some tables have.
  private func count(_ names: [String]) async throws(StoreError) -> Int {
    var total = 0
    for name in names {
      let count = AggregateQuery(table: try from.schema.table(name).name, figures: [.count])
      let answer = try await from.session.aggregate(count)
      total += answer.first?.first.flatMap { Int(value: $0) } ?? 0
    }
    return total
  }
}

/// The comparison of one table.
private final class TableVerification: Sendable {
  /// How many rows are summed up at a time: enough to make calls cheap, few enough to bound them.
  private static let window = 8_192
  /// How many parts a run of rows is taken apart into.
  private static let parts = 16
  /// A run of so many rows is read instead of taken apart further.
  private static let leaf = window / parts
  /// How many rows that differ are held before they are read again.
  private static let suspectLimit = 10_000

  private struct State {
    var table: VerificationReport.Table
    var suspects: [RowDifference] = []
  }

  private let table: TableDefinition
  private let from: StoreVerifier.Side
  private let to: StoreVerifier.Side
  /// The places of the table's columns in the second store's rows.
  private let places: [Int]
  private let options: StoreVerifier.Options
  private let comparison: RangeComparison
  private let state: Mutex<State>

  init(
    _ table: TableDefinition, _ from: StoreVerifier.Side, _ to: StoreVerifier.Side,
    _ other: TableDefinition, _ options: StoreVerifier.Options
  ) throws(StoreError) {
    self.table = table
    self.from = from
    self.to = to
    self.options = options
    places = try other.requirePositions(of: table.columns.map(\.name))
    comparison = try RangeComparison(table, with: to.session)
    state = Mutex(State(table: VerificationReport.Table(name: table.name)))
  }

  func result(
    _ progress: @Sendable (Int) throws(StoreError) -> Void
  ) async throws(StoreError) -> VerificationReport.Table {
    try await compare(KeyRange(), window: Self.window, progress)
    try await settle()
    return state.withLock { $0.table }
  }

  /// Compares a range window by window, and those that differ part by part.
  private func compare(
    _ range: KeyRange, window: Int, _ progress: @Sendable (Int) throws(StoreError) -> Void
  ) async throws(StoreError) {
    var rest = range
    while true {
      let digest = try await from.session.digest(table, in: rest, limit: window)
      let isLast = digest.count < window
      let part = KeyRange(after: rest.after, through: isLast ? rest.through : digest.last)
      let other = try await to.session.digest(table, in: part, limit: digest.count + 1)
      if !digest.hasSameRows(as: other) {
        if digest.count <= Self.leaf {
          try await read(part)
        } else {
          try await compare(part, window: max(window / Self.parts, Self.leaf)) { _ in }
        }
      }
      if window == Self.window {
        let rows = state.withLock { state in
          state.table.rows += digest.count
          return state.table.rows
        }
        try progress(rows)
      }
      guard !isLast else { return }
      rest.after = part.through
    }
  }

  /// Compares the rows of a range one by one.
  private func read(_ range: KeyRange) async throws(StoreError) {
    var rest = range
    while true {
      let rows = try await from.session.query(rest.query(table, limit: TransferLimits.batch))
      let isLast = rows.count < TransferLimits.batch
      var part = rest
      if !isLast, let last = rows.last { part.through = comparison.key(of: last) }
      try await comparison.differences(rows, in: part) { found throws(StoreError) in
        try await self.suspect(found)
      }
      guard !isLast else { return }
      rest.after = part.through
    }
  }

  private func suspect(_ found: [RowDifference]) async throws(StoreError) {
    let isFull = state.withLock { state in
      // The rows are read again anyway.
      state.suspects += found.map { RowDifference(key: $0.key, row: nil, isInOther: $0.isInOther) }
      if options.rechecks == 0 { for one in found { note(one, &state) } }
      return state.suspects.count >= Self.suspectLimit
    }
    if isFull { try await settle() }
  }

  private func note(_ difference: RowDifference, _ state: inout State) {
    state.table.note(difference, of: table, limit: options.listed)
  }

  /// Reads the rows in suspicion again, and counts those that go on differing.
  private func settle() async throws(StoreError) {
    var suspects = state.withLock { state in
      defer { state.suspects = [] }
      return state.suspects
    }
    guard options.rechecks > 0 else { return }
    let first = suspects.count
    for _ in 0..<options.rechecks where !suspects.isEmpty {
      do { try await Task.sleep(for: options.pause) } catch {
        throw StoreError(.cancelled, "the task was cancelled")
      }
      suspects = try await stillDiffering(suspects.map(\.key))
    }
    state.withLock { state in
      state.table.settled += first - suspects.count
      for one in suspects { note(one, &state) }
    }
  }

  private func stillDiffering(_ keys: [[Value]]) async throws(StoreError) -> [RowDifference] {
    var found: [RowDifference] = []
    var rest = keys[...]
    while !rest.isEmpty {
      let some = Array(rest.prefix(TransferLimits.batch))
      rest = rest.dropFirst(some.count)
      let left = try await from.session.get(table.name, keys: some, lock: nil)
      let right = try await to.session.get(table.name, keys: some, lock: nil)
      for (place, key) in some.enumerated() {
        let other = right[place].map { row in places.map { row[$0] } }
        if comparison.areEqual(left[place], other) { continue }
        found.append(RowDifference(key: key, row: left[place], isInOther: other != nil))
      }
    }
    return found
  }
}

extension Schema {
  /// - Throws: `schemaDrift`, naming the first difference, unless both have the same tables; the
  ///   order of columns is none.
  func requireSameTables(
    as other: Schema, from: String, to: String
  ) throws(StoreError) {
    let drifts =
      SchemaComparison.drifts(expected: self, found: other)
      + other.tables.keys.sorted().filter { tables[$0] == nil }.map {
        SchemaDrift(.table, table: $0, object: $0, expected: nil, found: "a table")
      }
    guard let first = drifts.first else { return }
    throw StoreError(
      .schemaDrift, "the tables of \(from) and \(to) differ: \(first)", table: first.table)
  }
}
