/// Reads JSON text value by value, without building a tree; strict by RFC 8259.
///
///     try scanner.beginObject()
///     while let key = try scanner.nextKey() { ... try scanner.int64() ... or skipValue() }
///     try scanner.end()
///
/// The bytes must stay alive and unchanged while the scanner is in use.
package struct JSONScanner {
  /// What a value begins as.
  package enum Kind: Sendable {
    /// The six kinds of JSON values.
    case object, array, string, number, bool, null
  }

  let bytes: UnsafeBufferPointer<UInt8>
  /// The offset of the next byte to be read.
  package internal(set) var offset = 0
  private var depth = 0
  /// Whether a container has just been opened, so that no comma comes before its first value.
  private var isFirst = false

  /// How many parts the last array and the last object had: the next of its kind mostly has as
  /// many, and then takes its memory at once.
  private var (lastElements, lastMembers) = (0, 0)
  /// The most parts that memory is taken for before they are there.
  private static let reserveLimit = 32

  /// How deep values may be nested here.
  private let depthLimit: Int

  /// Begins at the first of the bytes. `outerDepth` is how many containers the caller's own form
  /// puts around a document, which do not count towards its depth.
  package init(_ bytes: UnsafeBufferPointer<UInt8>, outerDepth: Int = 0) {
    self.bytes = bytes
    depthLimit = JSON.maximumDepth + outerDepth
  }

  // MARK: Structure

  /// The kind of the next value, which is not read.
  package mutating func peek() throws(JSONError) -> Kind {
    skipSpace()
    switch try currentByte() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    default: throw JSONError(.unexpectedByte, at: offset)
    }
  }

  /// Enters an object; then call `nextKey` until it gives nil.
  package mutating func beginObject() throws(JSONError) {
    try begin(UInt8(ascii: "{"))
  }

  /// Enters an array; then call `nextElement` until it gives false.
  package mutating func beginArray() throws(JSONError) {
    try begin(UInt8(ascii: "["))
  }

  private mutating func begin(_ byte: UInt8) throws(JSONError) {
    skipSpace()
    guard try currentByte() == byte else { throw JSONError(.unexpectedKind, at: offset) }
    guard depth < depthLimit else { throw JSONError(.tooDeep, at: offset) }
    offset += 1
    depth += 1
    isFirst = true
  }

  /// The next key of the object that was entered, or nil when the object ends here.
  package mutating func nextKey() throws(JSONError) -> String? {
    guard try hasNext(before: UInt8(ascii: "}")) else { return nil }
    let key = try string()
    try readColon()
    return key
  }

  mutating func readColon() throws(JSONError) {
    skipSpace()
    guard try currentByte() == UInt8(ascii: ":") else {
      throw JSONError(.unexpectedByte, at: offset)
    }
    offset += 1
  }

  /// Whether the array that was entered has another element, which is to be read next.
  package mutating func nextElement() throws(JSONError) -> Bool {
    try hasNext(before: UInt8(ascii: "]"))
  }

  mutating func hasNext(before close: UInt8) throws(JSONError) -> Bool {
    skipSpace()
    let byte = try currentByte()
    if byte == close {
      offset += 1
      depth -= 1
      isFirst = false
      return false
    }
    if !isFirst {
      guard byte == UInt8(ascii: ",") else { throw JSONError(.unexpectedByte, at: offset) }
      offset += 1
      skipSpace()
    }
    isFirst = false
    return true
  }

  /// Checks that nothing but space follows.
  package mutating func end() throws(JSONError) {
    skipSpace()
    guard offset == bytes.count else { throw JSONError(.trailingBytes, at: offset) }
  }

  // MARK: Scalars

  /// Reads a string.
  package mutating func string() throws(JSONError) -> String {
    skipSpace()
    guard try currentByte() == UInt8(ascii: "\"") else {
      throw JSONError(.unexpectedKind, at: offset)
    }
    return try stringBytes { String(decoding: $0, as: UTF8.self) }
  }

  /// Reads the digits of a number as they stand, checked against JSON's grammar.
  package mutating func numberText() throws(JSONError) -> UnsafeBufferPointer<UInt8> {
    skipSpace()
    let start = offset
    var position = start
    func digits() -> Bool {
      let first = position
      while position < bytes.count, bytes[position] &- UInt8(ascii: "0") <= 9 { position += 1 }
      return position > first
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
    let integer = position
    guard digits() else {
      let isNumber = position > start || position == bytes.count
      throw JSONError(
        position == bytes.count ? .unexpectedEnd : isNumber ? .invalidNumber : .unexpectedKind,
        at: position)
    }
    guard bytes[integer] != UInt8(ascii: "0") || position == integer + 1 else {
      throw JSONError(.invalidNumber, at: integer)
    }
    if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
      position += 1
      guard digits() else { throw JSONError(.invalidNumber, at: position) }
    }
    if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
      position += 1
      if position < bytes.count,
        bytes[position] == UInt8(ascii: "-") || bytes[position] == UInt8(ascii: "+")
      {
        position += 1
      }
      guard digits() else { throw JSONError(.invalidNumber, at: position) }
    }
    offset = position
    return UnsafeBufferPointer(rebasing: bytes[start..<position])
  }

  /// Reads a number with all its digits.
  package mutating func numeric() throws(JSONError) -> Numeric {
    let text = try numberText()
    guard let value = Numeric(utf8: text) else {
      throw JSONError(.numberOutOfRange, at: offset - text.count)
    }
    return value
  }

  /// Passes over a number that `numeric` would read.
  mutating func skipNumber() throws(JSONError) {
    let text = try numberText()
    // No other one is beyond the limits of numeric.
    guard text.count > Numeric.maximumScale || text.contains(where: { $0 | 0x20 == 0x65 }) else {
      return
    }
    if Numeric(utf8: text) == nil { throw JSONError(.numberOutOfRange, at: offset - text.count) }
  }

  /// Reads an integer; a fraction that is zero is allowed, as in `1e2` and `5.0`.
  package mutating func int64() throws(JSONError) -> Int64 {
    let start = offset
    guard let value = try numeric().int64 else { throw JSONError(.numberOutOfRange, at: start) }
    return value
  }

  /// Reads `true` or `false`.
  package mutating func bool() throws(JSONError) -> Bool {
    skipSpace()
    if try currentByte() == UInt8(ascii: "t") {
      try word("true")
      return true
    }
    guard bytes[offset] == UInt8(ascii: "f") else { throw JSONError(.unexpectedKind, at: offset) }
    try word("false")
    return false
  }

  /// Reads `null` when it comes next, and tells whether it did.
  package mutating func skipNull() throws(JSONError) -> Bool {
    skipSpace()
    guard try currentByte() == UInt8(ascii: "n") else { return false }
    try word("null")
    return true
  }

  /// Reads the next value with all its parts.
  package mutating func value() throws(JSONError) -> JSON {
    switch try peek() {
    case .string: return .string(try string())
    case .number: return .number(try numeric())
    case .bool: return .bool(try bool())
    case .null:
      try word("null")
      return .null
    case .array:
      try beginArray()
      var elements: [JSON] = []
      while try nextElement() {
        let element = try value()
        if elements.isEmpty { elements.reserveCapacity(min(lastElements, Self.reserveLimit)) }
        elements.append(element)
      }
      lastElements = elements.count
      return .array(elements)
    case .object:
      try beginObject()
      var members: [JSON.Object.Member] = []
      while let key = try nextKey() {
        let member = JSON.Object.Member(key: key, value: try value())
        if members.isEmpty { members.reserveCapacity(min(lastMembers, Self.reserveLimit)) }
        members.append(member)
      }
      lastMembers = members.count
      return .object(JSON.Object(members: members))
    }
  }

  /// Passes over the next value, checking it all the same, and gives its text.
  @discardableResult
  package mutating func skipValue() throws(JSONError) -> UnsafeBufferPointer<UInt8> {
    let kind = try peek()
    let start = offset
    switch kind {
    case .string: try stringBytes { _ in }
    case .number: _ = try numberText()
    case .bool: _ = try bool()
    case .null: try word("null")
    case .array:
      try beginArray()
      while try nextElement() { try skipValue() }
    case .object:
      try beginObject()
      while try hasNext(before: UInt8(ascii: "}")) {
        guard try peek() == .string else { throw JSONError(.unexpectedKind, at: offset) }
        try stringBytes { _ in }
        try readColon()
        try skipValue()
      }
    }
    return UnsafeBufferPointer(rebasing: bytes[start..<offset])
  }

  // MARK: Bytes

  mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x0A, 0x0D, 0x09: offset += 1
      default: return
      }
    }
  }

  func currentByte() throws(JSONError) -> UInt8 {
    guard offset < bytes.count else { throw JSONError(.unexpectedEnd, at: offset) }
    return bytes[offset]
  }

  private mutating func word(_ word: StaticString) throws(JSONError) {
    let length = word.utf8CodeUnitCount
    let rest = bytes[offset..<min(offset + length, bytes.count)]
    let isMatch = word.withUTF8Buffer { $0.elementsEqual(rest) }
    guard isMatch else {
      throw JSONError(rest.count < length ? .unexpectedEnd : .unexpectedByte, at: offset)
    }
    offset += length
  }
}
