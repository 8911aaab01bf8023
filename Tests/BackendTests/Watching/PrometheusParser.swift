/// Reads Prometheus's text format, version 0.0.4, and is content with nothing that a scraper would
/// refuse. Source: Prometheus manual, "Exposition formats".
struct PrometheusParser {
  struct Fault: Error {
    var line: Int
    var text: String
  }

  struct Sample {
    var name: String
    var labels: [String: String]
    var value: Double
  }

  struct Family {
    var name: String
    var help: String
    var type: String
    var samples: [Sample] = []
  }

  private(set) var families: [Family] = []
  private var seen: Set<String> = []
  private var number = 0

  init(_ text: String) throws {
    guard text.hasSuffix("\n") else { throw Fault(line: 0, text: "no line end at the end") }
    var help: (name: String, text: String)?
    for line in text.dropLast().split(separator: "\n", omittingEmptySubsequences: false) {
      number += 1
      if line.hasPrefix("# HELP ") {
        guard help == nil else { throw fault("HELP without TYPE") }
        let parts = line.dropFirst(7).split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { throw fault("HELP without a text") }
        help = (try name(parts[0]), String(parts[1]))
      } else if line.hasPrefix("# TYPE ") {
        let parts = line.dropFirst(7).split(separator: " ")
        guard let text = help, parts.count == 2, text.name == parts[0] else {
          throw fault("TYPE without its HELP")
        }
        guard !families.contains(where: { $0.name == text.name }) else { throw fault("twice") }
        guard ["counter", "gauge", "histogram"].contains(parts[1]) else { throw fault("type") }
        families.append(Family(name: text.name, help: text.text, type: String(parts[1])))
        help = nil
      } else {
        guard help == nil else { throw fault("a sample between HELP and TYPE") }
        try add(try sample(line))
      }
    }
    for family in families where family.type == "histogram" { try checkBuckets(of: family) }
  }

  private func fault(_ text: String) -> Fault { Fault(line: number, text: text) }

  private func name(_ text: Substring) throws -> String {
    guard let first = text.unicodeScalars.first, first == "_" || first == ":" || isLetter(first),
      text.unicodeScalars.allSatisfy({
        $0 == "_" || $0 == ":" || isLetter($0) || ("0"..."9").contains($0)
      })
    else { throw fault("the name \(text)") }
    return String(text)
  }

  private func isLetter(_ scalar: Unicode.Scalar) -> Bool {
    ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
  }

  private mutating func add(_ sample: Sample) throws {
    guard var family = families.popLast() else { throw fault("a sample without a family") }
    let names =
      family.type == "histogram"
      ? ["_bucket", "_sum", "_count"].map { family.name + $0 } : [family.name]
    guard names.contains(sample.name) else { throw fault("\(sample.name) in \(family.name)") }
    let series = "\(sample.name) \(sample.labels.sorted { $0.key < $1.key })"
    guard seen.insert(series).inserted else { throw fault("\(series) twice") }
    if family.type == "counter", !(sample.value >= 0) { throw fault("a counter below zero") }
    family.samples.append(sample)
    families.append(family)
  }

  private func sample(_ line: Substring) throws -> Sample {
    let name = try name(line.prefix { $0 != "{" && $0 != " " })
    var rest = line.dropFirst(name.count)
    var labels: [String: String] = [:]
    if rest.first == "{" {
      repeat {
        rest.removeFirst()
        let label = try self.name(rest.prefix { $0 != "=" })
        guard !label.contains(":") else { throw fault("the label \(label)") }
        rest = rest.dropFirst(label.count)
        guard rest.hasPrefix("=\"") else { throw fault("a label without a value") }
        rest = rest.dropFirst(2)
        guard labels.updateValue(try quoted(&rest), forKey: label) == nil else {
          throw fault("the label \(label) twice")
        }
      } while rest.first == ","
      guard rest.popFirst() == "}" else { throw fault("no end of the labels") }
    }
    guard rest.popFirst() == " ", !rest.contains(" ") else { throw fault("not one value") }
    let value: Double? =
      switch rest {
      case "+Inf": .infinity
      case "-Inf": -.infinity
      case "NaN": .nan
      default: rest.contains(where: \.isLetter) && !rest.contains("e") ? nil : Double(rest)
      }
    guard let value else { throw fault("the value \(rest)") }
    return Sample(name: name, labels: labels, value: value)
  }

  private func quoted(_ rest: inout Substring) throws -> String {
    var text = ""
    while let character = rest.popFirst() {
      switch character {
      case "\"": return text
      case "\\":
        switch rest.popFirst() {
        case "\\": text.append("\\")
        case "\"": text.append("\"")
        case "n": text.append("\n")
        default: throw fault("an escape")
        }
      default: text.append(character)
      }
    }
    throw fault("no end of a label's value")
  }

  /// Buckets grow with their bounds, the last is +Inf and equals the count.
  private func checkBuckets(of family: Family) throws {
    let series = Dictionary(grouping: family.samples) { sample in
      "\(sample.labels.filter { $0.key != "le" }.sorted { $0.key < $1.key })"
    }
    for (labels, samples) in series {
      let buckets = samples.filter { $0.name.hasSuffix("_bucket") }
      let bounds = buckets.compactMap { sample in
        sample.labels["le"].flatMap { $0 == "+Inf" ? .infinity : Double($0) }
      }
      let counts = buckets.map(\.value)
      guard bounds.count == buckets.count, bounds == bounds.sorted(), bounds.last == .infinity,
        counts == counts.sorted(),
        samples.first(where: { $0.name.hasSuffix("_count") })?.value == counts.last,
        samples.contains(where: { $0.name.hasSuffix("_sum") })
      else { throw fault("the buckets of \(family.name) \(labels)") }
    }
  }

  /// The samples of a name.
  func samples(_ name: String) -> [Sample] {
    families.flatMap(\.samples).filter { $0.name == name }
  }
}
