/// The keys that objects of one type of keys have had, in the order in which they were asked for.
///
/// A type writes the same keys in the same order again and again. Each is quoted and put in jsonb's
/// order once here. A shape stays as it is, since an object may follow it while another one, inside
/// the first, is where new keys are found: they make a newer shape.
final class JSONShape {
  struct Member {
    let key: String
    /// Where the quoted key is, with its colon.
    var start = 0
    var end = 0
    /// The key's place in jsonb's order.
    var rank = 0
  }

  /// The most keys: as many as a word has bits.
  static let most = 64

  let members: [Member]
  let quoted: JSONWriter
  /// What has taken this one's place.
  @exclusivity(unchecked) private(set) var newer: JSONShape?
  @exclusivity(unchecked) private var departures = 0

  /// Makes the shape of different keys.
  init(_ keys: [String] = []) {
    var members = keys.map { Member(key: $0) }
    var quoted = JSONWriter()
    for index in members.indices {
      quoted.forgetComma()
      members[index].start = quoted.count
      quoted.key(members[index].key)
      members[index].end = quoted.count
    }
    let order = keys.indices.sorted { JSON.Object.compare(keys[$0], keys[$1]) < 0 }
    for (rank, index) in order.enumerated() { members[index].rank = rank }
    self.members = members
    self.quoted = quoted
  }

  /// The first such key from one on; nil when there is none.
  @inline(__always)
  func index(of key: String, from start: Int) -> Int? {
    var index = start
    while index < members.count {
      if Self.areSame(members[index].key, key) { return index }
      index += 1
    }
    return nil
  }

  @inline(__always)
  private static func areSame(_ left: String, _ right: String) -> Bool {
    // Two strings of the same bits are the same memory, or hold the same text themselves. That of
    // a key in a type's code is mostly so, and costs less to find out than to look into. On a
    // processor whose words are shorter a string has another size.
    if MemoryLayout<String>.size == MemoryLayout<Bits>.size {
      let (a, b) = (unsafeBitCast(left, to: Bits.self), unsafeBitCast(right, to: Bits.self))
      if a.0 == b.0 && a.1 == b.1 { return true }
    }
    return TextOrder.areEqual(left, right)
  }

  private typealias Bits = (UInt64, UInt64)

  /// Takes the keys of an object that had others than this shape, or in another order. Those of the
  /// first one are not taken: most types of keys have one object only.
  func learn(_ keys: some Sequence<String>) {
    departures += 1
    guard departures > 1, newer == nil, members.count < Self.most else { return }
    var all = members.map(\.key)
    var place = 0
    for key in keys where all.count < Self.most {
      if let index = all.firstIndex(where: { Self.areSame($0, key) }) {
        place = max(place, index + 1)
      } else {
        all.insert(key, at: place)
        place += 1
      }
    }
    guard all.count > members.count else { return }
    let newer = JSONShape(all)
    newer.departures = departures
    self.newer = newer
  }
}

/// The shapes that are known while one value is encoded.
final class JSONShapes {
  private var shapes: [ObjectIdentifier: JSONShape] = [:]

  func shape(of keys: ObjectIdentifier) -> JSONShape {
    if let shape = shapes[keys] { return shape }
    let shape = JSONShape()
    shapes[keys] = shape
    return shape
  }
}

/// An object's members as long as they follow a shape: then there is nothing to sort.
struct JSONMembers: ~Copyable {
  /// Where a member is in the object's text, with its key.
  typealias Span = (start: Int, end: Int)

  /// Whether all members so far have followed the shape.
  private(set) var isFollowing = false
  /// Whether they are in jsonb's order.
  private(set) var isOrdered = true
  private(set) var shape: JSONShape?
  private var keys: ObjectIdentifier?
  /// The place in the shape behind the last member.
  private var cursor = 0
  /// The ranks of all members, as bits, and that of the last.
  private var ranks: UInt64 = 0
  private var rank = 0
  // Why the memory is safe: it is this value's alone, which cannot be copied and frees it at its
  // end. A rank is below `JSONShape.most`, and its span is read only when its bit says that it has
  // been set. The text of a member that was begun and not ended is not read: its encoder failed.
  private let spans = UnsafeMutablePointer<Span>.allocate(capacity: JSONShape.most)

  init() {}

  deinit { spans.deallocate() }

  /// Begins an object of a type of keys.
  mutating func begin<Key: CodingKey>(_ type: Key.Type, _ shapes: JSONShapes) {
    let keys = ObjectIdentifier(type)
    if keys != self.keys {
      self.keys = keys
      shape = shapes.shape(of: keys)
    }
    while let newer = shape?.newer { shape = newer }
    isFollowing = true
    isOrdered = true
    cursor = 0
    ranks = 0
  }

  mutating func end() { isFollowing = false }

  /// Writes a key that the shape has next; false, with nothing written, when it has not.
  @inline(__always)
  mutating func begin(_ key: String, _ text: inout JSONWriter) -> Bool {
    guard let shape, let index = shape.index(of: key, from: cursor) else { return false }
    cursor = index + 1
    rank = shape.members[index].rank
    isOrdered = isOrdered && ranks >> UInt64(rank) == 0
    ranks |= 1 << UInt64(rank)
    spans[rank] = (text.nextOffset, 0)
    text.key(shape.quoted, shape.members[index].start, shape.members[index].end)
    return true
  }

  /// Ends the member that was begun last.
  mutating func endMember(at end: Int) { spans[rank].end = end }

  /// Writes the members in jsonb's order.
  func write(_ text: borrowing JSONWriter, to target: inout JSONWriter) {
    var rest = ranks
    while rest != 0 {
      let span = spans[rest.trailingZeroBitCount]
      target.raw(text, span.start, span.end)
      rest &= rest &- 1
    }
  }

  /// The members in the order in which they were written.
  func forEach(_ body: (String, Span) -> Void) {
    guard let shape else { return }
    for member in shape.members.prefix(cursor) where ranks >> UInt64(member.rank) & 1 != 0 {
      body(member.key, spans[member.rank])
    }
  }
}
