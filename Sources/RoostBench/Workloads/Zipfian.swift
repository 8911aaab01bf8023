import Foundation
import RoostCore

/// Places that are asked for unevenly: the first most often, the others ever less.
///
/// Source: Gray et al., "Quickly generating billion-record synthetic databases", 1994, as YCSB has
/// it, with its constant 0.99.
struct Zipfian {
  private static let theta = 0.99

  private var generator: SeededGenerator
  /// How many places there are, and the sum of `1 / place ^ theta` over them.
  private var count = 0
  private var zeta = 0.0
  private let zeta2 = 1 + pow(0.5, Self.theta)

  init(seed: UInt64) {
    generator = SeededGenerator(seed: seed)
  }

  /// A place among the first `count`, which may grow from call to call; 0 is the most frequent.
  mutating func next(below count: Int) -> Int {
    while self.count < max(count, 1) {
      self.count += 1
      zeta += 1 / pow(Double(self.count), Self.theta)
    }
    // 53 bits, as many as a Double has.
    let uniform = Double(generator.next() >> 11) * 0x1p-53
    let scaled = uniform * zeta
    if scaled < 1 || self.count == 1 { return 0 }
    if scaled < zeta2 || self.count == 2 { return 1 }
    let eta =
      (1 - pow(2 / Double(self.count), 1 - Self.theta)) / (1 - zeta2 / zeta)
    let place = Double(self.count) * pow(eta * uniform - eta + 1, 1 / (1 - Self.theta))
    return min(Int(place), self.count - 1)
  }

  /// As `next`, with the frequent places scattered over all.
  mutating func nextScrambled(below count: Int) -> Int {
    var scatter = SeededGenerator(seed: UInt64(next(below: count)))
    return Int(scatter.next() % UInt64(max(count, 1)))
  }
}
