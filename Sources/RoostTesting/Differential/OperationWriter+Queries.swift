import Roost
import RoostCore

// Rows without constraints, for conditions, orders, pages and figures.

extension OperationWriter {
  mutating func writeRankings() -> RandomOperation {
    write(
      (0..<number(1...8)).map { _ in
        Ranking(number(1...60), points: maybe(-2...3), team: maybeText(), level: number(0...3))
      })
  }

  mutating func changeRankings() -> RandomOperation {
    let filter = condition(2)
    if chance(25) {
      return RandomOperation("delete rankings where \(filter.expression)") { session in
        "\(try await session.select(Ranking.self).where(filter).delete())"
      }
    }
    let (amount, team) = (number(-2...2), maybeText())
    return RandomOperation("rankings where \(filter.expression): \(amount) \(team ?? "-")") {
      session in
      Self.text(
        try await session.select(Ranking.self).where(filter)
          .updateReturning { [$0.points.increment(by: amount), $0.team.set(to: team)] })
    }
  }

  mutating func queryRankings() -> RandomOperation {
    let filter = condition(3)
    let orders = self.orders()
    let limit = maybe(0...20)
    return RandomOperation("rankings where \(filter.expression) by \(orders) \(limit ?? -1)") {
      session in
      var selection = session.select(Ranking.self).where(filter)
      for order in orders { selection = selection.order(by: order) }
      let count = try await selection.count()
      if let limit { selection = selection.limit(limit) }
      return "\(count) \(try await selection.exists()) \(Self.text(try await selection.fetch()))"
    }
  }

  mutating func pageRankings() -> RandomOperation {
    let filter = chance(50) ? condition(1) : Filter(.and([]))
    let orders = self.orders()
    let size = number(1...9)
    return RandomOperation("pages of \(size) where \(filter.expression) by \(orders)") { session in
      var selection = session.select(Ranking.self).where(filter)
      for order in orders { selection = selection.order(by: order) }
      let all = try await selection.values { $0.id }
      var paged: [Int] = []
      var position: PagePosition?
      repeat {
        let page = try await selection.page(size: size, after: position)
        paged += page.records.map(\.id)
        position = page.next
      } while position != nil && paged.count <= all.count
      return "\(paged == all) \(paged)"
    }
  }

  mutating func aggregateRankings() -> RandomOperation {
    let filter = condition(1)
    let group = number(0...2)
    return RandomOperation("figures by \(group) where \(filter.expression)") { session in
      let rows = try await session.select(Ranking.self).where(filter).aggregate(
        by: { [[], [$0.team], [$0.level, $0.points]][group] },
        [.count, .sum("points"), .minimum("team"), .maximum("team"), .maximum("level")])
      return rows.map { ValueText.exact($0) }.joined(separator: " ")
    }
  }

  mutating func queryItems() -> RandomOperation {
    let (title, owner, low) = (text(), maybeText(), number(0...5))
    let mood = pick([Mood.sad, .ok, .happy])
    return RandomOperation("items \(title) \(owner ?? "-") \(low) \(mood)") { session in
      let all = session.select(Item.self)
      let found = [
        try await all.where { $0.title == title && $0.mood == mood }.fetch(),
        try await all.where { $0.owner == owner }.order { $0.title.descending }.limit(5).fetch(),
        try await all.where { $0.mood >= mood && $0.quantity > low }
          .order { $0.mood.descending }.order { $0.quantity.ascending }.fetch(),
      ]
      return found.map { Self.text($0) }.joined(separator: " / ")
    }
  }

  private mutating func orders() -> [OrderTerm] {
    let columns = Ranking.columns
    return (0..<number(0...2)).map { _ in
      var term = pick([
        columns.points.ascending, columns.points.descending, columns.team.ascending,
        columns.team.descending, columns.level.descending, columns.level.ascending,
      ])
      if chance(50) { term = chance(50) ? term.withNullsFirst : term.withNullsLast }
      return term
    }
  }

  private mutating func condition(_ depth: Int) -> Filter {
    let columns = Ranking.columns
    if depth > 0 && chance(60) {
      let left = condition(depth - 1)
      switch number(0...2) {
      case 0: return left && condition(depth - 1)
      case 1: return left || condition(depth - 1)
      default: return !left
      }
    }
    let points = number(-2...3)
    switch number(0...9) {
    case 0: return columns.points == maybe(-2...3)
    case 1: return columns.points != maybe(-2...3)
    case 2: return columns.points > points
    case 3: return columns.points.isIn((0..<number(0...3)).map { _ in maybe(-2...3) })
    case 4: return columns.team == maybeText()
    case 5: return columns.team < text()
    case 6:
      return columns.team.like(
        pick(["%a%", "_", "a\\%b", "%", "é%", ""]), ignoringCase: chance(50))
    case 7: return columns.id.isIn((0..<number(0...12)).map { _ in number(1...60) })
    case 8: return columns.level <= number(0...3)
    default: return columns.id > number(1...60)
    }
  }
}
