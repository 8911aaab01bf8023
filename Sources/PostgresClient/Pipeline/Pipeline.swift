import PostgresWire
import RoostCore

/// Takes what the answers of a pipeline are, by the statements' numbers.
protocol PipelineSink: AnyObject {
  /// A row of a statement.
  func row(_ body: UnsafeRawBufferPointer, of index: Int, _ columns: PostgresColumns)
  /// A statement has run; it may still come to nothing with its segment.
  func completed(_ index: Int, _ tag: PostgresCommandTag, _ columns: PostgresColumns)
  /// A segment is over and stands.
  func succeeded(_ segment: Range<Int>)
  /// A segment has failed: the statement with the error, those behind it, and those before it from
  /// `undone` on, which were rolled back with it.
  func failed(_ segment: Range<Int>, undone: Int, _ failure: PipelineFailure)
}

/// Why a segment failed.
struct PipelineFailure {
  /// The statement; nil when all had run and the commit failed.
  let index: Int?
  let message: PostgresServerMessage
}

/// The requests of several statements on their way, and what they are answered with.
///
/// Between two barriers, which are Syncs, is a segment: its first error makes the server pass over
/// the rest of it. Used on the loop's thread only, as the core.
final class Pipeline {
  /// A statement whose Parse is on its way.
  private final class PendingStatement {
    let name: String
    var segment: Int
    /// In the text format: Bind goes out before it is known what the columns are.
    var columns = PostgresColumns.none

    init(name: String, segment: Int) {
      self.name = name
      self.segment = segment
    }
  }

  private enum Request {
    case parse(PendingStatement, StatementCache.Key, Int)
    case pending(PendingStatement, Int)
    case prepared(PreparedStatement, Int)
    /// What makes the server give the segment up, because the client does.
    case surrender
    /// The end of a segment: the number of the statement behind it.
    case barrier(Int)
  }

  private let core: ConnectionCore
  private let sink: any PipelineSink
  /// Tells an observer of each statement; nil when there is none.
  private let watches: PipelineWatches?
  /// Whether the server is to keep the statements.
  private let keepsStatements: Bool
  private var pending: [StatementCache.Key: PendingStatement] = [:]
  /// The one statement without a name, which each Parse without one replaces.
  private var unnamed: (key: StatementCache.Key, statement: PendingStatement)?
  private var requests: [Request] = []
  private var nextRequest = 0

  // What has been written.
  private var segment = 0
  private var isFinished = false
  /// Whether the segment that is being written has failed already: the rest of it is not sent.
  private(set) var isVoid = false
  /// Whether the segment that is being written has no statement yet.
  private var isFirst = true

  // What has been answered.
  private var segmentStart = 0
  /// The first statement of the segment that is undone when it fails.
  private var firstUncommitted = 0
  private var failure: PipelineFailure?
  /// Whether what failed did so because a prepared statement was not what it was, left nothing
  /// behind, and may go well when all is run again.
  private(set) var mayRunAgain = false

  init(_ core: ConnectionCore, _ sink: any PipelineSink, keepsStatements: Bool = true) {
    self.core = core
    self.sink = sink
    watches = core.observation.map { PipelineWatches($0) }
    self.keepsStatements = keepsStatements
    if core.configuration.naming.isStopped { core.statements.stopNaming() }
  }

  // MARK: Writing

  /// Writes a statement, with its Parse when the server does not know it.
  func write(
    _ query: PostgresQuery, _ parameters: PostgresParameters, _ index: Int,
    into wire: inout WireState
  ) throws(WireError) {
    if isVoid { return }
    let before = wire.output.bytes.count
    defer { watches?.wrote(index, query.sql, parameters, wire.output.bytes.count - before) }
    // Here no error can make the server pass over it.
    if isFirst, keepsStatements {
      for name in core.statements.evicted {
        try wire.session.close(statement: name, output: &wire.output)
      }
      core.statements.clearEvicted()
    }
    isFirst = false
    let key = StatementCache.Key(sql: query.sql, types: parameters.types)
    if keepsStatements, let known = core.statements.find(key.sql, key.types), !known.name.isEmpty {
      if known.showsChange { core.changes.insert(.changed) }
      try bind(known.name, known.columns, parameters, into: &wire)
      push(.prepared(known, index))
    } else {
      let statement = try parse(key, index, into: &wire)
      try bind(statement.name, .none, parameters, into: &wire)
      push(.pending(statement, index))
    }
    // What it drops is not there for those behind it.
    if query.dropsStatements {
      forgetPending()
      core.statements.removeAll()
    }
  }

