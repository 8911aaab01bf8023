/// The CRC-32C checksum (Castagnoli), as iSCSI and ext4 use it.
///
/// Source: RFC 3720, appendix B.4; reflected polynomial 0x82F63B78, all bits inverted before and
/// after. Sixteen bytes are folded at a time ("slicing by 16").
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
      while position + 16 <= bytes.count {
        let first = bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self).littleEndian
        let second = bytes.loadUnaligned(fromByteOffset: position + 8, as: UInt64.self).littleEndian
        crc = fold(first ^ UInt64(crc), table, before: 8) ^ fold(second, table, before: 0)
        position += 16
      }
      while position < bytes.count {
        crc = table[Int((crc ^ UInt32(bytes[position])) & 0xFF)] ^ crc >> 8
        position += 1
      }
      return ~crc
    }
  }

  /// What eight bytes are worth that stand before so many others.
  @inline(__always)
  private static func fold(
    _ word: UInt64, _ table: UnsafeBufferPointer<UInt32>, before count: Int
  ) -> UInt32 {
    let (low, high) = (Int(truncatingIfNeeded: word & 0xFFFF_FFFF), Int(word >> 32))
    let place = count << 8
    return table[place + 0x700 + low & 0xFF] ^ table[place + 0x600 + low >> 8 & 0xFF]
      ^ table[place + 0x500 + low >> 16 & 0xFF] ^ table[place + 0x400 + low >> 24]
      ^ table[place + 0x300 + high & 0xFF] ^ table[place + 0x200 + high >> 8 & 0xFF]
      ^ table[place + 0x100 + high >> 16 & 0xFF] ^ table[place + high >> 24]
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

  /// Sixteen tables of 256 entries; table k advances a byte by k further zero bytes.
  private static let tables: [UInt32] = {
    let polynomial: UInt32 = 0x82F6_3B78
    var tables = [UInt32](repeating: 0, count: 16 * 256)
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
