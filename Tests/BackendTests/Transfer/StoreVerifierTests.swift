import Foundation
import Roost
import RoostCore
import RoostSystems
import RoostTesting
import Synchronization
import Testing

/// What differs is found to the row, whatever the backends; what does not is not reported.
@Suite(.timeLimit(.minutes(15))) struct StoreVerifierTests {
  private static let count = 9_000

  private static func load(_ store: Store, _ ids: some Sequence<Int>) async throws {
    _ = try await store.backend.load(
      RowsToLoad(
        "route_logs", columns: ["id", "text"],
        rows: ids.map { [.int(Int64($0)), .text("log \($0)")] }))
  }

  private static func change(_ store: Store, _ id: Int, _ text: String?) async throws {
    let filter = (RoutedLog.columns.id == id).expression
    guard let text else {
      _ = try await store.backend.apply([.delete(.init(table: "route_logs", filter: filter))])
      return
    }
    _ = try await store.backend.apply([
      .update(
        .init(
          table: "route_logs", assignments: [RoutedLog.columns.text.set(to: text)],
          filter: filter))
    ])
  }

  private static func keys(_ report: VerificationReport, _ kind: VerificationReport.Kind) -> [Int] {
    report.tables.first { $0.name == "route_logs" }?[kind].keys
      .compactMap { $0["id"]?.int64.map { Int($0) } } ?? []
  }

  @Test(arguments: TransferFixture.pairs)
  func everyDifferenceIsFound(from: TestBackend, to: TestBackend) async throws {
    try await TransferFixture.withPair((from, to), [Routed.migrations]) { from, to, _ in
      for store in [from, to] { try await Self.load(store, 1..<Self.count) }
      #expect(try await TransferFixture.verify(from, to).isEqual)
      // The first and the last row, both sides of a window, and places in the middle.
      let missing = [0, 511, 8_192, 8_500, Self.count - 1]
      let different = [1, 512, 8_191, 8_900]
      for id in missing { try await Self.change(to, id, nil) }
      // Composed and decomposed: equal to Swift, not to a store.
      for id in different {
        try await Self.change(from, id, "é")
        try await Self.change(to, id, "e\u{301}")
      }
      try await Self.load(to, (Self.count + 10)...(Self.count + 1_000))
      try await Self.load(to, [-5])
      let report = try await TransferFixture.verify(from, to)
      #expect(Self.keys(report, .missing) == missing)
      #expect(Self.keys(report, .different) == different)
      #expect(
        TransferFixture.differences(report) == [
          "route_logs missing 5 extra 992 different 4"
        ])
      #expect(Self.keys(report, .extra) == [-5] + ((Self.count + 10)..<(Self.count + 29)))
      let back = try await TransferFixture.verify(to, from)
      #expect(
        TransferFixture.differences(back) == ["route_logs missing 992 extra 5 different 4"])
      let others = try await StoreVerifier(from: from, to: to).verify(tables: ["route_items"])
      #expect(others.isEqual && others.tables.map(\.name) == ["route_items"])
      // One side empty.
      _ = try await to.backend.apply([.delete(.init(table: "route_logs", filter: nil))])
      #expect(
        TransferFixture.differences(try await TransferFixture.verify(from, to))
          == ["route_logs missing \(Self.count) extra 0 different 0"])
      #expect(
        TransferFixture.differences(try await TransferFixture.verify(to, from))
          == ["route_logs missing 0 extra \(Self.count) different 0"])
    }
  }

  /// The stores' tables have their columns in another order, as after files out of order.
  @Test func columnsInAnotherOrder() async throws {
    func open(_ columns: String, _ url: String) async throws -> Store {
      try await TestBackend.open(
        url,
        [
          MigrationSet(
            system: "order",
            files: [
              MigrationFile(name: "V001__order.sql", text: "CREATE TABLE pairs (\(columns));")
            ])
        ])
    }
    let folder = try TemporaryFolder()
    let from = try await open("a integer, id integer PRIMARY KEY, b integer", "memory:")
    let to = try await open(
      "b integer, a integer, id integer PRIMARY KEY",
      try await TestBackend.postgres.freshURL(in: folder))
    for store in [from, to] {
      _ = try await store.backend.load(
        RowsToLoad(
          "pairs", columns: ["id", "a", "b"],
          rows: (1...50).map { [.int($0), .int($0 * 2), .int($0 * 3)] }))
    }
    var options = StoreVerifier.Options()
    options.pause = .milliseconds(1)
    #expect(try await StoreVerifier(from: from, to: to, options).verify().isEqual)
    _ = try await to.backend.apply([
      .update(
        .init(
          table: "pairs", assignments: [.init("a", .literal(.int(0)))],
          filter: .comparison(.equal, .column("id"), .literal(.int(7)))))
    ])
    let report = try await StoreVerifier(from: from, to: to, options).verify()
    #expect(TransferFixture.differences(report) == ["pairs missing 0 extra 0 different 1"])
    _ = try await StoreCopy(from: from, to: to).repair()
    #expect(try await StoreVerifier(from: from, to: to, options).verify().isEqual)
    await from.close()
    await to.close()
  }

  /// A row that is on its way when it is first looked at is no difference.
  @Test func suspectsAreReadAgain() async throws {
    try await TransferFixture.withPair((.memory, .postgres), [Routed.migrations]) { from, to, _ in
      for store in [from, to] { try await Self.load(store, 1..<100) }
      try await Self.change(to, 42, nil)
      try await Self.change(to, 50, "other")
      try await Self.change(from, 60, nil)
      var options = StoreVerifier.Options()
      options.rechecks = 2
      options.pause = .milliseconds(1)
      // The rows come when it reads them for the second time.
      let hook = HookLayer {
        try await Self.load(to, [42])
        try await Self.change(to, 60, nil)
      }
      let verifier = StoreVerifier(
        from: from.backend,
        to: try await to.backend.under(
          [hook], LayerContext(schema: to.schema)), schema: from.schema, options)
      let report = try await verifier.verify()
      #expect(TransferFixture.differences(report) == ["route_logs missing 0 extra 0 different 1"])
      #expect(Self.keys(report, .different) == [50])
      #expect(report.tables.first { $0.name == "route_logs" }?.settled == 2)
    }
  }

  @Test func reportIsCodable() async throws {
    try await TransferFixture.withPair((.memory, .memory), [Routed.migrations]) { from, to, _ in
      try await Self.change(to, 0, nil)
      let report = try await TransferFixture.verify(from, to)
      let data = try JSONEncoder().encode(report)
      let again = try JSONDecoder().decode(VerificationReport.self, from: data)
      #expect(Self.keys(again, .missing) == [0])
      #expect(!again.isEqual)
    }
  }
}

