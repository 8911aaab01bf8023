import PostgresWire
import Testing

/// Changes the bytes of a value in every way that a broken or hostile server could, and hands each
/// form to a decoder. What the decoder does with it is the decoder's affair: it returns or throws.
///
/// A trap or an endless loop ends the test run. Memory that a length merely promises would be
/// allocated here thousands of times, over 2 GiB each.
enum HostileBytes {
  /// What lengths and counts are replaced by.
  static let integers: [Int32] = [-1, -2, .min, .max, 0, 1, 7, 0x7fff, 0x10000, 0x1000_0000]

  /// All forms of the bytes: cut at every place, with every four and every two bytes replaced by
  /// numbers that are wrong, with every byte replaced, and with a byte too many.
  static func forms(of bytes: [UInt8]) -> [[UInt8]] {
    var forms: [[UInt8]] = [bytes + [0]]
    for end in bytes.indices { forms.append(Array(bytes[..<end])) }
    for start in bytes.indices {
      for integer in integers {
        for width in [4, 2] where start + width <= bytes.count {
          var form = bytes
          let replacement = withUnsafeBytes(of: integer.bigEndian) { Array($0.suffix(width)) }
          form.replaceSubrange(start..<start + width, with: replacement)
          forms.append(form)
        }
      }
      for byte: UInt8 in [0, 1, 0x7f, 0x80, 0xff, bytes[start] ^ 1] {
        var form = bytes
        form[start] = byte
        forms.append(form)
      }
    }
    return forms
  }

  /// Random bytes, and pieces of the value in another order, always the same ones.
  static func random(_ bytes: [UInt8], count: Int) -> [[UInt8]] {
    var state: UInt64 = 0x9e37_79b9_7f4a_7c15
    func next() -> UInt64 {
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state
    }
    return (0..<count).map { round in
      var form = bytes
      if round % 4 == 0 || form.isEmpty {
        return (0..<Int(next() % 80)).map { _ in UInt8(truncatingIfNeeded: next()) }
      }
      for _ in 0...(next() % 6) {
        form[Int(next() % UInt64(form.count))] = UInt8(truncatingIfNeeded: next())
      }
      if round % 3 == 0 {
        let start = Int(next() % UInt64(form.count))
        form += form[start...]
      }
      return form
    }
  }

  /// Decodes every form in both formats, and shows what came out. Returns how many were taken.
  @discardableResult
  static func feed<T: PostgresDecodable>(
    _ type: T.Type, _ bytes: [UInt8], as postgresType: PostgresType,
    catalogue: PostgresTypeCatalogue = .builtIn, rounds: Int = 500
  ) -> Int {
    var taken = 0
    for form in forms(of: bytes) + random(bytes, count: rounds) {
      for format in [PostgresFormat.binary, .text] {
        form.withUnsafeBytes { form in
          let cell = PostgresCell(
            bytes: form, type: postgresType, format: format, catalogue: catalogue)
          if let value = try? T.decode(cell) {
            taken += 1
            if let shown = value as? any PostgresTextRepresentable { _ = shown.postgresText }
          }
          _ = try? cell.readableText()
        }
      }
    }
    return taken
  }
}
