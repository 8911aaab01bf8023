import PostgresWire
import RoostCore

/// What an observer is told of one connection.
///
/// Used on the loop's thread only, as the core that has it; but for its end, which comes when
/// nobody uses either any more.
final class Observation {
  /// Whether the current task reports a slow query: what it asks is not reported again.
  @TaskLocal static var isReporting = false

  let observer: PostgresObserver
  let tracer: WireTracer?
  /// Where a slow query is planned.
  var planConnection: PlanConnection
  private(set) var sentByteCount = 0
  private(set) var receivedByteCount = 0
  /// How many statements the server was made to parse.
  var parseCount = 0
  private(set) var processID: Int32 = 0
  private let beginning = Deadline.now
  private var host: PostgresConfiguration.Host?
  private var openedAt: Deadline?

  /// Nil when nobody wants to know anything.
  init?(_ configuration: PostgresConfiguration) {
    guard let observer = configuration.observer else { return nil }
    self.observer = observer
    tracer = observer.trace.map { WireTracer($0) }
    planConnection = configuration.planConnection
  }

  deinit { closed(nil) }

  // MARK: The connection

  func sent(_ bytes: UnsafeRawBufferPointer) {
    sentByteCount += bytes.count
    tracer?.sent(bytes)
  }

  func received(_ byteCount: Int) { receivedByteCount += byteCount }

  func opened(_ processID: Int32, _ host: PostgresConfiguration.Host?) {
    self.processID = processID
    self.host = host
    openedAt = .now
    tell(.opened, since: beginning, nil)
  }

  func failed(_ error: PostgresError, _ host: PostgresConfiguration.Host?) {
    self.host = host
    tell(.failed, since: beginning, error)
  }

  /// Tells of the end, once, and only of what was opened.
  func closed(_ error: PostgresError?) {
    guard let openedAt else { return }
    self.openedAt = nil
    tell(.closed, since: openedAt, error)
  }

  private func tell(
    _ kind: PostgresConnectionEvent.Kind, since start: Deadline, _ error: PostgresError?
  ) {
    observer.onConnection?(
      PostgresConnectionEvent(
        kind: kind, host: host, processID: processID, duration: start.timeUntil(.now), error: error)
    )
  }

  func changed(_ name: String, _ value: String) {
    guard openedAt != nil else { return }
    observer.onParameterChange?(
      PostgresParameterChange(name: name, value: value, processID: processID))
  }

  // MARK: Queries

  /// Tells of a statement that has ended.
  func ended(_ watch: QueryWatch, rowCount: Int?, error: PostgresError?) {
    let duration = watch.start.timeUntil(.now)
    let slow = observer.slowQueries.flatMap { slow in
      duration >= slow.threshold && !Self.isReporting ? slow : nil
    }
    guard observer.onQuery != nil || slow != nil else { return }
    let event = PostgresQueryEvent(
      kind: watch.kind, statement: watch.sql, rowCount: rowCount,
      sentByteCount: watch.sentByteCount, receivedByteCount: watch.receivedByteCount,
      duration: duration, error: error, processID: processID, wasParsed: watch.wasParsed,
      parameters: observer.showsParameters ? watch.parameters : nil)
    observer.onQuery?(event)
    if let slow { report(event, watch.parameters, slow) }
  }

  private func report(
    _ event: PostgresQueryEvent, _ parameters: PostgresParameters, _ slow: PostgresSlowQueries
  ) {
    guard let passedOver = slow.limiter.begin(slow.limit) else { return }
    let query = PostgresSlowQuery(
      event: event, passedOver: passedOver, parameters: parameters, connect: planConnection)
    Self.$isReporting.withValue(true) {
      // A task, and those that it starts, keep what is set here.
      _ = Task {
        await slow.report(query)
        slow.limiter.end()
      }
    }
  }
}

/// One statement while it runs.
final class QueryWatch {
  let kind: PostgresQueryEvent.Kind
  let sql: String
  let parameters: PostgresParameters
  fileprivate(set) var start = Deadline.now
  var sentByteCount = 0
  var receivedByteCount = 0
  var wasParsed = false
  private var before = (sent: 0, received: 0, parses: 0)
  private var hasBegun = false

  init(_ kind: PostgresQueryEvent.Kind, _ sql: String, _ parameters: PostgresParameters) {
    self.kind = kind
    self.sql = sql
    self.parameters = parameters
  }

  /// Its turn has come.
  func begin(_ observation: Observation?) {
    guard let observation else { return }
    start = .now
    hasBegun = true
    before = (
      observation.sentByteCount, observation.receivedByteCount, observation.parseCount
    )
  }

  fileprivate func end(_ observation: Observation) {
    // Who had no turn has moved nothing.
    guard hasBegun else { return }
    sentByteCount = observation.sentByteCount - before.sent
    receivedByteCount = observation.receivedByteCount - before.received
    wasParsed = observation.parseCount > before.parses
  }
}

extension ConnectionCore {
  /// Runs a statement, and tells the observer of it, if there is one.
  ///
  /// The closure gives its watch to the call that has the turn. Between the end of the turn and the
  /// end of the watch nothing else runs on the loop.
  @inline(__always)
  nonisolated(nonsending) func watching<T, E: Error>(
    _ kind: PostgresQueryEvent.Kind, _ sql: String,
    _ parameters: PostgresParameters = PostgresParameters(), rowCount: (T) -> Int?,
    _ body: nonisolated(nonsending) (QueryWatch?) async throws(E) -> T
  ) async throws(E) -> T {
    if observation == nil { return try await body(nil) }
    return try await watched(kind, sql, parameters, rowCount: rowCount, body)
  }

  @inline(never)
  private nonisolated(nonsending) func watched<T, E: Error>(
    _ kind: PostgresQueryEvent.Kind, _ sql: String, _ parameters: PostgresParameters,
    rowCount: (T) -> Int?, _ body: nonisolated(nonsending) (QueryWatch?) async throws(E) -> T
  ) async throws(E) -> T {
    let watch = QueryWatch(kind, sql, parameters)
    do throws(E) {
      let result = try await body(watch)
      if let observation { watch.end(observation) }
      observation?.ended(watch, rowCount: rowCount(result), error: nil)
      return result
    } catch {
      if let observation { watch.end(observation) }
      observation?.ended(watch, rowCount: nil, error: PostgresError(anyError: error))
      throw error
    }
  }
}
