// What reading rows of known columns needs beyond plain JSON: keys found without making strings,
// and the bytes of strings that are parsed as something else.

extension JSONScanner {
  /// The place of the next key among known ones, or nil when the object ends here.
  ///
  /// `start` is where the key is expected: looking there first finds keys in their usual order
  /// without making a string of any.
  package mutating func nextKey(
    among keys: [[UInt8]], from start: Int
  ) throws(JSONError) -> Int? {
    guard try hasNext(before: UInt8(ascii: "}")) else { return nil }
    let before = offset
    guard let key = try plainString() else { throw JSONError(.unexpectedKind, at: before) }
    for index in 0..<keys.count {
      let place = (start + index) % keys.count
      if keys[place].count == key.count, keys[place].elementsEqual(key) {
        try readColon()
        return place
      }
    }
    throw JSONError(.unexpectedKind, at: before)
  }

  /// Reads the bytes of a string that has no escape in it; nil, with nothing read, for any other.
  package mutating func plainString() throws(JSONError) -> UnsafeBufferPointer<UInt8>? {
    skipSpace()
    guard try currentByte() == UInt8(ascii: "\"") else {
      throw JSONError(.unexpectedKind, at: offset)
    }
    let start = offset + 1
    let end = JSONBytes.endOfPlain(bytes, from: start)
    guard end < bytes.count, bytes[end] == UInt8(ascii: "\"") else { return nil }
    let content = UnsafeBufferPointer(rebasing: bytes[start..<end])
    guard JSONBytes.isUTF8(content) else { throw JSONError(.invalidUTF8, at: start) }
    offset = end + 1
    return content
  }
}
