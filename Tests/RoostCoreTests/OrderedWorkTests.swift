import Foundation
import RoostCore
import Synchronization
import Testing

@Suite struct OrderedWorkTests {
  private struct Halt: Error {}

  @Test(arguments: [0, 1, 2, 7, 500]) func resultsComeInOrder(count: Int) throws {
    var taken: [Int] = []
    try OrderedWork.run(count) { index in
      if index.isMultiple(of: 5) { Thread.sleep(forTimeInterval: 0.000_1) }
      return index * index
    } take: { output throws(Halt) in
      taken.append(output)
      return true
    }
    #expect(taken == (0..<count).map { $0 * $0 })
  }

  /// When it returns nobody works any more, and little was done that nobody took.
  @Test(arguments: [true, false]) func nothingGoesOn(throwing: Bool) {
    let begun = Atomic(0)
    let working = Atomic(0)
    var taken = 0
    func run() throws(Halt) {
      try OrderedWork.run(100_000) { index in
        begun.add(1, ordering: .relaxed)
        working.add(1, ordering: .relaxed)
        defer { working.subtract(1, ordering: .relaxed) }
        if index > 10 { Thread.sleep(forTimeInterval: 0.01) }
        return index
      } take: { output throws(Halt) in
        taken += 1
        if output == 10, throwing { throw Halt() }
        return output < 10
      }
    }
    if throwing {
      #expect(throws: Halt.self) { try run() }
    } else {
      #expect(throws: Never.self) { try run() }
    }
    #expect(taken == 11)
    #expect(working.load(ordering: .relaxed) == 0)
    #expect(begun.load(ordering: .relaxed) <= 11 + 16)
  }
}
