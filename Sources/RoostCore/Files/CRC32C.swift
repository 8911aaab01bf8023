/// The CRC-32C checksum (Castagnoli), as iSCSI and ext4 use it.
///
/// Source: RFC 3720, appendix B.4; reflected polynomial 0x82F63B78, all bits inverted before and
/// after. Eight bytes are folded at a time ("slicing by 8").
public enum CRC32C {
  /// Continues a checksum over more bytes: `checksum(b, from: checksum(a))` is that of a + b.
  ///
  /// - Parameters:
  ///   - bytes: the bytes to add.
  ///   - seed: the checksum of what came before; 0 for nothing.
  public static func checksum(_ bytes: UnsafeRawBufferPointer, from seed: UInt32 = 0) -> UInt32 {
    tables.withUnsafeBufferPointer { table in
      var crc = ~seed
      var position = 0
      while position + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
        let low = UInt32(truncatingIfNeeded: word) ^ crc
        let high = UInt32(truncatingIfNeeded: word >> 32)
        crc =
          table[7 << 8 | Int(low & 0xFF)] ^ table[6 << 8 | Int(low >> 8 & 0xFF)]
          ^ table[5 << 8 | Int(low >> 16 & 0xFF)] ^ table[4 << 8 | Int(low >> 24)]
          ^ table[3 << 8 | Int(high & 0xFF)] ^ table[2 << 8 | Int(high >> 8 & 0xFF)]
          ^ table[1 << 8 | Int(high >> 16 & 0xFF)] ^ table[Int(high >> 24)]
        position += 8
      }
      while position < bytes.count {
        crc = table[Int((crc ^ UInt32(bytes[position])) & 0xFF)] ^ crc >> 8
        position += 1
      }
      return ~crc
    }
  }

  /// Continues a checksum over more bytes.
  public static func checksum(_ bytes: [UInt8], from seed: UInt32 = 0) -> UInt32 {
    bytes.withUnsafeBytes { checksum($0, from: seed) }
  }

  /// The eight lower-case hexadecimal digits of a checksum.
  public static func text(_ checksum: UInt32) -> String {
    let digits = String(checksum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }

  /// Eight tables of 256 entries; table k advances a byte by k further zero bytes.
  private static let tables: [UInt32] = {
    let polynomial: UInt32 = 0x82F6_3B78
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for index in 0..<256 {
      var crc = UInt32(index)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ polynomial : crc >> 1 }
      tables[index] = crc
    }
    for index in 256..<tables.count {
      let previous = tables[index - 256]
      tables[index] = tables[Int(previous & 0xFF)] ^ previous >> 8
    }
    return tables
  }()
}
