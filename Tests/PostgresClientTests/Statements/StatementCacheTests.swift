import PostgresWire
import Testing

@testable import PostgresClient

/// What is kept, and what goes.
@Suite struct StatementCacheTests {
  private func statement(
    _ cache: inout StatementCache, _ sql: String, columnCount: Int = 0
  ) -> PreparedStatement {
    let columns = PostgresColumns(
      (0..<columnCount).map { PostgresColumn(name: "column\($0)", type: .int4) })
    return PreparedStatement(
      name: cache.makeName(for: sql), sql: sql, types: [], columns: columns)
  }

  @Test func theOneThatWasNotUsedForLongestGoes() {
    var cache = StatementCache(limit: 3, byteLimit: 1 << 20)
    var names: [String: String] = [:]
    for sql in ["a", "b", "c"] {
      let made = statement(&cache, sql)
      names[sql] = made.name
      cache.insert(made)
    }
    #expect(cache.find("a", []) != nil)
    #expect(cache.find("c", []) != nil)
    #expect(cache.find("a", [.int4]) == nil)
    cache.insert(statement(&cache, "d"))
    #expect(cache.evicted == [names["b"]])
    #expect(cache.find("b", []) == nil)
    cache.insert(statement(&cache, "e"))
    #expect(cache.evicted == [names["b"], names["a"]])
    cache.clearEvicted()
    #expect(cache.find("c", [])?.name == names["c"])
    #expect(cache.count == 3)
  }

  /// A thousand random steps against a list that is searched from end to end.
  @Test func likeAList() {
    var cache = StatementCache(limit: 8, byteLimit: 1 << 20)
    var list: [(sql: String, name: String)] = []
    var closed: [String] = []
    for step in 0..<1_000 {
      let sql = "s\(Int.random(in: 0..<14))"
      let place = list.firstIndex { $0.sql == sql }
      switch step % 7 {
      case 0:
        let made = statement(&cache, sql)
        cache.insert(made)
        if let place { closed.append(list.remove(at: place).name) }
        list.append((sql, made.name))
        if list.count > 8 { closed.append(list.removeFirst().name) }
      case 1 where step % 35 == 1:
        cache.remove(StatementCache.Key(sql: sql, types: []))
        if let place { closed.append(list.remove(at: place).name) }
      default:
        #expect(cache.find(sql, [])?.name == place.map { list[$0].name })
        if let place { list.append(list.remove(at: place)) }
      }
      #expect(cache.count == list.count)
    }
    #expect(cache.evicted == closed)
    cache.removeAll()
    #expect(cache.evicted == closed + list.map(\.name))
    #expect(cache.byteCount == 0)
  }

  @Test func bytesAreBounded() {
    var cache = StatementCache(limit: 1_000, byteLimit: 64 << 10)
    for number in 0..<200 {
      cache.insert(statement(&cache, "\(number)" + String(repeating: "x", count: 4_000)))
      #expect(cache.byteCount <= 64 << 10)
    }
    #expect((10...16).contains(cache.count))
    // Columns count, too.
    cache.insert(statement(&cache, "wide", columnCount: 500))
    #expect(cache.count < 10)
    // A long text has no name, and stays out.
    let long = String(repeating: "y", count: (8 << 10) + 1)
    let count = cache.count
    #expect(cache.makeName(for: long) == "")
    cache.insert(statement(&cache, long))
    #expect(cache.count == count)
    #expect(cache.find(long, []) == nil)
  }

  @Test func theSameKeyAgainLeaksNoName() {
    var cache = StatementCache(limit: 3, byteLimit: 1 << 20)
    let first = statement(&cache, "a")
    cache.insert(first)
    let second = statement(&cache, "a")
    cache.insert(second)
    #expect(cache.evicted == [first.name])
    #expect(cache.find("a", []) === second)
    #expect(cache.count == 1)
  }

  @Test func namesAreNeverUsedAgain() {
    var cache = StatementCache(limit: 3, byteLimit: 1 << 20)
    var names: Set<String> = []
    for round in 0..<100 {
      let made = statement(&cache, "a\(round)")
      #expect(names.insert(made.name).inserted)
      cache.insert(made)
      if round.isMultiple(of: 10) { cache.forgetAll() }
    }
    // Nor by another session.
    var other = StatementCache(limit: 3, byteLimit: 1 << 20)
    #expect(names.insert(other.makeName(for: "a0")).inserted)
  }

  @Test func whatTheServerDroppedIsNotClosed() {
    var cache = StatementCache(limit: 3, byteLimit: 1 << 20)
    let first = statement(&cache, "a")
    cache.insert(first)
    cache.removeAll()
    cache.insert(statement(&cache, "b"))
    cache.forgetAll()
    #expect(cache.evicted == [first.name])
    #expect(cache.find("b", []) == nil)
  }

  @Test func withoutNames() {
    var cache = StatementCache(limit: 0, byteLimit: 1 << 20)
    let made = statement(&cache, "a")
    #expect(made.name == "")
    cache.insert(made)
    #expect(cache.find("a", []) === made)
    cache.removeAll()
    #expect(cache.evicted == [])
    var late = StatementCache(limit: 3, byteLimit: 1 << 20)
    late.insert(statement(&late, "a"))
    late.stopNaming()
    #expect(late.find("a", []) == nil)
    #expect(late.makeName(for: "a") == "")
    #expect(late.evicted == [])
  }
}
