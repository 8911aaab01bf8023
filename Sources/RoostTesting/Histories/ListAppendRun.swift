public import Roost
import RoostCore
import Synchronization

/// Transactions that run beside each other on a store, append numbers to lists and read lists; what
/// came of them is a `TransactionHistory`.
public struct ListAppendRun: Sendable {
  /// What the transactions' steps follow from. How they meet does not.
  public var seed: UInt64 = 1
  /// How many run beside each other.
  public var workers = 8
  /// How many there are in all.
  public var transactions = 200
  /// How many lists there are; the fewer, the more they meet.
  public var keys = 5
  /// The most steps of a transaction.
  public var steps = 5
  /// How the transactions are isolated.
  public var isolation = TransactionOptions.Isolation.serializable

  /// 200 serializable transactions by 8 workers over 5 lists.
  public init() {}

  /// The table of the lists.
  public static let migrations = MigrationSet(
    system: "histories",
    files: [
      MigrationFile(
        name: "V001__lists.sql",
        text: """
          CREATE TABLE lists (id integer PRIMARY KEY, elements text COLLATE "C" NOT NULL);
          """)
    ])

  private struct List: Record {
    var id: Int
    var elements: String

    static let table = "lists"
    static let columns = Columns()

    struct Columns: Sendable {
      let id = Column<Int>("id")
      let elements = Column<String>("elements")
    }

    var numbers: [Int] { elements.split(separator: ",").compactMap { Int($0) } }
  }

  /// What all workers write to.
  private final class Notes: Sendable {
    let transactions = Mutex<[TransactionHistory.Transaction]>([])
    let next = Atomic(0)
  }

  /// Runs the transactions.
  /// - Parameter stores: handles of one store, opened with `ListAppendRun.migrations`; the workers
  ///   share them out. Its lists are emptied first.
  /// - Throws: what emptying and the last reading meet; what fails in between is a part of the
  ///   history.
  public func run(on stores: [Store]) async throws -> TransactionHistory {
    guard let first = stores.first else { return TransactionHistory([], final: [:]) }
    try await first.upsert((0..<keys).map { List(id: $0, elements: "") })
    let notes = Notes()
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<max(1, workers) {
        let store = stores[worker % stores.count]
        group.addTask { await work(worker, store, notes) }
      }
    }
    var final: [Int: [Int]] = [:]
    for list in try await first.select(List.self).fetch() { final[list.id] = list.numbers }
    return TransactionHistory(notes.transactions.withLock { $0 }, final: final)
  }

  private func work(_ worker: Int, _ store: Store, _ notes: Notes) async {
    var generator = SeededGenerator(seed: seed &* 1_000 &+ UInt64(worker))
    while notes.next.add(1, ordering: .relaxed).oldValue < transactions {
      let count = Int.random(in: 1...max(1, steps), using: &generator)
      let plan = (0..<count).map { _ in
        (
          key: Int.random(in: 0..<max(1, keys), using: &generator),
          isRead: generator.next() & 1 == 0
        )
      }
      let transaction = await attempt(plan, store, notes)
      notes.transactions.withLock { $0.append(transaction) }
    }
  }

  /// Numbers that were never given before.
  private static let elements = Atomic(0)

  private func attempt(
    _ plan: [(key: Int, isRead: Bool)], _ store: Store, _ notes: Notes
  ) async -> TransactionHistory.Transaction {
    // An attempt that failed is a transaction of its own.
    let options = TransactionOptions(isolation: isolation, attempts: 1)
    let done = Mutex<[TransactionHistory.Step]>([])
    let began = Deadline.now.nanoseconds
    var outcome = TransactionHistory.Outcome.committed
    do {
      try await store.transaction(options) { transaction in
        for (key, isRead) in plan {
          if isRead {
            let list = try await transaction.get(List.self, key)
            done.withLock { $0.append(.read(key: key, elements: list.numbers)) }
          } else {
            let element = Self.elements.add(1, ordering: .relaxed).newValue
            // Noted before it is sent: it may be in force whatever becomes of the answer.
            done.withLock { $0.append(.append(key: key, element: element)) }
            _ = try await transaction.select(List.self).where { $0.id == key }.update { _ in
              [
                Mutation.Assignment(
                  "elements", .concatenation(.column("elements"), .literal(.text(",\(element)"))))
              ]
            }
          }
          // Others come in between.
          await Task.yield()
        }
      }
    } catch {
      let code = (error as? StoreError)?.code
      outcome = code == .outcomeUnknown ? .unknown : .failed
    }
    return TransactionHistory.Transaction(
      done.withLock { $0 }, outcome, began: began, ended: Deadline.now.nanoseconds)
  }
}
