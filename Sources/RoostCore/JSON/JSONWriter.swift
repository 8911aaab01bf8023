/// Writes JSON text, piece by piece, into memory of its own. The commas come by themselves; that
/// the pieces are in a sensible order is the caller's part.
///
/// An array asks at every append whether it is shared and large enough. Here nobody can share, and
/// room is made once for each key and each value.
package struct JSONWriter: ~Copyable, @unchecked Sendable {
  // Why the memory is safe: it is this value's alone, which cannot be copied and frees it at its
  // end; for the same reason another thread may have it. It has `capacity` bytes, of which the
  // first `count` are set. Nothing is written but behind `reserve`, which each method calls with
  // the most bytes that it writes from `count` on.
  private var base: UnsafeMutablePointer<UInt8>
  /// How many bytes there is memory for.
  package private(set) var capacity: Int
  /// How many bytes have been written.
  package private(set) var count = 0
  private let isSpaced: Bool
  private var needsComma = false

  /// Begins a text.
  package init(style: JSONStyle = .compact) {
    isSpaced = style == .spaced
    capacity = 256
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  /// A copy of what has been written.
  package var bytes: [UInt8] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// What has been written, as a string.
  package var text: String {
    String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self)
  }

  /// Hands over what has been written from an offset on, for as long as the body runs.
  package func withBytes<R, Failure: Error>(
    from start: Int = 0, _ body: (UnsafeRawBufferPointer) throws(Failure) -> R
  ) throws(Failure) -> R {
    try body(UnsafeRawBufferPointer(start: base + start, count: count - start))
  }

  /// A text as JSON has it, with its quotation marks.
  package static func quoted(_ text: String) -> [UInt8] {
    var writer = JSONWriter()
    writer.string(text)
    return writer.bytes
  }

  /// Begins anew and keeps the memory.
  package mutating func removeAll() { begin(behind: 0) }

  /// Takes back all but the first bytes; what follows is another text.
  package mutating func begin(behind start: Int) {
    count = min(start, count)
    needsComma = false
  }

  /// Forgets what has been written, which is in a file now, and keeps the memory; what follows goes
  /// on where it ends.
  package mutating func removeWritten() { count = 0 }

  /// What follows has no comma before it.
  mutating func forgetComma() { needsComma = false }

  /// Where what is written next begins, behind its comma.
  var nextOffset: Int { count + (needsComma ? isSpaced ? 2 : 1 : 0) }

  // MARK: Bytes

  @inline(__always)
  private mutating func reserve(_ more: Int) {
    if capacity - count < more { grow(more) }
  }

  @inline(never)
  private mutating func grow(_ more: Int) {
    capacity = max(capacity * 2, count + more)
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
    larger.update(from: base, count: count)
    base.deallocate()
    base = larger
  }

  /// Appends a byte for which there is room.
  @inline(__always)
  private mutating func append(_ byte: UInt8) {
    base[count] = byte
    count += 1
  }

  /// Appends the first bytes of a word; there is room for all eight.
  @inline(__always)
  private mutating func append(_ word: UInt64, _ length: Int) {
    UnsafeMutableRawPointer(base + count).storeBytes(of: word.littleEndian, as: UInt64.self)
    count += length
  }

  /// Appends bytes for which there is room.
  @inline(__always)
  private mutating func append(_ start: UnsafePointer<UInt8>, _ length: Int) {
    (base + count).update(from: start, count: length)
    count += length
  }

  @inline(__always)
  private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    if let start = bytes.baseAddress { append(start, bytes.count) }
  }

  /// Writes the comma before a value, and makes room for the value.
  @inline(__always)
  private mutating func beginValue(_ most: Int) {
    reserve(2 + most)
    if needsComma {
      append(UInt8(ascii: ","))
      if isSpaced { append(UInt8(ascii: " ")) }
    }
    needsComma = true
  }

  // MARK: Containers

  /// Opens an object.
  package mutating func beginObject() { open(UInt8(ascii: "{")) }

  /// Closes an object.
  package mutating func endObject() { close(UInt8(ascii: "}")) }

  /// Opens an array.
  package mutating func beginArray() { open(UInt8(ascii: "[")) }

  /// Closes an array.
  package mutating func endArray() { close(UInt8(ascii: "]")) }

  private mutating func open(_ byte: UInt8) {
    beginValue(1)
    append(byte)
    needsComma = false
  }

  private mutating func close(_ byte: UInt8) {
    reserve(1)
    append(byte)
    needsComma = true
  }

  /// Writes a key; its value must follow.
  package mutating func key(_ key: String) {
    string(key)
    reserve(2)
    append(UInt8(ascii: ":"))
    if isSpaced { append(UInt8(ascii: " ")) }
    needsComma = false
  }

  /// Writes a key that is quoted already and has its colon; its value must follow.
  package mutating func key(written key: [UInt8]) {
    raw(key)
    needsComma = false
  }

  /// Writes a key that is quoted already and has its colon, from another text.
  @inline(__always)
  mutating func key(_ keys: borrowing JSONWriter, _ start: Int, _ end: Int) {
    raw(keys, start, end)
    needsComma = false
  }

  // MARK: Values

  /// Writes `null`.
  package mutating func null() { word("null") }

  /// Writes `true` or `false`.
  package mutating func bool(_ value: Bool) { word(value ? "true" : "false") }

  private mutating func word(_ word: StaticString) {
    beginValue(word.utf8CodeUnitCount)
    append(word.utf8Start, word.utf8CodeUnitCount)
  }

  /// Writes an integer.
  package mutating func integer(_ value: Int64) { decimal(value, scale: 0) }

  /// Writes a number with its scale; NaN and the infinities, which JSON lacks, as `null`.
  package mutating func number(_ value: Numeric) {
    if case .small(let coefficient, let scale) = value.storage {
      decimal(coefficient, scale: Int(scale))
    } else if value.isFinite {
      var digits: [UInt8] = []
      value.append(to: &digits)
      raw(digits)
    } else {
      null()
    }
  }

  /// Writes coefficient / 10^scale; the scale is at most 18.
  private mutating func decimal(_ coefficient: Int64, scale: Int) {
    // At most 20 digits, a point and a sign, written from the end of 24 bytes forward; they are
    // then moved to their place as three words, read before the first is written. Those end within
    // 48 bytes.
    beginValue(48)
    let end = base + count + 24
    var start = end
    var magnitude = coefficient.magnitude
    var digits = 0
    repeat {
      if digits == scale, digits > 0 {
        start -= 1
        start.pointee = UInt8(ascii: ".")
      }
      start -= 1
      start.pointee = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: magnitude % 10)
      magnitude /= 10
      digits += 1
    } while magnitude > 0 || digits <= scale
    if coefficient < 0 {
      start -= 1
      start.pointee = UInt8(ascii: "-")
    }
    // What is read behind the end is not part of the text, but must be set.
    let target = UnsafeMutableRawPointer(base + count)
    UnsafeMutableRawPointer(end).initializeMemory(as: UInt8.self, repeating: 0, count: 24)
    let source = UnsafeRawPointer(start)
    let words = (
      source.loadUnaligned(as: UInt64.self),
      source.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
      source.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    )
    target.storeBytes(of: words.0, as: UInt64.self)
    target.storeBytes(of: words.1, toByteOffset: 8, as: UInt64.self)
    target.storeBytes(of: words.2, toByteOffset: 16, as: UInt64.self)
    count += end - start
  }

  /// Writes a string: `"`, `\` and control characters escaped, all else as it is.
  package mutating func string(_ text: String) {
    let done: Void? = text.utf8.withContiguousStorageIfAvailable { quoted($0) }
    if done == nil {
      var copy = text
      copy.withUTF8 { quoted($0) }
    }
  }

  private mutating func quoted(_ text: UnsafeBufferPointer<UInt8>) {
    let raw = UnsafeRawBufferPointer(text)
    var position = 0
    // Two quotation marks, and the last word's eight bytes.
    beginValue(text.count + 2 + 8)
    append(UInt8(ascii: "\""))
    while position < text.count {
      let length = min(text.count - position, 8)
      let word = JSONBytes.word(raw, from: position, length)
      // Spaces stand where there is no more text, and are no marks.
      let filled = length == 8 ? word : word | JSONBytes.spaces << UInt64(length * 8)
      let marks = JSONBytes.marks(filled)
      let plain = marks == 0 ? length : marks.trailingZeroBitCount / 8
      append(word, plain)
      position += plain
      if marks != 0 {
        let (escape, length) = JSONBytes.escape(of: text[position])
        append(escape, length)
        position += 1
        // An escape has at most six bytes: what is left may need more room than was made.
        reserve(text.count - position + 1 + 8 + 8)
      }
    }
    append(UInt8(ascii: "\""))
  }

  /// Writes a time as a string.
  package mutating func timestamp(_ value: Timestamp) {
    value.withText { text in
      beginValue(text.count + 2)
      append(UInt8(ascii: "\""))
      append(text)
      append(UInt8(ascii: "\""))
    }
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

  // MARK: Written values

  /// Writes bytes that are a JSON value already.
  package mutating func raw(_ value: [UInt8]) {
    beginValue(0)
    unseparated(value)
  }

  /// Writes a text that is a JSON value already.
  package mutating func raw(_ value: String) {
    beginValue(0)
    unseparated(value)
  }

  /// Writes a part of another text that is a JSON value.
  @inline(__always)
  mutating func raw(_ other: borrowing JSONWriter, _ start: Int, _ end: Int) {
    beginValue(end - start)
    append(other.base + start, end - start)
  }

  /// Writes another text, which is a JSON value.
  mutating func raw(_ other: borrowing JSONWriter) { raw(other, 0, other.count) }

  /// Writes bytes as they are, with no comma before or after: a line's end, for example.
  package mutating func unseparated(_ bytes: [UInt8]) {
    reserve(bytes.count)
    bytes.withUnsafeBufferPointer { append($0) }
  }

  /// Writes a text in the same way.
  package mutating func unseparated(_ text: String) {
    var text = text
    text.withUTF8 { text in
      reserve(text.count)
      append(text)
    }
  }
}
