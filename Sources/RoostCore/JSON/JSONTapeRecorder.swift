/// Finds the nodes of a text while it checks it.
///
/// What most texts consist of is read here, byte by byte without a question about the end: a zero
/// stands there, which no value goes on over. Everything else, escapes and all faults, is left to
/// `JSONScanner`. (The scanner alone takes 1.9 times the instructions.)
struct JSONTapeRecorder {
  /// What has been found so far.
  private var nodes: JSONNodes
  /// Where that is, and the text's copy; the caller's to give back, after an error too.
  private(set) var memory: JSONTapeMemory
  private var scanner: JSONScanner
  /// The text and the zeros behind it.
  private let text: UnsafeMutablePointer<UInt8>
  private var offset = 0
  private var depth = 0
  private var count = 0
  private var capacity: Int

  /// The zeros behind a text: what is read eight bytes at once may end there.
  private static let padding = 8

  /// Begins with a copy of the text, in which escapes will be replaced.
  init(copying bytes: UnsafeBufferPointer<UInt8>) {
    // Texts mostly have fewer nodes than this.
    capacity = bytes.count / 6 + 16
    memory = JSONTapeMemory(byteCount: bytes.count + Self.padding, capacity: capacity)
    nodes = JSONNodes(memory)
    text = nodes.text
    let copy = UnsafeMutableBufferPointer(start: text, count: bytes.count)
    _ = copy.initialize(from: bytes)
    (text + bytes.count).initialize(repeating: 0, count: Self.padding)
    scanner = JSONScanner(UnsafeBufferPointer(copy))
  }

  /// Reads the text to its end.
  mutating func record() throws(JSONError) -> JSONNodes {
    guard scanner.bytes.count <= JSONNodes.maximumBytes else {
      throw JSONError(.tooLong, at: JSONNodes.maximumBytes)
    }
    try value(in: 0, place: 0)
    scanner.offset = offset
    try scanner.end()
    return nodes
  }

  @inline(__always)
  private mutating func append(_ first: Int, _ second: Int) {
    if count == capacity { grow() }
    nodes.nodes[count] = .init(first, second)
    count += 1
  }

  private mutating func grow() {
    // No value has more nodes than bytes, but for brackets that were never closed.
    capacity = max(capacity + 2 * JSON.maximumDepth, min(capacity * 2, scanner.bytes.count))
    memory.grow(count, to: capacity)
    nodes = JSONNodes(memory)
  }

  /// The next byte that is no space; 0 at the end.
  @inline(__always)
  private mutating func nextByte() -> UInt8 {
    let byte = text[offset]
    return byte > 0x20 ? byte : byteBehindSpace()
  }

  private mutating func byteBehindSpace() -> UInt8 {
    while true {
      let byte = text[offset]
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      offset += 1
    }
  }

  /// Lets the scanner read what comes next.
  private mutating func scan<R>(
    _ body: (inout JSONScanner) throws(JSONError) -> R
  ) throws(JSONError) -> R {
    scanner.offset = offset
    let result = try body(&scanner)
    offset = scanner.offset
    return result
  }

  // MARK: Values

  private mutating func value(in parent: Int, place: Int) throws(JSONError) {
    switch nextByte() {
    case UInt8(ascii: "\""): try string()
    case UInt8(ascii: "{"): try object(in: parent, place: place)
    case UInt8(ascii: "["): try array(in: parent, place: place)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
    case UInt8(ascii: "t"): try word("true")
    case UInt8(ascii: "f"): try word("false")
    case UInt8(ascii: "n"): try word("null")
    default: try scan { scanner throws(JSONError) in _ = try scanner.skipValue() }
    }
  }

  private mutating func word(_ word: StaticString) throws(JSONError) {
    let start = offset
    // Not past the zeros: a word is shorter than they and a byte are.
    if memcmp(text + start, word.utf8Start, word.utf8CodeUnitCount) == 0 {
      offset += word.utf8CodeUnitCount
    } else {
      try scan { scanner throws(JSONError) in _ = try scanner.skipValue() }
    }
    append(start, offset)
  }

  private mutating func begin() throws(JSONError) {
    guard depth < JSON.maximumDepth else { throw JSONError(.tooDeep, at: offset) }
    depth += 1
    offset += 1
  }

  /// Whether another part follows in a container of which one has just been read.
  private mutating func hasNext(before close: UInt8) throws(JSONError) -> Bool {
    let byte = nextByte()
    if byte == UInt8(ascii: ",") {
      offset += 1
      return true
    }
    guard byte == close else {
      throw JSONError(
        offset < scanner.bytes.count ? .unexpectedByte : .unexpectedEnd, at: offset)
    }
    return false
  }

