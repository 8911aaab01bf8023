import Roost
import RoostCore

// Rows that refer to each other.

extension OperationWriter {
  mutating func writeParents() -> RandomOperation {
    let parents = (0..<number(1...4)).map { _ in Parent(number(1...8), code: maybeText()) }
    return chance(25) ? write(parents, by: { [$0.code] }) : write(parents)
  }

  mutating func writeLinks() -> RandomOperation {
    let links = (0..<number(1...4)).map { _ in
      Link(
        number(1...12), cascade: chance(60) ? maybe(1...8) : nil,
        null: chance(40) ? maybe(1...8) : nil, restrict: chance(15) ? number(1...8) : nil,
        action: chance(15) ? number(1...8) : nil, code: chance(20) ? text() : nil,
        previous: chance(30) ? number(1...12) : nil)
    }
    return write(links)
  }

  mutating func removeParents() -> RandomOperation {
    let id = number(1...8)
    switch number(0...3) {
    case 0:
      let code = text()
      return RandomOperation("delete parents from \(code)") { session in
        try await Self.releaseParents(session)
        return "\(try await session.select(Parent.self).where { $0.code >= code }.delete())"
      }
    case 1:
      let range = id...(id + number(0...2))
      return RandomOperation("delete parents \(range)") { session in
        try await Self.releaseParents(session)
        return "\(try await session.select(Parent.self).where { $0.id.isIn(range) }.delete())"
      }
    case 2:
      let (other, code) = (number(1...8), maybeText())
      return RandomOperation("parent \(id): id \(other), code \(code ?? "-")") { session in
        let one = session.select(Parent.self).where { $0.id == id }
        return "\(try await one.update { [$0.id.set(to: other), $0.code.set(to: code)] })"
      }
    default:
      return RandomOperation("delete parent \(id)") {
        "\(try await $0.delete(Parent.self, id))"
      }
    }
  }

  mutating func changeLinks() -> RandomOperation {
    let (low, target) = (number(1...12), maybe(1...8))
    switch number(0...3) {
    case 0:
      return RandomOperation("delete links from \(low)") { session in
        "\(try await session.select(Link.self).where { $0.id >= low }.delete())"
      }
    case 1:
      return RandomOperation("links from \(low): cascade \(target ?? -1)") { session in
        let some = session.select(Link.self).where { $0.id >= low }
        return Self.text(try await some.updateReturning { [$0.cascadeID.set(to: target)] })
      }
    case 2:
      return RandomOperation("links of \(target ?? -1): null \(low)") { session in
        let some = session.select(Link.self).where { $0.nullID == target }
        return "\(try await some.update { [$0.nullID.set(to: low)] })"
      }
    default:
      return RandomOperation("links: no restrict, no action") { session in
        "\(try await Self.releaseParents(session))"
      }
    }
  }

  /// Before several parents are deleted at once: whether one that is held comes to Postgres
  /// before another whose cascade would have freed it is not said anywhere.
  @discardableResult
  private static func releaseParents(_ session: any RecordSession) async throws -> Int {
    try await session.select(Link.self)
      .update { [$0.restrictID.set(to: nil), $0.actionID.set(to: nil)] }
  }

  mutating func writeLeaves() -> RandomOperation {
    write((0..<number(1...4)).map { _ in Leaf(number(1...20), link: number(1...12)) })
  }

  mutating func getRows() -> RandomOperation {
    let keys = (0..<number(0...6)).map { _ in [Value.int(Int64(number(1...12)))] }
    if chance(50) {
      return RandomOperation("get links \(keys)") { session in
        "\(try await session.find(Link.self, keys: keys).map { $0.map { Self.text([$0]) } ?? "-" })"
      }
    }
    let name = text()
    return RandomOperation("accounts like \(name)") { session in
      Self.text(
        try await session.select(Account.self)
          .where { $0.name.hasPrefix(name, ignoringCase: true) }
          .order { $0.age.ascending }.order { $0.name.ascending }.fetch())
    }
  }
}

// Rows whose sums triggers keep.

extension OperationWriter {
  mutating func writeLedgers() -> RandomOperation {
    let id = number(1...5)
    if chance(20) {
      return RandomOperation("delete ledger \(id)") { "\(try await $0.delete(Ledger.self, id))" }
    }
    let ledgers = (0..<number(1...3)).map { _ in Ledger(number(1...5), below: maybe(1...5)) }
    return write(ledgers, preserving: { [$0.total] })
  }

  mutating func writeEntries() -> RandomOperation {
    let entries = (0..<number(1...4)).map { _ in
      Entry(number(1...16), in: number(1...5), by: maybe(1...8), Numeric(number(-1...12)))
    }
    return write(entries)
  }

  mutating func changeEntries() -> RandomOperation {
    let (id, ledger, amount) = (number(1...16), number(1...5), Numeric(number(0...3)))
    switch number(0...2) {
    case 0:
      return RandomOperation("delete entries from \(id)") { session in
        "\(try await session.select(Entry.self).where { $0.id >= id }.delete())"
      }
    case 1:
      return RandomOperation("entry \(id): ledger \(ledger)") { session in
        let one = session.select(Entry.self).where { $0.id == id }
        return Self.text(try await one.updateReturning { [$0.ledgerID.set(to: ledger)] })
      }
    default:
      return RandomOperation("entries of \(ledger): amount + \(amount)") { session in
        let some = session.select(Entry.self).where { $0.ledgerID == ledger }
        return "\(try await some.update { [$0.amount.increment(by: amount)] })"
      }
    }
  }
}
