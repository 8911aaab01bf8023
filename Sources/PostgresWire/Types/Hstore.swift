/// The extension `hstore`: texts by text, nil for NULL.
///
/// Source: `hstore_send` and `hstore_out` in the server's `contrib/hstore/hstore_io.c`.
extension Dictionary: PostgresDecodable where Key == String, Value == String? {
  /// From hstore.
  public static func decode(
    _ cell: borrowing PostgresCell
  ) throws(PostgresDecodingError) -> [String: String?] {
    if cell.format == .text {
      guard !cell.type.isBuiltIn, let pairs = hstore(try cell.text(as: Self.self)) else {
        throw cell.mismatch(as: Self.self)
      }
      return pairs
    }
    guard case .hstore = cell.catalogue[cell.type]?.kind else {
      throw cell.mismatch(as: Self.self)
    }
    var reader = try PostgresValueReader(cell, as: Self.self)
    // A pair has two lengths.
    let count = try reader.count(ofByteCount: 8)
    var pairs: [String: String?] = [:]
    for _ in 0..<count {
      let keyCount = Int(try reader.integer(Int32.self))
      let key = try reader.text(keyCount)
      let valueCount = Int(try reader.integer(Int32.self))
      pairs[key] = .some(valueCount == -1 ? nil : try reader.text(valueCount))
    }
    try reader.finish()
    return pairs
  }

  /// Reads `"a"=>"b", "c"=>NULL`; nil when the text has another form.
  private static func hstore(_ text: String) -> [String: String?]? {
    var rest = Substring(text).unicodeScalars
    var pairs: [String: String?] = [:]
    func quoted() -> String? {
      guard rest.popFirst() == "\"" else { return nil }
      var result = String.UnicodeScalarView()
      while let scalar = rest.popFirst() {
        if scalar == "\"" { return String(result) }
        guard scalar != "\\" else {
          guard let escaped = rest.popFirst() else { return nil }
          result.append(escaped)
          continue
        }
        result.append(scalar)
      }
      return nil
    }
    func skip(_ expected: String) -> Bool {
      guard rest.starts(with: expected.unicodeScalars) else { return false }
      rest.removeFirst(expected.unicodeScalars.count)
      return true
    }
    while !rest.isEmpty {
      guard pairs.isEmpty || skip(", "), let key = quoted(), skip("=>") else { return nil }
      if skip("NULL") {
        pairs[key] = .some(nil)
      } else {
        guard let value = quoted() else { return nil }
        pairs[key] = value
      }
    }
    return pairs
  }
}

extension Dictionary: PostgresEncodable where Key == String, Value == String? {
  /// None: the server reads the text as hstore, whose number differs between databases.
  public static var postgresParameterType: PostgresType { .unspecified }

  /// The text.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    try (postgresText ?? "").encode(into: &writer)
  }
}

extension Dictionary: PostgresTextRepresentable where Key == String, Value == String? {
  /// `"a"=>"b", "c"=>NULL`, the keys sorted as hstore does: by length, then by bytes.
  public var postgresText: String? {
    func quoted(_ text: String) -> String {
      var result = "\""
      for scalar in text.unicodeScalars {
        if scalar == "\"" || scalar == "\\" { result.unicodeScalars.append("\\") }
        result.unicodeScalars.append(scalar)
      }
      return result + "\""
    }
    let keys = keys.sorted { left, right in
      left.utf8.count == right.utf8.count
        ? left.utf8.lexicographicallyPrecedes(right.utf8) : left.utf8.count < right.utf8.count
    }
    return keys.map { key in
      let value = self[key].flatMap { $0 }
      return quoted(key) + "=>" + (value.map(quoted) ?? "NULL")
    }.joined(separator: ", ")
  }
}

extension Dictionary: PostgresArrayDecodable where Key == String, Value == String? {}
