/// Writes JSON text into a byte buffer, piece by piece. The commas come by themselves; that the
/// pieces are in a sensible order is the caller's part.
package struct JSONWriter {
  /// What has been written so far.
  package private(set) var bytes: [UInt8]
  private let style: JSONStyle
  private var needsComma = false

  /// Begins a text; `capacity` bytes are set aside.
  package init(style: JSONStyle = .compact, reserving capacity: Int = 0) {
    self.style = style
    bytes = []
    if capacity > 0 { bytes.reserveCapacity(capacity) }
  }

  /// Begins anew and keeps the memory.
  package mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    needsComma = false
  }

  /// Forgets what has been written, which is in a file now, and keeps the memory; what follows goes
  /// on where it ends.
  package mutating func removeWritten() {
    bytes.removeAll(keepingCapacity: true)
  }

  /// Takes back all but the first bytes; what follows is another text.
  package mutating func begin(behind count: Int) {
    bytes.removeLast(max(bytes.count - count, 0))
    needsComma = false
  }

  /// Hands out what has been written so far; what follows goes on where it ends.
  package mutating func takeBytes() -> [UInt8] {
    defer { bytes = [] }
    return bytes
  }

  /// Opens an object.
  package mutating func beginObject() { open(UInt8(ascii: "{")) }

  /// Closes an object.
  package mutating func endObject() { close(UInt8(ascii: "}")) }

  /// Opens an array.
  package mutating func beginArray() { open(UInt8(ascii: "[")) }

  /// Closes an array.
  package mutating func endArray() { close(UInt8(ascii: "]")) }

  private mutating func open(_ byte: UInt8) {
    separate()
    bytes.append(byte)
    needsComma = false
  }

  private mutating func close(_ byte: UInt8) {
    bytes.append(byte)
    needsComma = true
  }

  private mutating func separate() {
    if needsComma {
      bytes.append(UInt8(ascii: ","))
      if style == .spaced { bytes.append(UInt8(ascii: " ")) }
    }
    needsComma = true
  }

  /// Writes a key; its value must follow.
  package mutating func key(_ key: String) {
    string(key)
    bytes.append(UInt8(ascii: ":"))
    if style == .spaced { bytes.append(UInt8(ascii: " ")) }
    needsComma = false
  }

  /// Writes a key that is quoted already and has its colon; its value must follow.
  package mutating func key(written key: [UInt8]) {
    separate()
    bytes.append(contentsOf: key)
    needsComma = false
  }

  /// A text as JSON has it, with its quotation marks.
  package static func quoted(_ text: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.string(text)
    return writer.bytes
  }

  /// Writes `null`.
  package mutating func null() {
    separate()
    literal("null")
  }

  /// Writes `true` or `false`.
  package mutating func bool(_ value: Bool) {
    separate()
    literal(value ? "true" : "false")
  }

  private mutating func literal(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  /// Writes an integer.
  package mutating func integer(_ value: Int64) {
    separate()
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
      var magnitude = value.magnitude
      var position = digits.count
      repeat {
        position -= 1
        digits[position] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
        magnitude /= 10
      } while magnitude > 0
      if value < 0 {
        position -= 1
        digits[position] = UInt8(ascii: "-")
      }
      bytes.append(
        contentsOf: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(digits)[position...]))
    }
  }

  /// Writes a number with its scale; NaN and the infinities, which JSON lacks, as `null`.
  package mutating func number(_ value: Numeric) {
    separate()
    if value.isFinite { value.append(to: &bytes) } else { literal("null") }
  }

  /// Writes a string: `"`, `\` and control characters escaped, all else as it is.
  package mutating func string(_ text: String) {
    separate()
    let done: Void? = text.utf8.withContiguousStorageIfAvailable { appendQuoted($0) }
    if done == nil {
      var copy = text
      copy.withUTF8 { appendQuoted($0) }
    }
  }

  /// Writes a string that the body appends, of characters of which none needs an escape.
  package mutating func plain(_ body: (inout [UInt8]) -> Void) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    body(&bytes)
    bytes.append(UInt8(ascii: "\""))
  }

  /// Writes a value with all its parts.
  package mutating func value(_ value: JSON) {
    switch value {
    case .null: null()
    case .bool(let value): bool(value)
    case .number(let value): number(value)
    case .string(let value): string(value)
    case .array(let elements):
      beginArray()
      for element in elements { self.value(element) }
      endArray()
    case .object(let object):
      beginObject()
      for member in object {
        key(member.key)
        self.value(member.value)
      }
      endObject()
    }
  }

  /// Writes bytes that are a JSON value already.
  package mutating func raw(_ value: some Collection<UInt8>) {
    separate()
    bytes.append(contentsOf: value)
  }

  /// Writes bytes as they are, with no comma before or after: a line's end, for example.
  package mutating func unseparated(_ value: some Collection<UInt8>) {
    bytes.append(contentsOf: value)
  }

  private mutating func appendQuoted(_ text: UnsafeBufferPointer<UInt8>) {
    bytes.append(UInt8(ascii: "\""))
    var start = 0
    while start < text.count {
      let end = JSONBytes.endOfPlain(text, from: start)
      if end > start {
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<end]))
      }
      if end < text.count { appendEscape(text[end]) }
      start = end + 1
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private mutating func appendEscape(_ byte: UInt8) {
    var (escape, count) = JSONBytes.escape(of: byte)
    while count > 0 {
      bytes.append(UInt8(truncatingIfNeeded: escape))
      (escape, count) = (escape >> 8, count - 1)
    }
  }
}
