/// Writes one value that is not simple, by its own `encode(to:)`.
///
/// Each has bytes of its own, which go into the outer value's when it is finished: in which order
/// containers are asked for and filled, and who still holds one, then makes no difference. What is
/// finished and held by nobody is used again for the next part, with its memory.
final class JSONEncoding: Encoder {
  /// Where a value is, for errors.
  enum Place {
    case root
    case same(JSONEncoding)
    case member(JSONEncoding, any CodingKey)
    case element(JSONEncoding, Int)
    /// Of one that may be held longer than the outer value is, which it must not keep.
    case path([any CodingKey])

    var path: [any CodingKey] {
      switch self {
      case .root: []
      case .same(let outer): outer.codingPath
      case .member(let outer, let key): outer.codingPath + [key]
      case .element(let outer, let index): outer.codingPath + [JSONKey(index: index)]
      case .path(let path): path
      }
    }
  }

  /// What a value is written as.
  enum Slot {
    case single
    case element
    case member(String)
  }

  private enum Kind {
    case empty, single, array, object
  }

  /// A member of an object; or some elements of an array, or one that is written somewhere else.
  private struct Part {
    var key = ""
    /// The part's text, with the key and without a comma around it.
    var start = 0
    var end = 0
    /// The value, when it is not in the text.
    var nested: JSONEncoding?
  }

  // No access overlaps another: nothing here calls what could come back to the same encoder while
  // it changes. To have that checked takes half as many instructions again.
  @exclusivity(unchecked) private var place: Place
  @exclusivity(unchecked) private var depth: Int
  @exclusivity(unchecked) private var kind = Kind.empty
  /// The text without its closing bracket.
  @exclusivity(unchecked) var text = JSONWriter()
  private let shapes: JSONShapes
  /// An object's members as long as they follow a shape; the parts else.
  @exclusivity(unchecked) private var members = JSONMembers()
  @exclusivity(unchecked) private var parts: [Part] = []
  /// Whether the text is as it must be: with all parts, and the members in jsonb's order.
  @exclusivity(unchecked) private var isOrdered = true
  /// The places of the members in jsonb's order; kept for its memory.
  @exclusivity(unchecked) private var order: [Int] = []
  /// How many elements there are.
  @exclusivity(unchecked) private(set) var count = 0
  /// Where the elements begin that are not among the parts yet.
  @exclusivity(unchecked) private var runStart = 0
  /// Why the text ends in the middle of a part. Who goes on in spite of the error gets it again.
  @exclusivity(unchecked) private var failure: (any Error)?
  /// One that can be used again.
  @exclusivity(unchecked) private var spare: JSONEncoding?

  init(_ place: Place, depth: Int, _ shapes: JSONShapes) {
    self.place = place
    self.depth = depth
    self.shapes = shapes
  }

  var codingPath: [any CodingKey] { place.path }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  // MARK: Containers

  func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    if kind != .object {
      become(.object)
      // There is but one object at the root, which needs no shape.
      if depth > 0 { members.begin(type, shapes) }
    }
    return KeyedEncodingContainer(JSONKeyedEncoding<Key>(self))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    become(.array)
    return JSONUnkeyedEncoding(self)
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { JSONSingleEncoding(self) }

  /// A container of another kind, or another single value, takes the place of what was there.
  private func become(_ kind: Kind) {
    if self.kind == kind, kind != .single { return }
    clear()
    self.kind = kind
    if kind == .object { text.beginObject() }
    if kind == .array { text.beginArray() }
    runStart = text.count
  }

  private func clear() {
    text.removeAll()
    members.end()
    if !parts.isEmpty { parts.removeAll(keepingCapacity: true) }
    isOrdered = true
    failure = nil
    count = 0
    kind = .empty
  }

  // MARK: Parts

  /// Writes a simple value.
  func put(_ slot: Slot, _ write: (inout JSONWriter) -> Void) throws {
    guard try begin(slot) else { return }
    write(&text)
    end(slot)
  }

  /// Makes ready for a value; false when this has become something else.
  private func begin(_ slot: Slot) throws -> Bool {
    switch slot {
    case .single: become(.single)
    case .element: return beginElement()
    case .member(let key): return try beginMember(key)
    }
    return true
  }

  private func end(_ slot: Slot) {
    if case .member = slot { endMember() }
  }

  /// Makes ready for an element; false when this has become something else.
  func beginElement() -> Bool {
    guard kind == .array else { return false }
    count += 1
    return true
  }

  /// Writes a key, and makes ready for its value; false when this has become something else.
  func beginMember(_ key: String) throws -> Bool {
    if members.isFollowing {
      if members.begin(key, &text) { return true }
    }
    try checkText(key, at: .same(self))
    guard kind == .object else { return false }
    departFromShape()
    if isOrdered, let last = parts.last { isOrdered = JSON.Object.compare(last.key, key) < 0 }
    parts.append(Part(key: key, start: text.nextOffset))
    text.key(key)
    return true
  }

  func endMember() {
    if members.isFollowing {
      members.endMember(at: text.count)
    } else {
      parts[parts.count - 1].end = text.count
    }
  }