  private func bind(
    _ name: String, _ columns: PostgresColumns, _ parameters: PostgresParameters,
    into wire: inout WireState
  ) throws(WireError) {
    try wire.session.bind(
      statement: name, parameters: parameters, columns: columns, output: &wire.output)
    try wire.session.execute(output: &wire.output)
  }

  /// A statement whose Parse is on its way, in this segment: one of an earlier segment may have
  /// been passed over by the server, so that it is parsed once more as long as that is not known.
  private func parse(
    _ key: StatementCache.Key, _ index: Int, into wire: inout WireState
  ) throws(WireError) -> PendingStatement {
    let known = unnamed?.key == key ? unnamed?.statement : pending[key]
    if let known, known.segment == segment { return known }
    let name = known?.name ?? (keepsStatements ? core.statements.makeName(for: key.sql) : "")
    if known != nil, !name.isEmpty {
      try wire.session.close(statement: name, output: &wire.output)
    }
    try wire.session.parse(name: name, sql: key.sql, types: key.types, output: &wire.output)
    try wire.session.describe(statement: name, output: &wire.output)
    if SessionChanges.showsChange(key.sql) { core.changes.insert(.changed) }
    let statement = PendingStatement(name: name, segment: segment)
    if name.isEmpty { unnamed = (key, statement) } else { pending[key] = statement }
    push(.parse(statement, key, index))
    return statement
  }

  /// Ends a segment.
  func writeBarrier(before index: Int, into wire: inout WireState) throws(WireError) {
    try wire.session.sync(output: &wire.output)
    push(.barrier(index))
    segment += 1
    isVoid = false
    isFirst = true
  }

  /// Makes the server undo the segment, whatever transaction it is in.
  func surrender(into wire: inout WireState) throws(WireError) {
    if isVoid { return }
    try wire.session.fail(output: &wire.output)
    push(.surrender)
  }

  /// Says that the barrier that was just written is the last.
  func finish() { isFinished = true }

  // MARK: Answers

  private func push(_ request: Request) {
    if nextRequest == requests.count {
      requests.removeAll(keepingCapacity: true)
      nextRequest = 0
    } else if nextRequest >= 4_096 {
      requests.removeFirst(nextRequest)
      nextRequest = 0
    }
    requests.append(request)
  }

  private var first: Request? { nextRequest < requests.count ? requests[nextRequest] : nil }

  /// Takes a row of the statement that runs.
  func note(row body: UnsafeRawBufferPointer) throws(PostgresError) {
    switch first {
    case .prepared(let statement, let index):
      watches?.received(body, of: index)
      sink.row(body, of: index, statement.columns)
    case .pending(let statement, let index):
      watches?.received(body, of: index)
      sink.row(body, of: index, statement.columns)
    default: throw Self.disorder
    }
  }

  /// Takes what the server says; true when all is answered.
  func note(_ event: SessionEvent) throws(PostgresError) -> Bool {
    switch event {
    case .columns(let columns): try described(PostgresColumns(columns))
    case .noColumns: try described(.none)
    case .completed(let tag): try completed(PostgresCommandTag(tag))
    case .empty: try completed(PostgresCommandTag(""))
    case .failed(let message):
      guard !message.endsSession else { throw PostgresError(endOfSession: message) }
      failed(message)
    case .ready(let status):
      try endSegment(status)
      return isFinished && nextRequest == requests.count
    case .suspended: throw Self.disorder
    // What is on its way behind a COPY is taken for its data, or breaks the session.
    case .copyRefused: throw ConnectionCore.copyInPipeline
    default: break
    }
    return false
  }

