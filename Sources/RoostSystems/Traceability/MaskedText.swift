import Roost

/// A stored text that nobody should see: it reaches the store, but no description, mirror or JSON.
struct MaskedText: ColumnValue, Codable, Equatable, CustomStringConvertible, CustomReflectable {
  let text: String

  init(_ text: String) {
    self.text = text
  }

  var value: Value { .text(text) }

  init?(value: Value) {
    guard let text = String(value: value) else { return nil }
    self.text = text
  }

  var description: String { "***" }
  var customMirror: Mirror { Mirror(self, children: []) }

  // A record's row is written from `value`; these two are for an application that sends a record
  // as JSON.

  init(from decoder: any Decoder) throws {
    text = try decoder.singleValueContainer().decode(String.self)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
