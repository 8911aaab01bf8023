/// Where each value of a JSON text is: what `JSON.decode` reads from.
///
/// The nodes stand in the text's order, eight bytes each. A string, a number or a word is one node.
/// A member is its key's node and then its value's. A container's head is two nodes or three, and
/// its parts follow, so that a reader goes from one to the next without a look at the text between.
/// Strings have no escapes any more: they were replaced where they stood.
struct JSONNodes {
  /// Two numbers, which mean by the node's kind:
  ///
  /// - a scalar: the offset of its first byte, and the end of its text (of a string, that of the
  ///   quotation marks);
  /// - a container's first: the offset of its bracket, and the node behind its last part;
  /// - its second: the container around it, and which element of that it is;
  /// - an object's third: the key at which the last search ended, and whether keys can be searched
  ///   one by one (0) or only in an index (1), since they repeat or are more than `mostInTurn`.
  struct Node {
    var first: UInt32
    var second: UInt32

    init(_ first: Int, _ second: Int) {
      self.first = UInt32(truncatingIfNeeded: first)
      self.second = UInt32(truncatingIfNeeded: second)
    }
  }

  /// The nodes of an object before its first key.
  static let objectHead = 3
  /// The nodes of an array before its first element.
  static let arrayHead = 2
  /// The most keys of an object that are searched one by one.
  static let mostInTurn = 64
  /// The most bytes of a text: there are fewer than two nodes for each byte, and 32 bits number
  /// both.
  static let maximumBytes = Int(Int32.max)

  let text: UnsafeMutablePointer<UInt8>
  let nodes: UnsafeMutablePointer<Node>

  init(_ memory: JSONTapeMemory) {
    text = memory.text.start.assumingMemoryBound(to: UInt8.self)
    nodes = memory.nodes.start.assumingMemoryBound(to: Node.self)
  }

  /// The byte that a value begins with, which tells its kind.
  func lead(_ node: Int) -> UInt8 { text[Int(nodes[node].first)] }

  /// The node behind a value and all its parts.
  func after(_ node: Int) -> Int {
    let byte = lead(node)
    return byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") ? end(node) : node + 1
  }

  /// The node behind a container's last part.
  func end(_ container: Int) -> Int { Int(nodes[container].second) }

  /// A number's digits.
  func digits(_ node: Int) -> UnsafeBufferPointer<UInt8> {
    let (start, end) = (Int(nodes[node].first), Int(nodes[node].second))
    return UnsafeBufferPointer(start: text + start, count: end - start)
  }

  /// A string's bytes.
  func content(_ node: Int) -> UnsafeBufferPointer<UInt8> {
    let (start, end) = (Int(nodes[node].first) + 1, Int(nodes[node].second))
    return UnsafeBufferPointer(start: text + start, count: end - start)
  }

  func string(_ node: Int) -> String { String(decoding: content(node), as: UTF8.self) }

  // MARK: Members

  /// Whether an object's keys are all different and few enough for `value(of:in:)`.
  func isSearchedInTurn(_ object: Int) -> Bool { nodes[object + 2].second == 0 }

  /// A key that is searched for. Its first bytes tell most keys from each other, and are all that
  /// most have.
  struct Key {
    let bytes: UnsafeBufferPointer<UInt8>
    fileprivate let (first, mask): (UInt64, UInt64)

    /// A number that is the same for equal keys.
    var hash: UInt64 {
      ((first &+ UInt64(truncatingIfNeeded: bytes.count)) &* 0x9E37_79B9_7F4A_7C15) >> 58
    }

    @inline(__always)
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
      self.bytes = bytes
      let count = bytes.count
      mask = count >= 8 ? .max : (1 << UInt64(truncatingIfNeeded: count * 8)) &- 1
      first = JSONBytes.word(UnsafeRawBufferPointer(bytes), from: 0, count)
    }
  }

  @inline(__always)
  private func isEqual(_ node: Int, _ key: Key) -> Bool {
    let (start, end) = (Int(nodes[node].first) + 1, Int(nodes[node].second))
    guard end - start == key.bytes.count else { return false }
    // Eight bytes can be read from any byte of the text: zeros are behind it.
    let word = UnsafeRawPointer(text).loadUnaligned(fromByteOffset: start, as: UInt64.self)
    return word.littleEndian & key.mask == key.first
      && (key.bytes.count <= 8 || TextOrder.compare(content(node), key.bytes) == 0)
  }

  /// The value of a key in an object that is searched in turn, from where the last search ended:
  /// a type mostly asks for its keys in the order in which they were written. 0 when there is none.
  @inline(__always)
  func value(of key: Key, in object: Int) -> Int {
    let cursor = Int(nodes[object + 2].first)
    var found = value(of: key, from: cursor, to: end(object))
    if found == 0 { found = value(of: key, from: object + Self.objectHead, to: cursor) }
    if found != 0 { nodes[object + 2].first = UInt32(truncatingIfNeeded: after(found)) }
    return found
  }

  /// The value of the first such key from one on; 0 when there is none.
  func value(of key: Key, from start: Int, to end: Int) -> Int {
    var node = start
    while node < end {
      if isEqual(node, key) { return node + 1 }
      node = after(node + 1)
    }
    return 0
  }

  // MARK: Paths

  /// The keys on the way to a container, from the outermost.
  func path(to container: Int) -> [any CodingKey] {
    var keys: [any CodingKey] = []
    var node = container
    while node > 0 {
      let (parent, place) = (Int(nodes[node + 1].first), Int(nodes[node + 1].second))
      keys.append(key(of: node, in: parent, place: place))
      node = parent
    }
    return keys.reversed()
  }

  /// The key of a part of a container: of a member its text, else its place.
  func key(of node: Int, in parent: Int, place: Int) -> JSONKey {
    lead(parent) == UInt8(ascii: "{") ? JSONKey(string(node - 1)) : JSONKey(index: place)
  }
}

/// A text with its nodes.
final class JSONTape {
  let nodes: JSONNodes
  private let memory: JSONTapeMemory
  /// The indexes that have been asked for, by the nodes of their objects.
  private var indexes: [Int: JSON.Object] = [:]

  /// Reads a text to its end.
  ///
  /// - Throws: `JSONError` as `JSON(parsing:)` does.
  init(_ bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    var recorder = JSONTapeRecorder(copying: bytes)
    do throws(JSONError) {
      nodes = try recorder.record()
    } catch {
      recorder.memory.giveBack()
      throw error
    }
    memory = recorder.memory
  }

  deinit { memory.giveBack() }

  /// The value of an object's key; 0 when there is none.
  func value(of key: String, in object: Int) -> Int {
    guard nodes.isSearchedInTurn(object) else {
      return index(of: object)[key]?.int64.map { Int($0) } ?? 0
    }
    if let found = key.utf8.withContiguousStorageIfAvailable({
      nodes.value(of: JSONNodes.Key($0), in: object)
    }) {
      return found
    }
    var copy = key
    return copy.withUTF8 { nodes.value(of: JSONNodes.Key($0), in: object) }
  }

  /// The members of an object in the normal order, of equal keys the last only: with each key the
  /// node of its value, as a number.
  func index(of object: Int) -> JSON.Object {
    if let index = indexes[object] { return index }
    var members: [JSON.Object.Member] = []
    var node = object + JSONNodes.objectHead
    while node < nodes.end(object) {
      members.append(.init(key: nodes.string(node), value: .number(Numeric(node + 1))))
      node = nodes.after(node + 1)
    }
    let index = JSON.Object(members: members)
    indexes[object] = index
    return index
  }
}
