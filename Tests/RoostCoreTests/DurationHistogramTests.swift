import RoostCore
import Testing

/// Durations that are counted.
@Suite struct DurationHistogramTests {
  @Test func percentilesAreRightToAQuarter() {
    var histogram = DurationHistogram()
    #expect(histogram.percentile(0.5) == nil && histogram.count(upTo: .seconds(1)) == 0)
    for number in 1...10_000 { histogram.note(.microseconds(number)) }
    for part in [0.01, 0.5, 0.95, 0.99, 1] {
      let exact = part * 10_000
      let found = (histogram.percentile(part) ?? .zero) / .microseconds(1)
      #expect(found >= exact && found <= exact * 1.26, "\(part): \(found)")
    }
    #expect(histogram.count == 10_000 && histogram.maximum == .microseconds(10_000))
    let count = histogram.count(upTo: .milliseconds(1))
    #expect(count >= 1_000 && count <= 1_250)
    #expect(histogram.total == .microseconds(50_005_000))
    #expect(histogram.percentile(0) == .microseconds(2))
    histogram.note(nanoseconds: 500)
    #expect(histogram.percentile(0) == .microseconds(1))
    histogram.note(.seconds(100_000))
    histogram.note(.seconds(-1))
    #expect(histogram.percentile(1) == .seconds(100_000))
    histogram.note(nanoseconds: .max)
    #expect(histogram.percentile(1) == histogram.maximum)
  }
}
