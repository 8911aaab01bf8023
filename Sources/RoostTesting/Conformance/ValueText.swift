package import Roost

/// Values as text that shows what `==` lets pass: a numeric's scale, canonical equivalents, the
/// sign of zero.
package enum ValueText {
  package static func exact(_ value: Value) -> String {
    switch value {
    case .null: "NULL"
    case .bool(let value): "\(value)"
    case .int(let value): "\(value)"
    case .double(let value): "\(value)d"
    case .numeric(let value): "\(value)n"
    case .text(let value): quoted(value)
    case .bytes(let value): "bytes\(value)"
    case .uuid(let value): "\(value)"
    case .date(let value): "\(value)"
    case .timestamp(let value): "\(value)"
    case .json(let value): "json\(quoted("\(value)"))"
    case .label(let value): "label\(quoted(value.text))"
    case .array(let values): "array" + exact(values)
    }
  }

  package static func exact(_ row: [Value]) -> String {
    "[" + row.map { exact($0) }.joined(separator: ", ") + "]"
  }

  private static func quoted(_ text: String) -> String {
    "'" + text.unicodeScalars.map { $0.escaped(asASCII: true) }.joined() + "'"
  }
}
