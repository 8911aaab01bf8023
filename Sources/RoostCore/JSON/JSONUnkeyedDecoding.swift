/// Decodes an array's elements.
struct JSONUnkeyedDecoding: UnkeyedDecodingContainer {
  private let array: JSONDecoding
  private var element: Int
  private(set) var currentIndex = 0

  init(_ array: JSONDecoding) throws {
    self.array = array
    element = try array.part.firstElement()
  }

  var codingPath: [any CodingKey] { array.codingPath }

  var count: Int? {
    var rest = self
    while !rest.isAtEnd { rest.advance() }
    return rest.currentIndex
  }

  var isAtEnd: Bool { element == array.part.nodes.end(array.part.node) }

  private mutating func advance() {
    element = array.part.nodes.after(element)
    currentIndex += 1
  }

  private func part() throws -> JSONPart {
    guard !isAtEnd else {
      throw DecodingError.valueNotFound(
        JSON.self,
        .init(
          codingPath: codingPath + [JSONKey(index: currentIndex)],
          debugDescription: "the array ends here"))
    }
    return array.part.part(element, at: currentIndex)
  }

  private func decoder() throws -> JSONDecoding { JSONDecoding(array.tape, try part()) }

  mutating func decodeNil() throws -> Bool {
    guard try part().isNull else { return false }
    advance()
    return true
  }

  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
    let value = try decoder().unwrap(type)
    advance()
    return value
  }

  mutating func nestedContainer<NestedKey>(
    keyedBy type: NestedKey.Type
  ) throws -> KeyedDecodingContainer<NestedKey> {
    let container = try decoder().container(keyedBy: type)
    advance()
    return container
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    let container = try decoder().unkeyedContainer()
    advance()
    return container
  }

  mutating func superDecoder() throws -> any Decoder {
    let inner = try decoder()
    advance()
    return inner
  }
}
