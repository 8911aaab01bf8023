/// Takes the text format of an array of one dimension apart: `{a,"b,c",NULL}`.
///
/// Arrays of types that the driver has no binary codec for, such as enums, come so.
struct TextArray {
  /// The elements' texts; nil is NULL.
  private(set) var elements: [[UInt8]?] = []

  /// Nil when the text is no array, or has more than one dimension.
  init?(_ text: UnsafeRawBufferPointer) {
    var rest = text[...]
    guard rest.popFirst() == UInt8(ascii: "{"), rest.popLast() == UInt8(ascii: "}") else {
      return nil
    }
    if rest.isEmpty { return }
    while true {
      switch Self.element(&rest) {
      case .value(let bytes): elements.append(bytes)
      case .null: elements.append(nil)
      case nil: return nil
      }
      guard let separator = rest.popFirst() else { return }
      guard separator == UInt8(ascii: ",") else { return nil }
    }
  }

  private enum Element {
    case value([UInt8])
    case null
  }

  private static func element(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Element? {
    var bytes: [UInt8] = []
    if rest.first == UInt8(ascii: "\"") {
      rest = rest.dropFirst()
      while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "\""): return .value(bytes)
        case UInt8(ascii: "\\"):
          guard let escaped = rest.popFirst() else { return nil }
          bytes.append(escaped)
        default: bytes.append(byte)
        }
      }
      return nil
    }
    while let byte = rest.first, byte != UInt8(ascii: ",") {
      guard byte != UInt8(ascii: "{"), byte != UInt8(ascii: "}"), byte != UInt8(ascii: "\"") else {
        return nil
      }
      rest = rest.dropFirst()
      if byte == UInt8(ascii: "\\") {
        guard let escaped = rest.popFirst() else { return nil }
        bytes.append(escaped)
      } else {
        bytes.append(byte)
      }
    }
    if bytes.isEmpty { return nil }
    return bytes == Array("NULL".utf8) ? .null : .value(bytes)
  }
}