  /// Makes parts of the members.
  private func departFromShape() {
    guard members.isFollowing else { return }
    isOrdered = members.isOrdered
    members.forEach { parts.append(Part(key: $0, start: $1.start, end: $1.end)) }
    members.end()
  }

  /// Writes a value by its own `encode(to:)`.
  func encode<T: Encodable>(_ value: T, as slot: Slot, at place: Place) throws {
    var inner = spare ?? JSONEncoding(place, depth: 0, shapes)
    spare = nil
    inner.place = place
    if case .single = slot { inner.depth = depth } else { inner.depth = depth + 1 }
    guard inner.depth <= JSON.maximumDepth else { throw inner.tooDeep(value) }
    try value.encode(to: inner)
    guard isKnownUniquelyReferenced(&inner) else {
      // Somebody may go on with it.
      inner.place = .path(inner.codingPath)
      return keep(inner, as: slot)
    }
    if try begin(slot) {
      do {
        try inner.write(to: &text)
      } catch {
        failure = error
        throw error
      }
      end(slot)
    }
    inner.clear()
    inner.place = .root
    spare = inner
  }

  /// An encoder for a part that is filled later.
  func nested(as slot: Slot, at place: Place) -> JSONEncoding {
    let inner = JSONEncoding(.path(place.path), depth: depth + 1, shapes)
    keep(inner, as: slot)
    return inner
  }

  private func keep(_ inner: JSONEncoding, as slot: Slot) {
    switch slot {
    case .single:
      become(.single)
      parts = [Part(nested: inner)]
    case .element:
      guard kind == .array else { return }
      count += 1
      endRun()
      parts.append(Part(nested: inner))
    case .member(let key):
      guard kind == .object else { return }
      departFromShape()
      parts.append(Part(key: key, nested: inner))
    }
    isOrdered = false
  }

  /// Makes the elements since the last one that is written somewhere else a part.
  private func endRun() {
    if runStart < text.count { parts.append(Part(start: runStart, end: text.count)) }
    runStart = text.count
    text.forgetComma()
  }

  // MARK: Text

  /// The finished text; a value that encoded nothing is an empty object, as in `JSONEncoder`.
  func finished() throws -> [UInt8] {
    if kind == .array, isOrdered, failure == nil {
      // As it stands: a long text is not copied once more.
      text.endArray()
      return text.bytes
    }
    var finished = JSONWriter()
    try write(to: &finished)
    return finished.bytes
  }

  private func write(to target: inout JSONWriter) throws {
    if let failure { throw failure }
    if kind == .array || kind == .object, depth >= JSON.maximumDepth { throw tooDeep(self) }
    switch kind {
    case .empty:
      target.beginObject()
      target.endObject()
    case .single:
      if let nested = parts.first?.nested {
        try nested.write(to: &target)
      } else {
        target.raw(text)
      }
    case .array:
      if isOrdered {
        text.endArray()
        target.raw(text)
      } else {
        endRun()
        target.beginArray()
        for part in parts { try write(part, to: &target) }
        target.endArray()
      }
    case .object: try writeObject(to: &target)
    }
  }

  private func writeObject(to target: inout JSONWriter) throws {
    if members.isFollowing ? members.isOrdered : isOrdered {
      text.endObject()
      target.raw(text)
    } else {
      target.beginObject()
      if members.isFollowing {
        members.write(text, to: &target)
      } else {
        orderMembers()
        for index in order { try write(parts[index], to: &target) }
      }
      target.endObject()
    }
    if !members.isFollowing { members.shape?.learn(parts.lazy.map(\.key)) }
  }

  private func write(_ part: Part, to target: inout JSONWriter) throws {
    guard let nested = part.nested else { return target.raw(text, part.start, part.end) }
    if kind == .object {
      try checkText(part.key, at: .same(self))
      target.key(part.key)
    }
    try nested.write(to: &target)
  }

  /// Puts the members in jsonb's order, of equal keys the last only.
  private func orderMembers() {
    order.removeAll(keepingCapacity: true)
    for index in parts.indices {
      // Few are far from their place; many are sorted with others like them.
      var place = order.count
      var keys = -1
      while place > 0 {
        keys = JSON.Object.compare(parts[order[place - 1]].key, parts[index].key)
        if keys <= 0 { break }
        place -= 1
      }
      if place > 0, keys == 0 { order[place - 1] = index } else { order.insert(index, at: place) }
    }
  }

  // MARK: Errors

  private func tooDeep(_ value: Any) -> EncodingError {
    invalid(value, at: place, "nested too deeply")
  }

  func invalid(_ value: Any, at place: Place, _ text: String) -> EncodingError {
    .invalidValue(value, .init(codingPath: place.path, debugDescription: text))
  }

  /// Checks that a text is without U+0000.
  func checkText(_ text: String, at place: @autoclosure () -> Place) throws {
    guard !TextOrder.containsNull(text) else {
      throw invalid(text, at: place(), "U+0000 is not allowed")
    }
  }
}
