/// A JSON value with the meaning of Postgres's `jsonb`.
///
/// Numbers keep every digit and are equal by worth; strings and keys compare by UTF-8 bytes; an
/// object keeps the last of equal keys and orders its keys by length, then by bytes.
public enum JSON: Sendable {
  /// JSON's `null`, which is a value: not SQL's NULL.
  case null
  /// `true` or `false`.
  case bool(Bool)
  /// An exact decimal number; NaN and the infinities have no JSON text and are written as `null`.
  case number(Numeric)
  /// A text without U+0000.
  case string(String)
  /// Values in order.
  case array([JSON])
  /// Values by key.
  case object(Object)

  /// The deepest nesting of objects and arrays that is read or written. Postgres has no number of
  /// its own here, only its stack; this one keeps recursion far below any thread's stack.
  public static let maximumDepth = 512
}

// MARK: - Parts

extension JSON {
  /// The value of a key; nil when the value is not an object or lacks the key.
  public subscript(key: String) -> JSON? {
    if case .object(let object) = self { return object[key] }
    return nil
  }

  /// The element at an index from 0; nil when the value is not an array or is shorter.
  public subscript(index: Int) -> JSON? {
    if case .array(let elements) = self, elements.indices.contains(index) {
      return elements[index]
    }
    return nil
  }

  /// The text; nil when the value is not a string.
  public var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  /// The number; nil when the value is not a number.
  public var number: Numeric? {
    if case .number(let value) = self { return value }
    return nil
  }

  /// The number as an integer; nil when the value is not a number, has a fraction or is too large.
  public var int64: Int64? { number?.int64 }

  /// The truth value; nil when the value is not one.
  public var bool: Bool? {
    if case .bool(let value) = self { return value }
    return nil
  }

  /// The elements; nil when the value is not an array.
  public var array: [JSON]? {
    if case .array(let value) = self { return value }
    return nil
  }

  /// The members; nil when the value is not an object.
  public var object: Object? {
    if case .object(let value) = self { return value }
    return nil
  }

  /// Whether a text or key in it holds U+0000, which has no place in JSON and may have come from a
  /// caller.
  @usableFromInline
  package var containsNull: Bool {
    switch self {
    case .string(let text): TextOrder.containsNull(text)
    case .array(let elements):
      // On their memory: an iterator would copy, and so retain, each of them.
      elements.withUnsafeBufferPointer { elements in
        elements.indices.contains { elements[$0].containsNull }
      }
    case .object(let object): object.containsNull
    case .null, .bool, .number: false
    }
  }

  /// Whether the value is JSON's `null`.
  public var isNull: Bool {
    if case .null = self { return true }
    return false
  }
}

// MARK: - Text

extension JSON: CustomStringConvertible {
  /// Reads a JSON text strictly by RFC 8259, without U+0000 and at most `maximumDepth` deep.
  ///
  /// - Throws: the first fault with its offset in bytes.
  public init(parsing text: String) throws(JSONError) {
    var text = text
    let result = text.withUTF8 { buffer in
      Result { () throws(JSONError) in try JSON(parsing: buffer) }
    }
    self = try result.get()
  }

  /// Reads a JSON text from UTF-8 bytes.
  ///
  /// - Throws: the first fault with its offset in bytes.
  public init(parsing bytes: [UInt8]) throws(JSONError) {
    let result = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(JSONError) in try JSON(parsing: buffer) }
    }
    self = try result.get()
  }

  /// Reads a JSON text from UTF-8 bytes.
  ///
  /// - Throws: the first fault with its offset in bytes.
  public init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(JSONError) {
    var scanner = JSONScanner(bytes)
    self = try scanner.value()
    try scanner.end()
  }

  /// The text exactly as Postgres prints a jsonb: a space after each `:` and `,`.
  public var description: String {
    String(decoding: encoded(.spaced), as: UTF8.self)
  }

  /// The text as UTF-8, compact or as Postgres prints it.
  public func encoded(_ style: JSONStyle = .compact) -> [UInt8] {
    var writer = JSONWriter(style: style)
    writer.value(self)
    return writer.bytes
  }
}

/// How a JSON text is spaced.
public enum JSONStyle: Sendable {
  /// No space at all.
  case compact
  /// A space after each `:` and `,`, as Postgres prints a jsonb.
  case spaced
}

// MARK: - Literals

// There is no nil literal: `json["key"] == nil` must ask for a missing key, not for JSON's null.
extension JSON: ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// Makes `true` or `false`.
  public init(booleanLiteral value: Bool) { self = .bool(value) }

  /// Makes a number.
  public init(integerLiteral value: Int64) { self = .number(Numeric(value)) }

  /// Makes the number with the shortest text that reads back as the double.
  public init(floatLiteral value: Double) { self = .number(Numeric(value)) }

  /// Makes a string.
  public init(stringLiteral value: String) { self = .string(value) }

  /// Makes an array.
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }

  /// Makes an object; the last of equal keys wins.
  public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(Object(elements)) }
}
