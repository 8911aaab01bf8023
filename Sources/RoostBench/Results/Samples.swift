import RoostCore

/// One figure of one contestant, measured once in each round.
public struct Samples: Codable, Sendable, Hashable, ExpressibleByArrayLiteral {
  /// The figures, in the order of the rounds.
  public private(set) var values: [Double]

  /// Figures that were taken elsewhere.
  public init(_ values: [Double] = []) {
    self.values = values
  }

  /// The figures of each round.
  public init(arrayLiteral values: Double...) {
    self.init(values)
  }

  /// Reads a JSON array of numbers.
  public init(from decoder: any Decoder) throws {
    values = try [Double](from: decoder)
  }

  /// Writes a JSON array of numbers.
  public func encode(to encoder: any Encoder) throws {
    try values.encode(to: encoder)
  }

  /// Notes the next round's figure.
  public mutating func add(_ value: Double) {
    values.append(value)
  }

  /// The middle value, or the mean of the two in the middle; not a number when there is none.
  public var median: Double { Self.median(values) }

  /// Each value over another contestant's of the same round; as many as both have.
  public func ratios(to other: Samples) -> Samples {
    Samples(zip(values, other.values).map { $0 / $1 })
  }

  /// Where the median would lie in 95 of 100 runs like this one, by the percentile bootstrap: 2,000
  /// samples drawn with replacement from these. The same values give the same answer. Two rounds
  /// and fewer give the least and the greatest.
  ///
  /// Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
  public var interval: ClosedRange<Double> {
    guard let least = values.min(), let greatest = values.max() else {
      return -Double.infinity...Double.infinity
    }
    guard values.count > 2 else { return least...greatest }
    var generator = SeededGenerator(seed: UInt64(values.count))
    var drawn = [Double](repeating: 0, count: values.count)
    let medians = (0..<2_000).map { _ in
      for index in drawn.indices {
        drawn[index] = values[Int(generator.next() % UInt64(values.count))]
      }
      return Self.median(drawn)
    }.sorted()
    return medians[50]...medians[1_949]
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    guard !sorted.isEmpty else { return .nan }
    let middle = sorted.count / 2
    return sorted.count.isMultiple(of: 2)
      ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
  }
}
