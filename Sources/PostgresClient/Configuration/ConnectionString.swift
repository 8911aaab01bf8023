/// A connection string taken apart: keywords with their values, still as text.
///
/// It works on bytes, as libpq does: a combining mark after a `=` is a part of the value. Errors
/// name the keyword where there is one, and never repeat a value, which may be a password.
///
/// Source: PostgreSQL manual, "Connection Strings"; `conninfo_parse`, `conninfo_uri_parse_options`
/// and `conninfo_storeval` in libpq's `fe-connect.c`.
package struct ConnectionString {
  /// The values by keyword; the last one counts where a keyword comes twice. An empty value is
  /// kept: it keeps other sources from being asked.
  package private(set) var values: [String: String] = [:]

  private static let schemes = ["postgresql://", "postgres://"]

  /// Takes a URI or a keyword/value string apart, whichever it is.
  package init(_ text: String) throws(PostgresError) {
    guard !text.utf8.contains(0) else { throw Self.invalid("it has a NUL character") }
    // RFC 3986, section 3.1: a scheme's case does not matter (to libpq it does).
    if let scheme = Self.schemes.first(where: { scheme in
      String(decoding: text.utf8.prefix(scheme.utf8.count), as: UTF8.self).lowercased() == scheme
    }) {
      var reader = ByteReader(text.utf8.dropFirst(scheme.utf8.count))
      try parseURI(&reader)
    } else {
      var reader = ByteReader(text.utf8[...])
      try parseKeywords(&reader)
    }
  }

  private mutating func store(_ keyword: String, _ value: String) throws(PostgresError) {
    switch keyword {
    // What older versions of libpq had in the place of sslmode.
    case "requiressl":
      values["sslmode"] = value.utf8.first == UInt8(ascii: "1") ? "require" : "prefer"
    case _ where ConnectionKeyword.all.contains { $0.name == keyword }: values[keyword] = value
    default:
      throw PostgresError(
        .invalidConfiguration,
        "unknown connection parameter \"\(keyword)\"; known are "
          + ConnectionKeyword.all.map(\.name).joined(separator: ", "))
    }
  }

  private static func text(_ bytes: [UInt8]) throws(PostgresError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw invalid("it is not UTF-8")
    }
    return text
  }

  private static func invalid(_ what: String) -> PostgresError {
    PostgresError(.invalidConfiguration, "the connection string cannot be read: \(what)")
  }
}

// MARK: - Keywords and values

extension ConnectionString {
  private mutating func parseKeywords(_ reader: inout ByteReader) throws(PostgresError) {
    while true {
      reader.skipSpaces()
      guard reader.next != nil else { return }
      let keyword = try Self.text(reader.take { $0 != UInt8(ascii: "=") && !$0.isSpace })
      reader.skipSpaces()
      guard reader.skip(UInt8(ascii: "=")) else {
        // It may be a part of a password with a space in it, so that it is not shown.
        throw Self.invalid(
          "a keyword is not followed by \"=\"; a value with spaces wants quotes: name='a value'")
      }
      reader.skipSpaces()
      let isQuoted = reader.skip(UInt8(ascii: "'"))
      let value = try isQuoted ? Self.quotedValue(&reader, of: keyword) : Self.plainValue(&reader)
      try store(keyword, try Self.text(value))
    }
  }

  private static func plainValue(_ reader: inout ByteReader) -> [UInt8] {
    var value: [UInt8] = []
    while let byte = reader.next, !byte.isSpace {
      reader.advance()
      if byte != UInt8(ascii: "\\") {
        value.append(byte)
      } else if let escaped = reader.next {
        value.append(escaped)
        reader.advance()
      }
    }
    return value
  }

  private static func quotedValue(
    _ reader: inout ByteReader, of keyword: String
  ) throws(PostgresError) -> [UInt8] {
    var value: [UInt8] = []
    while let byte = reader.next {
      reader.advance()
      if byte == UInt8(ascii: "'") { return value }
      if byte != UInt8(ascii: "\\") {
        value.append(byte)
      } else if let escaped = reader.next {
        value.append(escaped)
        reader.advance()
      }
    }
    throw invalid("the quoted value of \(known(keyword)) does not end")
  }

  /// The keyword if it is one: what stands in its place may be a part of a password.
  private static func known(_ keyword: String) -> String {
    ConnectionKeyword.all.contains { $0.name == keyword } ? "\"\(keyword)\"" : "a keyword"
  }
}

// MARK: - URI

extension ConnectionString {
  private mutating func parseURI(_ reader: inout ByteReader) throws(PostgresError) {
    try parseCredentials(&reader)
    try parseHosts(&reader)
    if reader.skip(UInt8(ascii: "/")) {
      try storeDecoded("dbname", reader.take { $0 != UInt8(ascii: "?") })
    }
    if reader.skip(UInt8(ascii: "?")) { try parseParameters(&reader) }
  }

