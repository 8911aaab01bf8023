/// The text of a value that is being encoded, in memory of its own.
///
/// An array asks at every append whether it is shared and large enough. Here nobody can share, and
/// room is made once for each key and each value.
struct JSONText: ~Copyable {
  // Why the memory is safe: it is this value's alone, which cannot be copied and frees it at its
  // end. It has `capacity` bytes, of which the first `count` are set. Nothing is written but behind
  // `reserve`, which each method calls with the most bytes that it writes from `count` on.
  private var base: UnsafeMutablePointer<UInt8>
  private var capacity: Int
  /// How many bytes there are.
  private(set) var count = 0
  private var needsComma = false

  init(capacity: Int = 256) {
    self.capacity = capacity
    base = .allocate(capacity: capacity)
  }

  deinit { base.deallocate() }

  /// A copy of the text.
  var bytes: [UInt8] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// Begins anew and keeps the memory.
  mutating func removeAll() {
    count = 0
    needsComma = false
  }

  /// What follows has no comma before it.
  mutating func forgetComma() { needsComma = false }

  /// Where what is written next begins, behind its comma.
  var nextOffset: Int { count + (needsComma ? 1 : 0) }

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

  /// Writes the comma before a value; there is room for it.
  @inline(__always)
  private mutating func separate() {
    if needsComma { append(UInt8(ascii: ",")) }
    needsComma = true
  }

  // MARK: Containers

  mutating func beginObject() { open(UInt8(ascii: "{")) }
  mutating func endObject() { close(UInt8(ascii: "}")) }
  mutating func beginArray() { open(UInt8(ascii: "[")) }
  mutating func endArray() { close(UInt8(ascii: "]")) }

  private mutating func open(_ byte: UInt8) {
    reserve(2)
    separate()
    append(byte)
    needsComma = false
  }

  private mutating func close(_ byte: UInt8) {
    reserve(1)
    append(byte)
    needsComma = true
  }

  /// Writes a key; its value must follow.
  mutating func key(_ key: String) {
    string(key)
    reserve(1)
    append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Writes a key that is quoted already and has its colon, from another text.
  @inline(__always)
  mutating func key(_ keys: borrowing JSONText, _ start: Int, _ end: Int) {
    raw(keys, start, end)
    needsComma = false
  }

  // MARK: Values

  mutating func null() { word("null") }

  mutating func bool(_ value: Bool) { word(value ? "true" : "false") }

  private mutating func word(_ word: StaticString) {
    reserve(1 + word.utf8CodeUnitCount)
    separate()
    append(word.utf8Start, word.utf8CodeUnitCount)
  }

  mutating func integer(_ value: Int64) { decimal(value, scale: 0) }

  /// Writes a finite number with its scale.
  mutating func number(_ value: Numeric) {
    if case .small(let coefficient, let scale) = value.storage {
      decimal(coefficient, scale: Int(scale))
    } else {
      var digits: [UInt8] = []
      value.append(to: &digits)
      raw(digits)
    }
  }

  /// Writes coefficient / 10^scale; the scale is at most 18.
  private mutating func decimal(_ coefficient: Int64, scale: Int) {
    // At most 20 digits, a point and a sign, written from the end of 24 bytes forward; they are
    // then moved to their place as three words, read before the first is written. Those end within
    // 48 bytes.
    reserve(1 + 48)
    separate()
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

  /// Writes a string as `JSONWriter` does.
  mutating func string(_ text: String) {
    let done: Void? = text.utf8.withContiguousStorageIfAvailable { quoted($0) }
    if done == nil {
      var copy = text
      copy.withUTF8 { quoted($0) }
    }
  }

  private mutating func quoted(_ text: UnsafeBufferPointer<UInt8>) {
    let raw = UnsafeRawBufferPointer(text)
    var position = 0
    // A comma, two quotation marks, and the last word's eight bytes.
    reserve(text.count + 3 + 8)
    separate()
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

  /// Writes a value with all its parts.
  mutating func value(_ value: JSON) {
    if case .string(let text) = value { string(text) } else { raw(value.encoded()) }
  }

  /// Writes bytes that are a JSON value already.
  private mutating func raw(_ value: [UInt8]) {
    reserve(1 + value.count)
    separate()
    value.withUnsafeBufferPointer { bytes in
      if let start = bytes.baseAddress { append(start, bytes.count) }
    }
  }

  /// Writes a part of another text that is a JSON value.
  @inline(__always)
  mutating func raw(_ other: borrowing JSONText, _ start: Int, _ end: Int) {
    reserve(1 + end - start)
    separate()
    append(other.base + start, end - start)
  }

  /// Writes another text, which is a JSON value.
  mutating func raw(_ other: borrowing JSONText) { raw(other, 0, other.count) }
}
