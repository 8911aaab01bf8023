import RoostCore
import RoostMemory
import Testing

private struct IntKey: OrderedKey, Hashable {
  var number: Int
  /// Eight keys share a rank, so that both ways of comparing are taken.
  var rank: UInt64 { UInt64(number / 8) }
  var isKnownByRank: Bool { number % 8 == 0 }

  static func order(_ left: IntKey, _ right: IntKey) -> Int {
    left.number < right.number ? -1 : left.number > right.number ? 1 : 0
  }
}

/// The ordered map against a sorted array.
@Suite struct OrderedMapTests {
  private typealias Map = OrderedMap<IntKey, Int>

  /// Few keys make many collisions, many keys make deep trees; every eighth is known by its rank.
  @Test(arguments: zip([1, 2, 3, 4, 5, 6] as [UInt64], [8_000, 300, 8_000, 300, 64_000, 2_400]))
  func randomChanges(seed: UInt64, count: Int) {
    var random = SeededGenerator(seed: seed)
    let step = seed > 4 ? 8 : 1
    let range = 0..<count
    var map = Map()
    var model: [Int: Int] = [:]
    var copies: [(map: Map, model: [Int: Int])] = []
    for turn in 0..<20_000 {
      let key = Int.random(in: 0..<count / step, using: &random) * step
      // Growing, then shrinking, then growing again.
      let removes = (turn / 5_000) % 2 == 1 ? 70 : 30
      if Int.random(in: 0..<100, using: &random) < removes {
        #expect(map.remove(IntKey(number: key)) == model.removeValue(forKey: key))
      } else {
        #expect(map.insert(IntKey(number: key), turn) == model.updateValue(turn, forKey: key))
      }
      if turn % 5_000 == 0 { copies.append((map, model)) }
    }
    copies.append((map, model))
    for copy in copies { expectEqual(copy.map, copy.model, range, &random) }
  }

  private func expectEqual(
    _ map: Map, _ model: [Int: Int], _ range: Range<Int>, _ random: inout SeededGenerator
  ) {
    let keys = model.keys.sorted()
    #expect(map.count == keys.count)
    #expect(range.allSatisfy { map[IntKey(number: $0)] == model[$0] })
    #expect(map.ascending().map(\.key.number) == keys)
    #expect(map.ascending().map(\.element) == keys.map { model[$0] ?? -1 })
    #expect(map.descending().map(\.key.number) == keys.reversed())
    for _ in 0..<8 {
      let bound = Int.random(in: (range.lowerBound - 2)..<(range.upperBound + 2), using: &random)
      #expect(map[IntKey(number: bound)] == model[bound])
      #expect(
        map.ascending { $0.number < bound }.map(\.key.number) == keys.filter { $0 >= bound })
      #expect(
        map.descending { $0.number < bound }.map(\.key.number)
          == keys.filter { $0 < bound }.reversed())
    }
  }

  @Test func emptyAgain() {
    var map = Map()
    #expect(map.remove(IntKey(number: 1)) == nil)
    for number in 0..<5_000 { map.insert(IntKey(number: number), number) }
    let copy = map
    for number in (0..<5_000).reversed() { #expect(map.remove(IntKey(number: number)) == number) }
    #expect(map.count == 0)
    #expect(map.ascending().map(\.element) == [])
    #expect(map.descending().map(\.element) == [])
    #expect(copy.ascending().map(\.element) == Array(0..<5_000))
  }
}
