/// Where a coder is in a tree. The keys are put together only when somebody asks, which mostly an
/// error does: an array for each value would be most of what coding costs.
struct JSONCodingPath: Sendable {
  private final class Step: Sendable {
    let key: any CodingKey
    let before: Step?

    init(_ key: any CodingKey, before: Step?) {
      self.key = key
      self.before = before
    }
  }

  private let last: Step?
  /// How many keys there are.
  let count: Int

  private init(_ last: Step?, _ count: Int) {
    self.last = last
    self.count = count
  }

  /// The path of the whole value.
  static let root = JSONCodingPath(nil, 0)

  /// The path of a part.
  func appending(_ key: any CodingKey) -> JSONCodingPath {
    JSONCodingPath(Step(key, before: last), count + 1)
  }

  /// The keys from the outermost.
  var keys: [any CodingKey] {
    var keys: [any CodingKey] = []
    var step = last
    while let one = step {
      keys.append(one.key)
      step = one.before
    }
    return keys.reversed()
  }
}

/// A coding key that is any text or an index.
struct JSONKey: CodingKey {
  private let text: String?
  let intValue: Int?

  var stringValue: String { text ?? intValue.map { "\($0)" } ?? "" }

  init(_ text: String) {
    self.text = text
    intValue = nil
  }

  init(index: Int) {
    text = nil
    intValue = index
  }

  init?(stringValue: String) { self.init(stringValue) }

  init?(intValue: Int) { self.init(index: intValue) }
}
