/// Writes the text of an array, of one or more dimensions: `{1,NULL,"a b"}`.
///
/// Source: `array_out` in the server's `src/backend/utils/adt/arrayfuncs.c`.
struct ArrayTextWriter {
  let delimiter: Character
  private(set) var text = ""
  private var isFirst = true

  init(delimiter: Character) {
    self.delimiter = delimiter
  }

  mutating func open() {
    if !isFirst { text.append(delimiter) }
    text += "{"
    isFirst = true
  }

  mutating func close() {
    text += "}"
    isFirst = false
  }

  /// Appends an element, nil for NULL; a nested one is an array's text, which is not quoted.
  mutating func append(_ element: String?, isNested: Bool = false) {
    if !isFirst { text.append(delimiter) }
    isFirst = false
    guard let element, !isNested else {
      text += element ?? "NULL"
      return
    }
    let separator = delimiter.asciiValue ?? UInt8(ascii: ",")
    let needsQuotes =
      element.isEmpty
      || element.utf8.contains { byte in
        byte == separator || isSQLSpace(byte) || byte == UInt8(ascii: "{")
          || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
      }
      || (element.utf8.count == 4 && element.lowercased() == "null")
    guard needsQuotes else {
      text += element
      return
    }
    text += "\""
    for scalar in element.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { text.unicodeScalars.append("\\") }
      text.unicodeScalars.append(scalar)
    }
    text += "\""
  }
}

/// The white space of the server's `isspace` in the C locale.
func isSQLSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0d) }

/// The text of a composite's field or a range's bound, in quotes where the server puts some.
///
/// Source: `record_out` in the server's `src/backend/utils/adt/rowtypes.c`, and `range_deparse`.
func quotedPart(_ part: String, special: (UInt8) -> Bool) -> String {
  let needsQuotes =
    part.isEmpty
    || part.utf8.contains { byte in
      isSQLSpace(byte) || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
        || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")")
        || special(byte)
    }
  guard needsQuotes else { return part }
  var text = "\""
  for scalar in part.unicodeScalars {
    if scalar == "\"" || scalar == "\\" { text.unicodeScalars.append(scalar) }
    text.unicodeScalars.append(scalar)
  }
  return text + "\""
}

/// Reads the parts of a composite's or range's text.
struct NestedTextReader {
  private(set) var rest: Slice<UnsafeRawBufferPointer>

  init(_ rest: Slice<UnsafeRawBufferPointer>) {
    self.rest = rest
  }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func skip(_ scalar: Unicode.Scalar) -> Bool {
    guard let byte = rest.first, UInt32(byte) == scalar.value else { return false }
    rest = rest.dropFirst()
    return true
  }

  mutating func next() -> UInt8? { rest.popFirst() }

  /// A part up to a byte that ends it and is left; quotes and backslashes are taken off. Nil when
  /// there is nothing at all, which is NULL in a composite and no bound in a range.
  mutating func part(isEnd: (UInt8) -> Bool) -> Part {
    var bytes: [UInt8] = []
    var wasQuoted = false
    while let byte = rest.first, !isEnd(byte) {
      rest = rest.dropFirst()
      switch byte {
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst() else { return .broken }
        bytes.append(escaped)
      case UInt8(ascii: "\""):
        wasQuoted = true
        guard quoted(into: &bytes) else { return .broken }
      default: bytes.append(byte)
      }
    }
    return bytes.isEmpty && !wasQuoted ? .none : .value(bytes)
  }

  /// What a part is.
  enum Part {
    case none
    case value([UInt8])
    case broken
  }

  /// The rest of a part in quotes; false when they do not end.
  private mutating func quoted(into bytes: inout [UInt8]) -> Bool {
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""):
        guard rest.first == UInt8(ascii: "\"") else { return true }
        rest = rest.dropFirst()
        bytes.append(byte)
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst() else { return false }
        bytes.append(escaped)
      default: bytes.append(byte)
      }
    }
    return false
  }
}
