public import Roost

/// Random operations applied to several stores at once; whatever they answer must be equal.
///
/// The operations follow from the seed alone, so that a mismatch is replayed by its seed. Keys
/// that a store gives by itself are never compared.
public struct DifferentialRun: Sendable {
  /// What the operations follow from.
  public let seed: UInt64
  /// How many operations there are; a transaction counts as one.
  public let steps: Int

  /// Describes a run.
  public init(seed: UInt64, steps: Int) {
    self.seed = seed
    self.steps = steps
  }

  /// A run that the variables `ROOST_SEED` and `ROOST_STEPS` may replace.
  public init(seed: UInt64, steps: Int, environment: [String: String]) {
    self.init(
      seed: environment["ROOST_SEED"].flatMap { UInt64($0) } ?? seed,
      steps: environment["ROOST_STEPS"].flatMap { Int($0) } ?? steps)
  }

  /// Applies the operations to each store and compares.
  /// - Parameter stores: empty stores, opened with `ConformanceSuite.migrations`.
  /// - Returns: how many answers were errors, so that a test can see that both kinds came up.
  /// - Throws: `DifferentialMismatch`.
  @discardableResult
  public func run(on stores: [Store]) async throws -> Int {
    var operations = OperationWriter(seed: seed)
    var errors = 0
    for step in 1...max(1, steps) {
      let operation = operations.next()
      try await compare(operation.name, step, stores) { await operation.answer($0) }
      if operation.answerIsError { errors += 1 }
      // Rows that nobody asked for must be equal, too.
      if step % 25 == 0 || step == steps { try await compareRows(operation.name, step, stores) }
    }
    return errors
  }

  func compareRows(_ name: String, _ step: Int, _ stores: [Store]) async throws {
    try await compare("all rows after \(name)", step, stores) { store in
      await RandomOperation.text { try await Self.rows(store) }
    }
  }

  func compare(
    _ name: String, _ step: Int, _ stores: [Store], _ answer: (Store) async -> String
  ) async throws {
    var answers: [(location: String, answer: String)] = []
    for store in stores { answers.append((store.opening.location, await answer(store))) }
    guard let first = answers.first, answers.contains(where: { $0.answer != first.answer })
    else { return }
    throw DifferentialMismatch(
      seed: seed, step: step, operation: name,
      answers: answers.map { "\($0.location): \($0.answer)" })
  }

  /// All rows but the accounts', whose keys are the store's own.
  private static func rows(_ store: Store) async throws -> String {
    var lines: [String] = []
    for table in ["items", "parents", "links", "leaves", "rankings", "ledgers", "entries"] {
      for line in try await store.lines(table) { lines.append("\(table) \(line)") }
    }
    let names = try await store.select(Account.self).order { $0.name.ascending }.fetch()
    for account in names { lines.append(RandomOperation.text(account)) }
    return lines.joined(separator: "\n")
  }
}

/// Two stores that answered differently.
public struct DifferentialMismatch: Error, CustomStringConvertible {
  /// Replays the run.
  public let seed: UInt64
  /// The operation's number, from 1.
  public let step: Int
  /// The operation.
  public let operation: String
  /// Each store's answer.
  public let answers: [String]
  /// The operations that lead to it, when they are fewer than those of the seed.
  public var operations: [String] = []

  /// Seed, step, operation, answers, and the operations that lead to it.
  public var description: String {
    var lines = ["ROOST_SEED=\(seed) ROOST_STEPS=\(step): \(operation)"] + answers
    if !operations.isEmpty { lines += ["after these:"] + operations.map { "  \($0)" } }
    return lines.joined(separator: "\n")
  }
}
