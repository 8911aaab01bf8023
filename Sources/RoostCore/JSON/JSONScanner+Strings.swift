// What strings with and without escapes mean.

extension JSONScanner {
  /// Reads the string in hand, and hands over what its bytes mean.
  mutating func stringBytes<R>(
    _ body: (UnsafeBufferPointer<UInt8>) -> R
  ) throws(JSONError) -> R {
    let start = offset + 1
    var seen: UInt64 = 0
    let plain = JSONBytes.endOfPlain(bytes, from: start, &seen)
    guard plain < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
    if bytes[plain] == UInt8(ascii: "\"") {
      let content = UnsafeBufferPointer(rebasing: bytes[start..<plain])
      try checkUTF8(content, seen, at: start)
      offset = plain + 1
      return body(content)
    }
    return try withUnsafeTemporaryAllocation(
      of: UInt8.self, capacity: lengthOfString(from: plain) + plain - start + 1
    ) { room in
      Result { () throws(JSONError) in
        guard let base = room.baseAddress else { throw JSONError(.unexpectedEnd, at: offset) }
        let count = room.update(fromContentsOf: bytes[start..<plain])
        let end = try unescape(from: plain, to: base + count, &seen)
        let content = UnsafeBufferPointer(start: base, count: end - base)
        try checkUTF8(content, seen, at: start)
        return body(content)
      }
    }.get()
  }

  func checkUTF8(
    _ content: UnsafeBufferPointer<UInt8>, _ seen: UInt64, at start: Int
  ) throws(JSONError) {
    guard seen & JSONBytes.highs == 0 || JSONBytes.isUTF8(content) else {
      throw JSONError(.invalidUTF8, at: start)
    }
  }

  /// How many bytes from `start` a string has up to its end or a fault.
  private func lengthOfString(from start: Int) -> Int {
    var position = start
    while position < bytes.count, bytes[position] == UInt8(ascii: "\\") {
      position = JSONBytes.endOfPlain(bytes, from: min(position + 2, bytes.count))
    }
    return position - start
  }

  /// Reads the rest of a string that has an escape, or a fault, at `source`. What it means, which
  /// is shorter, is written at `target`, which may be where it stands; gives the end of that.
  /// `seen` gets the bits of all bytes.
  mutating func unescape(
    from source: Int, to target: UnsafeMutablePointer<UInt8>, _ seen: inout UInt64
  ) throws(JSONError) -> UnsafeMutablePointer<UInt8> {
    var (source, target) = (source, target)
    while source < bytes.count {
      let byte = bytes[source]
      if byte == UInt8(ascii: "\"") {
        offset = source + 1
        return target
      }
      guard byte >= 0x20 else { throw JSONError(.controlCharacter, at: source) }
      if byte != UInt8(ascii: "\\") {
        seen |= UInt64(byte)
        target.pointee = byte
        (source, target) = (source + 1, target + 1)
      } else if source + 1 < bytes.count,
        let meaning = JSONBytes.meaning(ofEscape: bytes[source + 1])
      {
        target.pointee = meaning
        (source, target) = (source + 2, target + 1)
      } else {
        let (scalar, end) = try longEscape(at: source)
        for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
          target.pointee = unit
          target += 1
        }
        source = end
      }
    }
    throw JSONError(.unexpectedEnd, at: bytes.count)
  }

  /// The character of the escape at `position`, which is `\u` or none, and the offset behind it.
  private func longEscape(at position: Int) throws(JSONError) -> (scalar: Unicode.Scalar, end: Int)
  {
    guard position + 1 < bytes.count else { throw JSONError(.unexpectedEnd, at: bytes.count) }
    guard bytes[position + 1] == UInt8(ascii: "u") else {
      throw JSONError(.invalidEscape, at: position)
    }
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
