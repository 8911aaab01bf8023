import RoostCore

/// SHA-256 as the tables hold it.
enum Digest {
  /// The digest in 64 lower-case hexadecimal digits.
  static func hexadecimal(_ bytes: [UInt8]) -> String { text(SHA256.hash(bytes)) }

  /// Bytes in lower-case hexadecimal digits.
  static func text(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
