import Foundation
import Roost
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// Two backends that a test moves a store between.
struct MovePair: Sendable, CustomTestStringConvertible {
  var from: TestBackend
  var to: TestBackend

  init(_ from: TestBackend, _ to: TestBackend) {
    self.from = from
    self.to = to
  }

  var testDescription: String { "\(from.rawValue) to \(to.rawValue)" }

  static let all = TestBackend.allCases.flatMap { from in
    TestBackend.allCases.map { MovePair(from, $0) }
  }
}

/// A mover that waits for nothing.
let eagerly: Mover.Options = {
  var options = Mover.Options()
  options.batch = 3
  options.cleanWindows = 2
  options.windowPause = .zero
  options.idlePause = .milliseconds(1)
  options.recheckPause = .milliseconds(1)
  return options
}()

/// Runs a body with a store that moves between two others; nobody runs the move but the body.
func withMove(
  _ pair: MovePair, _ migrations: [MigrationSet], _ options: Mover.Options = eagerly,
  layers: (StoreMove) -> [any StorageLayer] = { _ in [] },
  _ body: (Store, StoreMove) async throws -> Void
) async throws {
  let folder = try TemporaryFolder()
  let old = try await TestBackend.open(try await pair.from.freshURL(in: folder), migrations)
  let new = try await TestBackend.open(try await pair.to.freshURL(in: folder), migrations)
  let store = try await Store.moving(from: old, to: new, layers: layers, options)
  guard let move = store.move else { return }
  do {
    try await body(store, move)
  } catch {
    await store.close()
    throw error
  }
  await store.close()
}

extension StoreMove {
  /// Asks for a stage and runs the move until it is there.
  func reach(_ stage: MoveStage, readPercent: Int? = nil) async throws {
    try await request(stage, readPercent: readPercent)
    for _ in 0..<10_000 {
      let state = backend.state
      if state.stage == stage, stage != .percentage || state.readPercent == readPercent { return }
      _ = try await mover.step()
      if let refusal = try await status().refusal { throw MoveRefused(reason: refusal) }
    }
    throw MoveRefused(reason: "\(stage) was not reached from \(backend.state.stage)")
  }

  /// Carries what waits.
  func drain() async throws {
    while try await status().waiting > 0 { _ = try await mover.step() }
  }
}

/// Why a stage was not reached.
struct MoveRefused: Error {
  let reason: String
}

/// All rows of a backend's tables, but for Roost's own, as text to the last digit.
func allRows(_ backend: any StorageBackend, _ schema: Schema) async throws -> [String] {
  var lines: [String] = []
  for table in schema.tablesParentsFirst {
    let order = table.primaryKey.columns.map { OrderTerm(.column($0)) }
    for row in try await backend.query(Query(table: table.name, order: order)) {
      var json = JSONWriter()
      RowJSONWriter(table).write(row, into: &json)
      lines.append("\(table.name) \(json.text)")
    }
  }
  return lines
}

/// Takes steps of a move between the calls of a store, as a seed says.
final class SteppingLayer: StorageLayer {
  private let move: StoreMove
  private let generator: Mutex<SeededGenerator>
  private let failures = Mutex<[String]>([])
  private let stages = Mutex<[MoveStage: Int]>([:])

  init(_ move: StoreMove, seed: UInt64) {
    self.move = move
    generator = Mutex(SeededGenerator(seed: seed))
  }

  /// What a step met that it should not have.
  var found: [String] { failures.withLock { $0 } }

  /// How many calls were made at each stage.
  var seen: [MoveStage: Int] { stages.withLock { $0 } }

  var place: LayerPlace { .metrics }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    if !call.isInTransaction {
      let (steps, stage, percent) = generator.withLock { generator in
        (
          Int.random(in: 0...3, using: &generator),
          Int.random(in: 0..<12, using: &generator) == 0
            ? [MoveStage.dualWrite, .backfill, .verify, .shadow, .percentage, .live]
              .randomElement(using: &generator) : nil,
          Int.random(in: 1...100, using: &generator)
        )
      }
      do throws(StoreError) {
        if let stage { try await move.request(stage, readPercent: percent) }
        for _ in 0..<steps { _ = try await move.mover.step() }
      } catch {
        failures.withLock { $0.append("\(error)") }
      }
      stages.withLock { $0[move.backend.state.stage, default: 0] += 1 }
    }
    return try await next()
  }
}

/// What writers were told is there, by what they wrote it under; shared by the tasks of a test.
final class Acknowledged<Key: Hashable & Sendable>: Sendable {
  private let values = Mutex<[Key: Int]>([:])
  private let over = Atomic(false)
  private let count = Atomic(0)

  var all: [Key: Int] { values.withLock { $0 } }
  /// Whether the writers are to end.
  var isOver: Bool { over.load(ordering: .relaxed) }

  func note(_ key: Key, _ value: Int) { values.withLock { $0[key] = value } }
  func end() { over.store(true, ordering: .relaxed) }
  /// Another number each time, from 1.
  func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}