/// Does something once, before rows are first got by their keys.
private final class HookLayer: StorageLayer {
  private let hook: @Sendable () async throws -> Void
  private let isDone = Mutex(false)

  init(_ hook: @escaping @Sendable () async throws -> Void) {
    self.hook = hook
  }

  var place: LayerPlace { .chaos }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let isFirst = isDone.withLock { isDone in
      if isDone || call.operation != .get { return false }
      isDone = true
      return true
    }
    if isFirst {
      do { try await hook() } catch { throw StoreError(.internal, "\(error)") }
    }
    return try await next()
  }
}

/// Repairing makes stores equal, or changes nothing.
@Suite(.timeLimit(.minutes(15))) struct StoreRepairTests {
  @Test(arguments: TransferFixture.pairs)
  func allKinds(from: TestBackend, to: TestBackend) async throws {
    try await TransferFixture.withPair((from, to), [ConformanceSuite.migrations]) { from, to, _ in
      try await DifferentialRun(seed: 31, steps: 120).run(on: [from])
      try await DifferentialRun(seed: 32, steps: 120).run(on: [to])
      let before = try await TransferFixture.dump(from)
      #expect(try await !TransferFixture.verify(from, to).isEqual)
      let changed = try await StoreCopy(from: from, to: to).repair()
      #expect(changed > 0)
      #expect(try await TransferFixture.dump(to) == before)
      #expect(try await StoreCopy(from: from, to: to).repair() == 0)
    }
  }

  /// A trigger refuses to remove what is only added to: nothing else is changed, either.
  @Test(arguments: TestBackend.allCases)
  func refusedByATrigger(_ backend: TestBackend) async throws {
    try await TransferFixture.withPair((.memory, backend), [.traceability]) { from, to, _ in
      try await TransferFixture.insert("users", SampleRows.row("users", 1), from)
      try await TransferFixture.insert("storage_history", SampleRows.row("storage_history", 1), to)
      let before = try await TransferFixture.dump(to)
      let outcome = await failure { try await StoreCopy(from: from, to: to).repair() }
      #expect(outcome == "checkViolation storage_history_append_only")
      #expect(try await TransferFixture.dump(to) == before)
    }
  }
}
