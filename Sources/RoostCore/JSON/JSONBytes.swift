/// What the reader and the writer both need to know about bytes.
enum JSONBytes {
  /// The first place from `start` of a quotation mark, a backslash or a control character; the
  /// count when there is none. Eight bytes are looked at together.
  static func endOfPlain(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var seen: UInt64 = 0
    return endOfPlain(bytes, from: start, &seen)
  }

  /// As that; `seen` gets the bits of all bytes before the place.
  static func endOfPlain(
    _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, _ seen: inout UInt64
  ) -> Int {
    guard let base = bytes.baseAddress else { return bytes.count }
    let raw = UnsafeRawPointer(base)
    var position = start
    while position + 8 <= bytes.count {
      let word = raw.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
      let found = marks(word)
      if found != 0 {
        let bits = found.trailingZeroBitCount - 7
        seen |= word & ((1 << UInt64(truncatingIfNeeded: bits)) &- 1)
        return position + bits / 8
      }
      seen |= word
      position += 8
    }
    while position < bytes.count {
      let byte = bytes[position]
      if byte == 0x22 || byte == 0x5C || byte < 0x20 { return position }
      seen |= UInt64(byte)
      position += 1
    }
    return bytes.count
  }

  /// What a backslash and a letter stand for; nil for `u` and what begins no escape.
  static func meaning(ofEscape letter: UInt8) -> UInt8? {
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: nil
    }
  }

  /// The escape of a byte that is a mark, as a word, and how many bytes of it there are.
  static func escape(of byte: UInt8) -> (word: UInt64, count: Int) {
    let letter: UInt8
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): letter = byte
    case 0x08: letter = UInt8(ascii: "b")
    case 0x09: letter = UInt8(ascii: "t")
    case 0x0A: letter = UInt8(ascii: "n")
    case 0x0C: letter = UInt8(ascii: "f")
    case 0x0D: letter = UInt8(ascii: "r")
    default:
      let nibble = byte & 15
      let digit = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
      // Little-endian: \u00, then 0 or 1, then the digit.
      return (0x3030_3030_755C + UInt64(byte >> 4) << 32 + (UInt64(digit) - 0x30) << 40, 6)
    }
    return (UInt64(UInt8(ascii: "\\")) | UInt64(letter) << 8, 2)
  }

  /// The next bytes from a place on, at most eight, as a little-endian word with zeros behind.
  @inline(__always)
  static func word(_ bytes: UnsafeRawBufferPointer, from start: Int, _ count: Int) -> UInt64 {
    func part<T: FixedWidthInteger>(_ offset: Int, _ type: T.Type) -> UInt64 {
      UInt64(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: offset, as: type).littleEndian)
    }
    if count >= 8 { return part(start, UInt64.self) }
    // Reads that overlap have the same bits where they do.
    if count >= 4 {
      let shift = UInt64(truncatingIfNeeded: (count - 4) * 8)
      return part(start, UInt32.self) | part(start + count - 4, UInt32.self) << shift
    }
    var word: UInt64 = 0
    for index in (0..<count).reversed() { word = word << 8 | UInt64(bytes[start + index]) }
    return word
  }

  /// Eight spaces.
  static let spaces: UInt64 = 0x2020_2020_2020_2020

  /// The high bits of a word's bytes.
  static let highs: UInt64 = 0x8080_8080_8080_8080

  /// The high bit of the first byte in a little-endian word that is a quotation mark, a backslash
  /// or a control character, and some behind it.
  static func marks(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let quotes = word ^ (ones &* 0x22)
    let backslashes = word ^ (ones &* 0x5C)
    // (x - 1) & ~x has a byte's high bit where the byte is zero; less than 0x20 likewise. A borrow
    // can only mark a byte behind a true one.
    let marks =
      ((quotes &- ones) & ~quotes) | ((backslashes &- ones) & ~backslashes)
      | ((word &- ones &* 0x20) & ~word)
    return marks & highs
  }

  /// Whether bytes are well-formed UTF-8.
  ///
  /// Source: Unicode 15, table 3-7 "Well-Formed UTF-8 Byte Sequences". `String(validating:)` checks
  /// the same, several times slower for short texts.
  static func isUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    let raw = UnsafeRawPointer(base)
    let count = bytes.count
    var position = 0
    while position < count {
      while position + 8 <= count,
        raw.loadUnaligned(fromByteOffset: position, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
      {
        position += 8
      }
      guard position < count else { return true }
      let lead = bytes[position]
      position += 1
      if lead < 0x80 { continue }
      // The first continuation byte has a narrower range after some leads: no overlong form, no
      // surrogate, nothing above U+10FFFF.
      var range: ClosedRange<UInt8> = 0x80...0xBF
      let continuations: Int
      switch lead {
      case 0xC2...0xDF: continuations = 1
      case 0xE0: (continuations, range) = (2, 0xA0...0xBF)
      case 0xE1...0xEC, 0xEE...0xEF: continuations = 2
      case 0xED: (continuations, range) = (2, 0x80...0x9F)
      case 0xF0: (continuations, range) = (3, 0x90...0xBF)
      case 0xF1...0xF3: continuations = 3
      case 0xF4: (continuations, range) = (3, 0x80...0x8F)
      default: return false
      }
      guard position + continuations <= count, range.contains(bytes[position]) else { return false }
      for next in (position + 1)..<max(position + continuations, position + 1)
      where bytes[next] & 0xC0 != 0x80 {
        return false
      }
      position += continuations
    }
    return true
  }
}
