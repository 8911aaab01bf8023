// Text in Roost compares by its UTF-8 bytes, as Postgres does under COLLATE "C". Swift's own String
// comparison is by canonical equivalence: it calls a composed and a decomposed "é" equal, and
// Postgres does not.

/// Comparison, equality and hashing of text by UTF-8 bytes, and folding of ASCII letters.
public enum TextOrder {
  /// Compares two texts by their UTF-8 bytes.
  ///
  /// - Returns: below zero when `left` comes first, 0 when the bytes are equal, else above zero.
  public static func compare(_ left: String, _ right: String) -> Int {
    let fast = left.utf8.withContiguousStorageIfAvailable { leftBytes in
      right.utf8.withContiguousStorageIfAvailable { rightBytes in
        compare(leftBytes, rightBytes)
      }
    }
    if let fast, let fast { return fast }
    // A bridged string without contiguous bytes: copy it once.
    var leftCopy = left
    var rightCopy = right
    return leftCopy.withUTF8 { leftBytes in
      rightCopy.withUTF8 { rightBytes in compare(leftBytes, rightBytes) }
    }
  }

  /// Compares two byte sequences, a prefix before what it begins.
  package static func compare(
    _ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>
  ) -> Int {
    let common = min(left.count, right.count)
    if common > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
      let order = memcmp(leftBase, rightBase, common)
      if order != 0 { return Int(order) }
    }
    return left.count - right.count
  }

  /// Whether `left` comes before `right` by UTF-8 bytes.
  public static func isLess(_ left: String, _ right: String) -> Bool {
    compare(left, right) < 0
  }

  /// The first text that comes behind all that begin with this one; nil when there is none.
  package static func first(behind prefix: String) -> String? {
    // The order of UTF-8 bytes is the order of scalars, among which there are no surrogates.
    var scalars = prefix.unicodeScalars
    while let last = scalars.popLast() {
      let next = last.value == 0xD7FF ? 0xE000 : last.value + 1
      if let scalar = Unicode.Scalar(next) {
        scalars.append(scalar)
        return String(scalars)
      }
    }
    return nil
  }

  /// Whether two texts have the same UTF-8 bytes.
  public static func areEqual(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && compare(left, right) == 0
  }

  /// Hashes the UTF-8 bytes, which goes with `areEqual`.
  public static func hash(_ text: String, into hasher: inout Hasher) {
    let fast: Void? = text.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if fast == nil {
      var copy = text
      copy.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
    // A terminator, so that consecutive texts cannot run together.
    hasher.combine(0xFF as UInt8)
  }

  /// The text with A-Z in lower case and everything else as it was.
  public static func lowercased(_ text: String) -> String {
    mapped(text, from: UInt8(ascii: "A"), through: UInt8(ascii: "Z"), by: +32)
  }

  /// The text with a-z in upper case and everything else as it was.
  public static func uppercased(_ text: String) -> String {
    mapped(text, from: UInt8(ascii: "a"), through: UInt8(ascii: "z"), by: -32)
  }

  private static func mapped(
    _ text: String, from first: UInt8, through last: UInt8, by offset: Int8
  ) -> String {
    guard text.utf8.contains(where: { $0 >= first && $0 <= last }) else { return text }
    var copy = text
    return copy.withUTF8 { bytes in
      // Only ASCII bytes change, so that the result is valid UTF-8 of the same length.
      String(unsafeUninitializedCapacity: bytes.count) { target in
        for (index, byte) in bytes.enumerated() {
          target[index] =
            byte >= first && byte <= last ? byte &+ UInt8(bitPattern: offset) : byte
        }
        return bytes.count
      }
    }
  }

  /// The number of Unicode scalars, which is what Postgres's `length` counts.
  public static func scalarCount(_ text: String) -> Int {
    // Every byte that is not a continuation byte begins a scalar.
    func count(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
      var continuations = 0
      for byte in bytes where byte & 0xC0 == 0x80 { continuations += 1 }
      return bytes.count - continuations
    }
    if let fast = text.utf8.withContiguousStorageIfAvailable(count) { return fast }
    var copy = text
    return copy.withUTF8(count)
  }

  /// Whether the text holds U+0000, which Postgres's text types refuse.
  public static func containsNull(_ text: String) -> Bool {
    if let fast = text.utf8.withContiguousStorageIfAvailable({ bytes in
      bytes.baseAddress.map { memchr($0, 0, bytes.count) != nil } ?? false
    }) {
      return fast
    }
    return text.utf8.contains(0)
  }
}

/// Whether bytes equal an ASCII word, whose letters must be given in lower case.
package func equalsASCIIFolded(_ bytes: UnsafeBufferPointer<UInt8>, _ word: StaticString) -> Bool {
  guard bytes.count == word.utf8CodeUnitCount else { return false }
  return word.withUTF8Buffer { wordBytes in
    zip(bytes, wordBytes).allSatisfy { byte, letter in
      byte == letter || (byte >= 0x41 && byte <= 0x5A && byte | 0x20 == letter)
    }
  }
}
