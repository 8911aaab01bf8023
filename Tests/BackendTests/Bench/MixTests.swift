import Foundation
import RoostCore
import Testing

@testable import RoostBench

/// What the mixes are made of.
@Suite struct MixTests {
  @Test func placesFollowZipf() {
    // YCSB's generator is right for the first places and close to the law for the others.
    var zipfian = Zipfian(seed: 1)
    let (count, draws) = (1_000, 200_000)
    var frequency = [Int](repeating: 0, count: count)
    for _ in 0..<draws { frequency[zipfian.next(below: count)] += 1 }
    let zeta = (1...count).reduce(0.0) { $0 + 1 / pow(Double($1), 0.99) }
    for place in 0..<2 {
      let expected = Double(draws) / zeta / pow(Double(place + 1), 0.99)
      #expect(abs(Double(frequency[place]) - expected) < expected / 10)
    }
    let firstTenth = frequency.prefix(count / 10).reduce(0, +)
    let lawOfTenth = (1...(count / 10)).reduce(0.0) { $0 + 1 / pow(Double($1), 0.99) } / zeta
    #expect(abs(Double(firstTenth) / Double(draws) - lawOfTenth) < 0.05)
    #expect(frequency.allSatisfy { $0 > 0 })
  }

  @Test func placesStayInside() {
    var zipfian = Zipfian(seed: 2)
    for count in [1, 1, 2, 2, 3, 10, 10, 11] {
      for _ in 0..<50 {
        #expect((0..<count).contains(zipfian.next(below: count)))
        #expect((0..<count).contains(zipfian.nextScrambled(below: count)))
      }
    }
  }

  @Test(arguments: Mix.allCases) func mixesAreWhatTheySay(mix: Mix) {
    let trace = Trace(mix, records: 1_000, operations: 20_000, workers: 1, seed: 3)
    let steps = trace.steps.joined()
    let names = ["r", "u", "i", "s", "m"]
    let lines = trace.text.split(separator: "\n")
    #expect(lines.count == 20_000)
    let shares = names.map { name in
      Double(lines.count { $0.hasPrefix(name + " ") }) / 20_000
    }
    let expected: [Double] =
      switch mix {
      case .a: [0.5, 0.5, 0, 0, 0]
      case .b: [0.95, 0.05, 0, 0, 0]
      case .c: [1, 0, 0, 0, 0]
      case .d: [0.95, 0, 0.05, 0, 0]
      case .e: [0, 0, 0.05, 0.95, 0]
      case .f: [0.5, 0, 0, 0, 0.5]
      }
    for (share, wanted) in zip(shares, expected) { #expect(abs(share - wanted) < 0.02) }
    for case .scan(let from, let count) in steps {
      #expect((1...100).contains(count) && from >= 0 && from + count <= 1_000)
    }
    #expect(
      Trace(mix, records: 1_000, operations: 20_000, workers: 1, seed: 3).steps == trace.steps)
    #expect(
      Trace(mix, records: 1_000, operations: 20_000, workers: 1, seed: 4).steps != trace.steps)
  }

  @Test(arguments: [1, 3, 64]) func workersReadWhatIsThereForThem(workers: Int) {
    let trace = Trace(.d, records: 10, operations: 5_003, workers: workers, seed: 5)
    #expect(trace.steps.count == workers)
    #expect(trace.steps.joined().count == 5_003)
    var all: Set<Int> = []
    for steps in trace.steps {
      var own: Set<Int> = []
      for step in steps {
        switch step {
        case .insert(let number):
          #expect(number >= 10 && all.insert(number).inserted)
          own.insert(number)
        case .read(let number): #expect((0..<10).contains(number) || own.contains(number))
        default: Issue.record("a step that is not of the mix")
        }
      }
    }
    #expect(trace.total == (all.max() ?? 9) + 1)
  }

  @Test func documentsSayTheirOwnLength() throws {
    var lengths: Set<Int> = []
    for number in [0, 1, 255, 256, 99_999] {
      let row = BenchDocument.loaded(number)
      let text = Array(row.text.utf8)
      lengths.insert(text.count)
      #expect((1_000...4_200).contains(text.count))
      #expect(row.document["size"]?.int64 == Int64(text.count))
      // The peers find the number and the revision at these places.
      #expect(String(decoding: text[22..<32], as: UTF8.self) == "\(1_000_000_000 + number)")
      #expect(String(decoding: text[44..<52], as: UTF8.self) == "10000000")
      #expect(row.sum == Double(1_000_000_000 + number + text.count))
      let other = row.revised(7)
      #expect(other.document == BenchDocument(number, revision: 7).document)
      #expect(other.document != row.document && other.text.utf8.count == text.count)
      #expect(other.sum == row.sum)
    }
    #expect(lengths.count > 2)
  }

  @Test func tasksKeepTheirSum() {
    for number in [0, 7, 300, 12_345] {
      let row = BenchTask.loaded(number)
      #expect(row.revised(5).sum == row.sum)
      #expect(row.revised(5).status == BenchTask(number, revision: 5).status)
    }
    #expect((0..<2_000).count { BenchTask.loaded($0).direction.contains("quartz") } == 5)
  }
}