  private func described(_ columns: PostgresColumns) throws(PostgresError) {
    guard case .parse(let statement, let key, _) = first else { throw Self.disorder }
    nextRequest += 1
    let (catalogue, isComplete) = core.knownCatalogue(for: columns)
    statement.columns = columns.knowing(catalogue)
    guard !statement.name.isEmpty else { return }
    if pending[key] === statement { pending[key] = nil }
    let prepared = PreparedStatement(
      name: statement.name, sql: key.sql, types: key.types,
      columns: columns.preferringBinary(catalogue))
    prepared.lacksTypes = !isComplete
    core.statements.insert(prepared)
  }

  private func completed(_ tag: PostgresCommandTag) throws(PostgresError) {
    switch first {
    case .prepared(let statement, let index):
      watches?.completed(index, tag, wasParsed: false)
      sink.completed(index, tag, statement.columns)
    case .pending(let statement, let index):
      watches?.completed(index, tag, wasParsed: true)
      sink.completed(index, tag, statement.columns)
    default: throw Self.disorder
    }
    nextRequest += 1
    // Nearly all tags are of other letters, and to compare texts costs more.
    let letter = tag.description.utf8.first
    guard letter == UInt8(ascii: "C") || letter == UInt8(ascii: "R") || letter == UInt8(ascii: "P")
    else { return }
    switch tag.description {
    case "COMMIT", "ROLLBACK", "PREPARE TRANSACTION":
      // What was before it no longer depends on how the segment ends.
      if case .prepared(_, let index) = requests[nextRequest - 1] { firstUncommitted = index + 1 }
      if case .pending(_, let index) = requests[nextRequest - 1] { firstUncommitted = index + 1 }
    default: break
    }
  }

  private func failed(_ message: PostgresServerMessage) {
    var index: Int?
    switch first {
    case .parse(let statement, let key, let number):
      index = number
      mayRunAgain = core.heal(message, statement.name, key) && firstUncommitted == 0
    case .pending(_, let number): index = number
    case .prepared(let statement, let number):
      index = number
      mayRunAgain = core.heal(message, statement.name, statement.key) && firstUncommitted == 0
    case .surrender, .barrier, nil: break
    }
    // After an error there may come no second one before the barrier, but for that of the barrier.
    if failure == nil {
      failure = PipelineFailure(index: index, message: message)
      watches?.failed(index, PostgresError(server: message))
    }
    while let request = first {
      if case .barrier = request { return }
      nextRequest += 1
    }
    isVoid = true
  }

  private func endSegment(_ status: TransactionStatus) throws(PostgresError) {
    guard case .barrier(let end) = first else { throw Self.disorder }
    nextRequest += 1
    let segment = segmentStart..<end
    if let failure {
      // In a transaction of the caller's, what was before it is there until that is rolled back.
      let undone = status == .idle ? firstUncommitted : failure.index ?? end
      sink.failed(segment, undone: undone, failure)
    } else {
      sink.succeeded(segment)
    }
    watches?.passedOver(before: end, failure.map { PostgresError(server: $0.message) })
    failure = nil
    segmentStart = end
    firstUncommitted = end
  }

  /// Tells of those that were not answered because the connection was lost.
  func lost(_ error: PostgresError) { watches?.failedAll(error) }

  /// Lets the server forget statements of which it is not known whether they were parsed.
  func forgetPending() {
    for statement in pending.values { core.statements.forget(name: statement.name) }
    pending.removeAll()
    unnamed = nil
  }

  private static var disorder: PostgresError {
    PostgresError(.protocolViolation, "the server's answer is not to what was asked")
  }
}

extension ConnectionCore {
  static var copyInPipeline: PostgresError {
    PostgresError(.unsupported, "COPY cannot be one of several statements of a pipeline")
  }

  /// Runs a pipeline; the closure writes its statements, part by part, until it returns false.
  nonisolated(nonsending) func run(
    _ pipeline: Pipeline, until deadline: Deadline,
    writing write: (inout WireState) throws(PostgresError) -> Bool
  ) async throws(PostgresError) {
    defer { pipeline.forgetPending() }
    do throws(PostgresError) {
      try await exchange(until: deadline, writing: write) { body throws(PostgresError) in
        try pipeline.note(row: body)
      } _: { event throws(PostgresError) in
        try pipeline.note(event)
      }
    } catch {
      pipeline.lost(error)
      throw error
    }
  }
}