  private mutating func parseCredentials(_ reader: inout ByteReader) throws(PostgresError) {
    var ahead = reader
    let credentials = ahead.take { $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "/") }
    guard ahead.skip(UInt8(ascii: "@")) else { return }
    reader = ahead
    let user = credentials.prefix { $0 != UInt8(ascii: ":") }
    try storeDecoded("user", Array(user))
    try storeDecoded("password", Array(credentials.dropFirst(user.count + 1)))
  }

  /// Reads hosts with commas between them, each with a port of its own; what is empty counts too,
  /// so that hosts and ports keep to each other.
  private mutating func parseHosts(_ reader: inout ByteReader) throws(PostgresError) {
    var hosts: [UInt8] = []
    var ports: [UInt8] = []
    while true {
      hosts += try Self.host(&reader)
      if reader.skip(UInt8(ascii: ":")) { ports += reader.take { !$0.ends(",/?") } }
      guard reader.skip(UInt8(ascii: ",")) else { break }
      hosts.append(UInt8(ascii: ","))
      ports.append(UInt8(ascii: ","))
    }
    try storeDecoded("host", hosts)
    try storeDecoded("port", ports)
  }

  private static func host(_ reader: inout ByteReader) throws(PostgresError) -> [UInt8] {
    guard reader.skip(UInt8(ascii: "[")) else { return reader.take { !$0.ends(":/?,") } }
    let address = reader.take { $0 != UInt8(ascii: "]") }
    guard reader.skip(UInt8(ascii: "]")) else { throw invalid("an IPv6 address lacks its ]") }
    guard !address.isEmpty else { throw invalid("an IPv6 address is empty") }
    guard reader.next?.ends(":/?,") ?? true else {
      throw invalid("unexpected text after an IPv6 address")
    }
    return address
  }

  private mutating func parseParameters(_ reader: inout ByteReader) throws(PostgresError) {
    while reader.next != nil {
      let item = reader.take { $0 != UInt8(ascii: "&") }
      _ = reader.skip(UInt8(ascii: "&"))
      let parts = item.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
      guard parts.count == 2 else {
        let keyword = try? Self.decode(Array(parts[0]))
        throw Self.invalid("the parameter \(Self.known(keyword ?? "")) is not name=value")
      }
      let keyword = try Self.decode(Array(parts[0]))
      let value = try Self.decode(Array(parts[1]))
      // As JDBC's URIs have it; no other value of it is known.
      if keyword == "ssl", value == "true" {
        values["sslmode"] = "require"
      } else {
        try store(keyword, value)
      }
    }
  }

  /// Stores a part of the URI, unless it is empty, which counts as not given.
  private mutating func storeDecoded(_ keyword: String, _ bytes: [UInt8]) throws(PostgresError) {
    if !bytes.isEmpty { values[keyword] = try Self.decode(bytes) }
  }

  private static func decode(_ bytes: [UInt8]) throws(PostgresError) -> String {
    var decoded: [UInt8] = []
    var rest = bytes[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        decoded.append(byte)
        continue
      }
      guard let high = rest.popFirst()?.hexadecimalValue,
        let low = rest.popFirst()?.hexadecimalValue
      else { throw invalid("a % is not followed by two hexadecimal digits") }
      guard high != 0 || low != 0 else { throw invalid("%00 is not allowed") }
      decoded.append(high << 4 | low)
    }
    return try text(decoded)
  }
}

// MARK: - Bytes

/// Bytes that are read from front to end.
private struct ByteReader {
  private var rest: Substring.UTF8View

  init(_ bytes: Substring.UTF8View) {
    rest = bytes
  }

  /// The byte that comes next; nil at the end.
  var next: UInt8? { rest.first }

  mutating func advance() {
    rest = rest.dropFirst()
  }

  /// Passes over a byte if it comes next.
  mutating func skip(_ byte: UInt8) -> Bool {
    guard rest.first == byte else { return false }
    rest = rest.dropFirst()
    return true
  }

  mutating func skipSpaces() {
    rest = rest.drop { $0.isSpace }
  }

  mutating func take(while belongs: (UInt8) -> Bool) -> [UInt8] {
    let taken = rest.prefix(while: belongs)
    rest = rest[taken.endIndex...]
    return Array(taken)
  }
}

extension BidirectionalCollection where Element == UInt8 {
  /// What is left without the blanks at both ends.
  var trimmed: SubSequence {
    let end = lastIndex { !$0.isSpace }.map(index(after:)) ?? startIndex
    return self[..<end].drop { $0.isSpace }
  }
}

extension UInt8 {
  /// Whether it is C's `isspace` in the C locale.
  var isSpace: Bool { self == 0x20 || (0x09...0x0d).contains(self) }

  fileprivate func ends(_ terminators: StaticString) -> Bool {
    terminators.withUTF8Buffer { $0.contains(self) }
  }

  fileprivate var hexadecimalValue: UInt8? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
