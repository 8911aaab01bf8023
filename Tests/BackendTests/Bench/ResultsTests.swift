import Foundation
import RoostBench
import Testing

@Suite("Results of measurements")
struct ResultsTests {
  @Test("the median is the middle, and its interval lies around it")
  func median() {
    let samples: Samples = [5, 1, 3, 2, 4, 100, 3, 3, 2]
    #expect(samples.median == 3)
    #expect(Samples([1, 4]).median == 2.5)
    #expect(Samples().median.isNaN)
    let interval = samples.interval
    #expect(interval.contains(3))
    #expect(interval.lowerBound >= 2 && interval.upperBound <= 5)
    #expect(samples.interval == interval, "the same values give the same interval")
    #expect(Samples([7, 9]).interval == 7...9)
  }

  @Test("ratios are of the same round")
  func ratios() {
    #expect(Samples([2, 9, 4]).ratios(to: [1, 3]).values == [2, 3])
  }

  @Test("a line of words is read and written")
  func line() throws {
    let line = "seconds=2 cpu=0.5 count=1000 sum=12.5 peak=2048 p50=1 p95=2 p99=3.5 other=7"
    let measurement = try #require(Measurement(line))
    #expect(
      measurement
        == Measurement(
          seconds: 2, processorSeconds: 0.5, count: 1_000, sum: 12.5, peakKibibytes: 2_048,
          latencies: .init(p50: 1, p95: 2, p99: 3.5)))
    #expect(Measurement(measurement.description) == measurement)
    #expect(Measurement("seconds=1 cpu=0 count=5")?.sum == nil)
  }

  @Test(
    "a line that lacks something is no measurement",
    arguments: ["", "cpu=1 count=1", "seconds=x cpu=1 count=1", "1 2 3", "seconds=0 cpu=0 count=1"])
  func badLine(line: String) {
    #expect(Measurement(line) == nil)
  }

  @Test("percentiles are exact, by the nearest rank")
  func percentiles() {
    var latencies = Latencies()
    #expect(latencies.percentiles == nil)
    for number in (1...200).reversed() { latencies.note(.microseconds(number)) }
    #expect(latencies.percentiles == .init(p50: 100, p95: 190, p99: 198))
  }

  @Test("what got slower beyond noise is named, what only wavered is not")
  func regressions() {
    let old = Self.results([[100, 101, 102, 101, 100], [50, 51, 52, 51, 50]])
    #expect(old.regressions(since: old).isEmpty)
    let new = Self.results([[99, 103, 90, 101, 99], [40, 41, 42, 41, 40]])
    #expect(
      new.regressions(since: old) == ["drivers/one, other: 41.0 queries a second, 51.0 before"])
    #expect(old.regressions(since: new).isEmpty, "faster is no regression")
    #expect(Self.results([[5, 5], [5, 5]]).regressions(since: old).isEmpty, "too few rounds")
  }

  @Test("a document keeps its content as JSON, and sections are replaced by name")
  func document() throws {
    var results = Self.results([[100, 101], [50, 51]])
    let data = try JSONEncoder().encode(results)
    #expect(try JSONDecoder().decode(Results.self, from: data) == results)
    results.set(.init("drivers", title: "Anew"))
    results.set(.init("backends", title: "More"))
    #expect(results.sections.map(\.title) == ["Anew", "More"])
  }

  @Test("the page has ratios to the first one, and numbers in groups")
  func page() {
    var results = Self.results([[1_000_000, 1_200_000, 1_234_567], [500_000, 600_000, 617_283]])
    var curve = Curve("growth", title: "Growth", horizontal: "rows", vertical: "us")
    curve.add(x: 1_000, y: 2.5, to: "memory")
    curve.add(x: 10_000, y: 0, to: "memory")
    curve.add(x: 10_000, y: 30, to: "file")
    results.set(.init("curves", title: "Curves", notes: ["A note."], curves: [curve]))
    let page = results.markdown(plots: "plots")
    #expect(page.contains("| one of them |      Roost |        1.00 |"))
    #expect(page.contains("|             |      other |        0.50 |"))
    #expect(page.contains("1,200,000"))
    #expect(page.contains("![Growth](plots/growth.svg)"))
    #expect(page.contains("![one of them](plots/drivers-one.svg)"))
    #expect(page.contains("| 1,000  |   2.50 |      |"))
    #expect(page.contains("- A note."))
  }

  @Test("a plot is well-formed XML, whatever it is called")
  func plots() throws {
    var curve = Curve("a", title: "a < b & \"c\"", horizontal: "rows", vertical: "us")
    #expect(Self.isWellFormed(Plot(curve).svg), "without points")
    for place in 0..<9 {
      for x in [1.0, 1_000, 1_000_000] { curve.add(x: x, y: x / 7, to: "<\(place)>") }
    }
    let svg = Plot(curve).svg
    #expect(Self.isWellFormed(svg))
    #expect(svg.contains(">10k<"))
    for comparison in Self.results([[], []]).sections[0].comparisons {
      #expect(Self.isWellFormed(Plot(comparison).svg), "without figures")
    }
    #expect(!Self.isWellFormed("<svg>"))
  }

  private static func results(_ rates: [Samples]) -> Results {
    var comparison = Comparison(
      "drivers/one", title: "one of them", unit: "queries", of: ["Roost", "other"])
    for (place, samples) in rates.enumerated() {
      for rate in samples.values {
        comparison.add(
          Measurement(seconds: 1, processorSeconds: 0.5, count: rate, sum: 1), of: place)
      }
    }
    var results = Results(machine: "a machine", date: "2026-01-01", versions: ["other": "1.0"])
    results.set(.init("drivers", title: "Drivers", comparisons: [comparison]))
    return results
  }

  /// Whether each tag is closed in its turn, and nothing else looks like one. The system's XML
  /// parser mends what is not well-formed, and does not tell.
  private static func isWellFormed(_ text: String) -> Bool {
    var open: [Substring] = []
    for tag in text.matches(of: #/<(/?)([a-z]+)([^<>]*?)(/?)>/#) {
      switch (tag.1.isEmpty, tag.4.isEmpty) {
      case (true, true): open.append(tag.2)
      case (true, false): break
      case (false, _): if open.popLast() != tag.2 { return false }
      }
    }
    let rest = text.replacing(#/<(/?)([a-z]+)([^<>]*?)(/?)>|&(amp|lt|quot);/#, with: "")
    return open.isEmpty && !rest.contains { $0 == "<" || $0 == "&" }
  }
}
