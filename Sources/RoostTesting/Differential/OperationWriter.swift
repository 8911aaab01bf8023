import Roost
import RoostCore

/// Writes random operations, the same ones for the same seed. Keys and values come from small
/// ranges, so that rows meet each other often.
///
/// A statement of several rows changes no unique column: which of two rows Postgres comes to
/// first, and so whether they are in each other's way, is not said anywhere.
struct OperationWriter {
  private var generator: SeededGenerator

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  mutating func number(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(generator.next() % UInt64(range.count))
  }

  mutating func pick<T>(_ choices: [T]) -> T {
    choices[number(0...(choices.count - 1))]
  }

  mutating func chance(_ percent: Int) -> Bool { number(1...100) <= percent }

  mutating func maybe(_ range: ClosedRange<Int>) -> Int? { chance(30) ? nil : number(range) }

  mutating func maybeText() -> String? { chance(25) ? nil : text() }

  mutating func text() -> String {
    pick(["a", "b", "A", "ab", "", "é", "e\u{301}", "z ", "a%b", "ß", "\u{1F426}"])
  }

  /// The next operation.
  mutating func next() -> RandomOperation {
    guard chance(15) else { return step() }
    var parts: [RandomOperation.TransactionPart] = []
    for _ in 0..<number(1...4) {
      if chance(40) {
        let steps = (0..<number(1...3)).map { _ in step() }
        parts.append(.savepoint(steps, fails: chance(30)))
      } else {
        parts.append(.step(step()))
      }
    }
    return RandomOperation(transaction: parts, fails: chance(25))
  }

  private mutating func step() -> RandomOperation {
    switch number(0...23) {
    case 0, 1: writeItems()
    case 2: changeItems()
    case 3, 4: writeParents()
    case 5, 6: writeLinks()
    case 7: removeParents()
    case 8: changeLinks()
    case 9: writeLeaves()
    case 10, 11: writeRankings()
    case 12: changeRankings()
    case 13: accounts()
    case 14, 15: queryRankings()
    case 16: pageRankings()
    case 17: aggregateRankings()
    case 18: queryItems()
    case 19, 20: writeEntries()
    case 21: writeLedgers()
    case 22: changeEntries()
    default: getRows()
    }
  }
}

extension OperationWriter {
  /// Writes records in one of the ways to write them.
  mutating func write<R: Record>(
    _ records: [R],
    by key: @escaping @Sendable (R.Columns) -> [any NamedColumn] = { _ in [] },
    preserving: @escaping @Sendable (R.Columns) -> [any NamedColumn] = { _ in [] }
  ) -> RandomOperation {
    switch number(0...4) {
    case 0:
      return RandomOperation("insert \(records)") { session in
        Self.text(try await session.insert(records))
      }
    case 1:
      return RandomOperation("insertOrIgnore \(records)") { session in
        Self.text(try await session.insertOrIgnore(records))
      }
    case 2:
      return RandomOperation("load \(records)") { "\(try await $0.load(records))" }
    default:
      return RandomOperation("upsert \(records)") { session in
        Self.text(try await session.upsert(records, on: key, preserving: preserving))
      }
    }
  }

  static func text<R: Record>(_ records: [R]) -> String {
    records.map { record in
      if let account = record as? Account { return RandomOperation.text(account) }
      return String(reflecting: record)
    }.joined(separator: ", ")
  }

  private mutating func writeItems() -> RandomOperation {
    let items = (0..<number(1...5)).map { _ in
      Item(
        chance(3) ? "much too long a text" : pick(["a", "b", "é"]), number(1...6),
        chance(4) ? nil : text(), quantity: number(-1...9), mood: pick([.sad, .ok, .happy, nil]),
        owner: maybeText())
    }
    if chance(30) { return write(items, by: { [$0.title, $0.owner] }) }
    return chance(50) ? write(items) : write(items, preserving: { [$0.owner, $0.quantity] })
  }

  private mutating func changeItems() -> RandomOperation {
    let (shelf, slot, title) = (pick(["a", "b", "é"]), number(1...6), text())
    let (amount, owner, mood) = (number(-5...5), maybeText(), pick([Mood.sad, .ok, .happy]))
    switch number(0...4) {
    case 0:
      return RandomOperation("delete item \(shelf) \(slot)") {
        "\(try await $0.delete(Item.self, shelf, slot))"
      }
    case 1:
      return RandomOperation("delete items of \(owner ?? "nobody")") { session in
        "\(try await session.select(Item.self).where { $0.owner == owner }.delete())"
      }
    case 2:
      return RandomOperation("items of \(title): quantity + \(amount)") { session in
        Self.text(
          try await session.select(Item.self).where { $0.title >= title }
            .updateReturning { [$0.quantity.increment(by: amount)] })
      }
    case 3:
      let item = Item(shelf, slot, title, quantity: amount, mood: mood, owner: owner)
      return RandomOperation("update \(item)") { Self.text([try await $0.update(item)]) }
    default:
      return RandomOperation("item \(shelf) \(slot): \(title), \(mood)") { session in
        let one = session.select(Item.self).where { $0.shelf == shelf && $0.slot == slot }
        return "\(try await one.update { [$0.title.set(to: title), $0.mood.set(to: mood)] })"
      }
    }
  }

  private mutating func accounts() -> RandomOperation {
    let accounts = (0..<number(1...3)).map { _ in
      Account(
        text() + "\(number(1...3))", email: maybeText(), age: maybe(16...30), visits: number(-1...5)
      )
    }
    if chance(20) {
      let name = accounts[0].name ?? ""
      return RandomOperation("delete accounts from \(name)") { session in
        "\(try await session.select(Account.self).where { $0.name >= name }.delete())"
      }
    }
    return write(
      accounts, by: { [$0.email] }, preserving: { [$0.createdAt, $0.token] })
  }
}
