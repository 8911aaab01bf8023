import Roost
import RoostCore
import RoostMemory

/// What a store was asked for and what it acknowledged, and by that what may be found in it: all
/// that was acknowledged, nothing that was not asked for, commits whole and in their order.
package struct Ledger: Sendable {
  /// The table of the proofs. The row 0 holds the number of the commit that wrote it last.
  static let migrations = MigrationSet(
    system: "proofs",
    files: [
      MigrationFile(
        name: "V001__proofs.sql",
        text: "CREATE TABLE proofs (id integer PRIMARY KEY, text text COLLATE \"C\" NOT NULL);")
    ])

  /// The rows after each commit. The first state is an empty folder; commit 1 makes the table.
  private(set) var states: [[[Value]]] = [[]]
  /// How many commits were acknowledged; those behind them may be there or not.
  private(set) var acknowledged = 0
  /// Torn ends that were found, which are to be kept.
  private(set) var torn: [[UInt8]] = []

  package init() {}

  /// How many commits were asked for.
  var issued: Int { states.count - 1 }

  mutating func issue(_ rows: [[Value]]) { states.append(rows) }

  mutating func acknowledge() { acknowledged = issued }

  /// Takes back what was said to have failed: it must not be found.
  mutating func withdraw() { states.removeLast(issued - acknowledged) }

  mutating func keep(_ bytes: [UInt8]) {
    if !bytes.isEmpty { torn.append(bytes) }
  }

  /// Compares what was found, and takes it as acknowledged: a reader has seen it.
  mutating func settle(_ found: DatabaseState) throws(Violation) {
    let number = try number(of: found)
    try require(
      number >= acknowledged, "commit \(acknowledged) was acknowledged and \(number) is the last")
    states.removeLast(issued - number)
    acknowledged = number
  }

  /// The last commit that is in a state, with all before it and nothing else.
  func number(of state: DatabaseState) throws(Violation) -> Int {
    try number(of: Self.rows(state), hasTable: !state.migrations.isEmpty)
  }

  /// The last commit that the table's rows come from.
  func number(of rows: [[Value]], hasTable: Bool) throws(Violation) -> Int {
    var number = hasTable ? 1 : 0
    if let row = rows.first, row[0] == .int(0) {
      guard case .text(let text) = row[1], let last = Int(text) else {
        throw Violation("row 0 is \(row)")
      }
      number = last
    }
    try require(number <= issued, "commit \(number) was never made or had failed: \(issued)")
    try require(rows == states[number], "the rows are not those that commit \(number) left")
    return number
  }

  static func rows(_ state: DatabaseState) -> [[Value]] {
    state.tables.first?.rows.ascending().map(\.element) ?? []
  }

  /// The changes of a commit: its number, and a few rows of any kind.
  static func mutations(_ number: Int, _ dice: Dice) -> [Mutation] {
    var mutations = [put(0, "\(number)")]
    for _ in 0..<dice.number(0...3) {
      let id = Int64(dice.number(1...16))
      if dice.happens(oneIn: 4) {
        let filter = Expression.comparison(.equal, .column("id"), .literal(.int(id)))
        mutations.append(.delete(.init(table: "proofs", filter: filter)))
      } else {
        mutations.append(
          put(id, "\(number) \(dice.text(length: dice.one(of: [0, 3, 40, 700, 3_000])))"))
      }
    }
    return mutations
  }

  private static func put(_ id: Int64, _ text: String) -> Mutation {
    .insert(
      .init(
        table: "proofs", columns: ["id", "text"], rows: [[.int(id), .text(text)]],
        conflict: .update(target: ["id"], set: ["text"], ifChanged: nil)))
  }
}

/// A ledger that is read and written in turns by those who share it. Unchecked sendability holds
/// since they are all on one thread: see `PowerLossScript`.
package final class SharedLedger: @unchecked Sendable {
  package var ledger: Ledger

  package init(_ ledger: Ledger = Ledger()) {
    self.ledger = ledger
  }
}

/// Choices that follow from a seed, made in turns by those who share them. Unchecked sendability
/// holds since they are all on one thread, or in one task.
package final class Dice: @unchecked Sendable {
  var generator: SeededGenerator

  package init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

  func happens(oneIn count: Int) -> Bool { number(1...count) == 1 }

  func one<Choice>(of choices: [Choice]) -> Choice { choices[number(0...(choices.count - 1))] }

  /// A text that begins with characters that JSON escapes, and of more than one byte.
  func text(length: Int) -> String {
    let signs: [Character] = ["a", "é", "\n", "\"", "\\", "0", "日"]
    let odd = min(length, 40)
    return String((0..<odd).map { _ in one(of: signs) })
      + String(repeating: "x", count: length - odd)
  }
}
