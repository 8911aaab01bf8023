// The escapes of JSON strings, RFC 8259, section 7.

extension JSONScanner {
  /// Appends what the escape at `position` stands for, and gives the offset after it.
  mutating func appendEscape(at position: Int) throws(JSONError) -> Int {
    guard position + 1 < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
    switch bytes[position + 1] {
    case UInt8(ascii: "\""): scratch.append(0x22)
    case UInt8(ascii: "\\"): scratch.append(0x5C)
    case UInt8(ascii: "/"): scratch.append(0x2F)
    case UInt8(ascii: "b"): scratch.append(0x08)
    case UInt8(ascii: "f"): scratch.append(0x0C)
    case UInt8(ascii: "n"): scratch.append(0x0A)
    case UInt8(ascii: "r"): scratch.append(0x0D)
    case UInt8(ascii: "t"): scratch.append(0x09)
    case UInt8(ascii: "u"):
      let (scalar, end) = try unicodeEscape(at: position)
      scratch.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      return end
    default: throw JSONError(.invalidEscape, at: position)
    }
    return position + 2
  }

  private func unicodeEscape(
    at position: Int
  ) throws(JSONError) -> (scalar: Unicode.Scalar, end: Int) {
    let first = try hexadecimal(at: position)
    if let scalar = Unicode.Scalar(first) {
      guard first != 0 else { throw JSONError(.nullCharacter, at: position) }
      return (scalar, position + 6)
    }
    let second = position + 6
    guard first < 0xDC00, second + 1 < bytes.count, bytes[second] == UInt8(ascii: "\\"),
      bytes[second + 1] == UInt8(ascii: "u")
    else { throw JSONError(.loneSurrogate, at: position) }
    let low = try hexadecimal(at: second)
    guard low >= 0xDC00, low <= 0xDFFF,
      let scalar = Unicode.Scalar(0x10000 + (UInt32(first) - 0xD800) << 10 + UInt32(low) - 0xDC00)
    else { throw JSONError(.loneSurrogate, at: position) }
    return (scalar, second + 6)
  }

  /// The number that the four digits after `\u` make.
  private func hexadecimal(at position: Int) throws(JSONError) -> UInt16 {
    guard position + 6 <= bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
    var value: UInt16 = 0
    for byte in bytes[(position + 2)..<(position + 6)] {
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw JSONError(.invalidEscape, at: position)
      }
      value = value << 4 | UInt16(digit)
    }
    return value
  }
}