  private mutating func array(in parent: Int, place: Int) throws(JSONError) {
    let array = count
    append(offset, 0)
    append(parent, place)
    try begin()
    if nextByte() != UInt8(ascii: "]") {
      var elements = 0
      repeat {
        try value(in: array, place: elements)
        elements += 1
      } while try hasNext(before: UInt8(ascii: "]"))
    }
    offset += 1
    depth -= 1
    nodes.nodes[array].second = UInt32(truncatingIfNeeded: count)
  }

  private mutating func object(in parent: Int, place: Int) throws(JSONError) {
    let object = count
    append(offset, 0)
    append(parent, place)
    append(object + JSONNodes.objectHead, 0)
    try begin()
    if nextByte() != UInt8(ascii: "}") {
      var keys = KeySet(first: count)
      repeat {
        try key(&keys)
        try value(in: object, place: 0)
      } while try hasNext(before: UInt8(ascii: "}"))
      nodes.nodes[object + 2].second = keys.areSimple ? 0 : 1
    }
    offset += 1
    depth -= 1
    nodes.nodes[object].second = UInt32(truncatingIfNeeded: count)
  }

  private mutating func key(_ keys: inout KeySet) throws(JSONError) {
    guard nextByte() == UInt8(ascii: "\"") else {
      return try scan { scanner throws(JSONError) in _ = try scanner.string() }
    }
    let node = count
    try string()
    keys.insert(node, nodes)
    guard nextByte() == UInt8(ascii: ":") else {
      return try scan { scanner throws(JSONError) in try scanner.readColon() }
    }
    offset += 1
  }

  // MARK: Scalars

  /// Reads a string, and replaces its escapes where they stand: what they mean is shorter.
  private mutating func string() throws(JSONError) {
    let start = offset + 1
    var position = start
    var seen: UInt64 = 0
    while true {
      // At most eight zeros behind the text are read: the first of them is a mark.
      let word = UnsafeRawPointer(text).loadUnaligned(fromByteOffset: position, as: UInt64.self)
        .littleEndian
      let marks = JSONBytes.marks(word)
      if marks != 0 {
        let count = marks.trailingZeroBitCount / 8
        // What stands behind the mark, and the mark, are not seen.
        seen |= word & ((1 << UInt64(truncatingIfNeeded: count * 8)) &- 1)
        position += count
        break
      }
      seen |= word
      position += 8
    }
    if text[position] == UInt8(ascii: "\"") {
      let content = UnsafeBufferPointer(start: text + start, count: position - start)
      try scanner.checkUTF8(content, seen, at: start)
      append(start - 1, position)
      offset = position + 1
      return
    }
    let target = text + position
    let end = try scan { scanner throws(JSONError) in
      try scanner.unescape(from: position, to: target, &seen)
    }
    try scanner.checkUTF8(
      UnsafeBufferPointer(start: text + start, count: end - text - start), seen, at: start)
    append(start - 1, end - text)
  }

  private mutating func number() throws(JSONError) {
    let start = offset
    var position = start
    if text[position] == UInt8(ascii: "-") { position += 1 }
    let integer = position
    position = endOfDigits(from: integer)
    var isPlain =
      position > integer && (text[integer] != UInt8(ascii: "0") || position == integer + 1)
    if text[position] == UInt8(ascii: ".") {
      let fraction = position + 1
      position = endOfDigits(from: fraction)
      isPlain = isPlain && position > fraction
    }
    if isPlain, text[position] | 0x20 != UInt8(ascii: "e"),
      position - start <= Numeric.maximumScale
    {
      offset = position
    } else {
      try scan { scanner throws(JSONError) in try scanner.skipNumber() }
    }
    append(start, offset)
  }

  private func endOfDigits(from start: Int) -> Int {
    var position = start
    while text[position] &- UInt8(ascii: "0") <= 9 { position += 1 }
    return position
  }
}

/// Whether an object's keys can be searched one by one.
private struct KeySet {
  let first: Int
  private var count = 0
  private var marks: UInt64 = 0
  private var areDifferent = true

  var areSimple: Bool { areDifferent && count <= JSONNodes.mostInTurn }

  init(first: Int) {
    self.first = first
  }

  @inline(__always)
  mutating func insert(_ node: Int, _ nodes: JSONNodes) {
    count += 1
    let key = JSONNodes.Key(nodes.content(node))
    // One of 64 bits, the same for equal keys: only a key whose bit is taken is compared with those
    // before it.
    let mark: UInt64 = 1 << (key.hash)
    if marks & mark != 0 { compare(node, key, nodes) }
    marks |= mark
  }

  private mutating func compare(_ node: Int, _ key: JSONNodes.Key, _ nodes: JSONNodes) {
    guard areSimple else { return }
    areDifferent = nodes.value(of: key, from: first, to: node) == 0
  }
}
