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
