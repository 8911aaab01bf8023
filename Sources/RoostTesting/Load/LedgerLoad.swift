public import Roost
import RoostCore

/// Writers, each with rows of its own, and readers, who all know what was acknowledged last.
public struct LedgerLoad: Sendable {
  /// How rows are written and read that have a number, and hold the version that was written last.
  public struct Rows: Sendable {
    /// Gives a row a version, whether it is there or not.
    public var write: @Sendable (_ store: Store, _ key: Int, _ version: Int) async throws -> Void
    /// Removes a row, if it is there.
    public var remove: @Sendable (_ store: Store, _ key: Int) async throws -> Void
    /// The version of a row; nil when it is not there.
    public var read: @Sendable (_ store: Store, _ key: Int) async throws -> Int?

    /// Makes rows of three calls.
    public init(
      write: @escaping @Sendable (_ store: Store, _ key: Int, _ version: Int) async throws -> Void,
      remove: @escaping @Sendable (_ store: Store, _ key: Int) async throws -> Void,
      read: @escaping @Sendable (_ store: Store, _ key: Int) async throws -> Int?
    ) {
      self.write = write
      self.remove = remove
      self.read = read
    }
  }

  /// How many tasks write. Each reads what it has written.
  public var writers = 4
  /// How many tasks read what any of them has written.
  public var readers = 2
  /// How many rows each writer has.
  public var rowsEach = 250
  /// One change in so many is a removal; 0 for none.
  public var removesOneIn = 8
  /// How long a task pauses between two calls.
  public var pause = Duration.milliseconds(5)
  /// What the calls follow from.
  public var seed: UInt64 = 1
  /// The rows.
  public let rows: Rows
  /// What the tasks were told.
  public let ledger: WriteLedger

  /// Four writers with 250 rows each, and two readers.
  public init(_ rows: Rows, _ ledger: WriteLedger) {
    self.rows = rows
    self.ledger = ledger
  }

  /// Works on a store. What fails is counted in the ledger.
  /// - Parameter isOver: asked before each call; true ends the load.
  public func run(on store: Store, until isOver: @escaping @Sendable () -> Bool) async {
    await withTaskGroup { group in
      for task in 0..<(writers + readers) {
        group.addTask {
          var generator = SeededGenerator(seed: seed &+ UInt64(task))
          while !isOver() {
            if task < writers {
              await write(self.key(of: task, &generator), on: store, &generator)
            } else {
              let writer = Int.random(in: 0..<writers, using: &generator)
              await read(self.key(of: writer, &generator), of: store)
            }
            try? await Task.sleep(for: pause)
          }
        }
      }
    }
  }

  private func key(of writer: Int, _ generator: inout SeededGenerator) -> Int {
    Int.random(in: 0..<rowsEach, using: &generator) * writers + writer
  }

  /// Changes a row and reads it.
  private func write(
    _ key: Int, on store: Store, _ generator: inout SeededGenerator
  ) async {
    let version = ledger.nextVersion()
    let isRemoval =
      removesOneIn > 0 && Int.random(in: 0..<removesOneIn, using: &generator) == 0
    if isRemoval { ledger.willRemove(key, version) }
    await timed {
      if isRemoval {
        try await rows.remove(store, key)
      } else {
        try await rows.write(store, key, version)
      }
      ledger.didWrite(key, isRemoval ? -version : version)
    }
    await read(key, of: store)
  }

  private func read(_ key: Int, of store: Store) async {
    let before = ledger.entry(key)
    await timed { ledger.didRead(key, try await rows.read(store, key), since: before) }
  }

  private func timed(_ body: () async throws -> Void) async {
    let start = ContinuousClock.now
    do {
      try await body()
      ledger.didEnd(after: .now - start)
    } catch {
      ledger.didEnd(after: .now - start, error)
    }
  }
}
