import RoostCore

extension StoreMetrics {
  /// What Prometheus draws histograms with: upper bounds in seconds.
  private static let bounds: [(text: String, limit: Duration)] = [
    ("0.0001", .microseconds(100)), ("0.0005", .microseconds(500)), ("0.001", .milliseconds(1)),
    ("0.005", .milliseconds(5)), ("0.01", .milliseconds(10)), ("0.05", .milliseconds(50)),
    ("0.1", .milliseconds(100)), ("0.5", .milliseconds(500)), ("1", .seconds(1)),
    ("5", .seconds(5)), ("10", .seconds(10)),
  ]

  /// The figures in Prometheus's text format, version 0.0.4. Source: Prometheus manual, "Exposition
  /// formats".
  public func prometheus() -> String {
    var text = PrometheusText()
    let durations = "roost_call_seconds"
    text.begin(durations, "histogram", "How long the store's calls took.")
    for one in series {
      let labels = Self.labels(one)
      for bound in Self.bounds {
        let count = one.durations.count(upTo: bound.limit)
        text.add(durations + "_bucket", labels + [("le", bound.text)], Double(count))
      }
      let count = Double(one.durations.count)
      text.add(durations + "_bucket", labels + [("le", "+Inf")], count)
      text.add(durations + "_sum", labels, one.durations.total / .seconds(1))
      text.add(durations + "_count", labels, count)
    }
    let failures = "roost_call_failures_total"
    text.begin(failures, "counter", "How many of the store's calls failed.")
    for one in series {
      for (code, count) in one.failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        text.add(failures, Self.labels(one) + [("code", code.rawValue)], Double(count))
      }
    }
    // A name stands once, with all that have it below.
    var names: [String] = []
    let groups = Dictionary(grouping: figures) { figure in
      let name = PrometheusText.name(figure.name)
      if !names.contains(name) { names.append(name) }
      return name
    }
    for name in names {
      guard let group = groups[name], let first = group.first, name != durations, name != failures
      else { continue }
      text.begin(name, first.kind.rawValue, first.help)
      for figure in group {
        text.add(name, figure.labels.sorted { $0.key < $1.key }, figure.value)
      }
    }
    return text.text
  }

  private static func labels(_ series: Series) -> [(key: String, value: String)] {
    [
      ("operation", series.operation.rawValue), ("table", series.table ?? ""),
      ("backend", series.backend),
    ]
  }
}

/// Writes Prometheus's text format.
private struct PrometheusText {
  private(set) var text = ""
  /// The series that stand in it; a second one of the same labels would make the whole unreadable.
  private var written: Set<String> = []

  mutating func begin(_ name: String, _ kind: String, _ help: String) {
    let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind)\n"
  }

  mutating func add(_ name: String, _ labels: [(key: String, value: String)], _ value: Double) {
    var series = name
    if !labels.isEmpty {
      let pairs = labels.map { "\(Self.name($0.key))=\"\(Self.escaped($0.value))\"" }
      series += "{\(pairs.joined(separator: ","))}"
    }
    guard written.insert(series).inserted else { return }
    text += "\(series) \(Self.number(value))\n"
  }

  /// A name of letters, digits and underscores that begins with no digit.
  static func name(_ name: String) -> String {
    let clean = String(
      name.unicodeScalars.map { scalar in
        let isGood = scalar == "_" || scalar.isASCII && scalar.properties.isAlphabetic
        return isGood || ("0"..."9").contains(scalar) ? Character(scalar) : "_"
      })
    return clean.first.map { $0.isNumber } ?? true ? "_" + clean : clean
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }
}
