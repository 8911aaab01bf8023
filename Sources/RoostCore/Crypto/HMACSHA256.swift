/// HMAC with SHA-256, and the key derivation on it.
///
/// The states after the inner and the outer key block are kept, which halves the work of every
/// message under the same key. Source: RFC 2104.
package struct HMACSHA256: Sendable {
  private let inner: SHA256State
  private let outer: SHA256State

  /// Prepares a key of any length.
  package init(key: [UInt8]) {
    var block = key.count > SHA256.blockByteCount ? SHA256.hash(key) : key
    block.append(contentsOf: repeatElement(0, count: SHA256.blockByteCount - block.count))
    inner = Self.keyed(block, mask: 0x36)
    outer = Self.keyed(block, mask: 0x5c)
  }

  private static func keyed(_ block: [UInt8], mask: UInt8) -> SHA256State {
    var hash = SHA256()
    hash.update(block.map { $0 ^ mask })
    return hash.state
  }

  /// The 32 bytes that authenticate a message.
  package func authenticate(_ message: [UInt8]) -> [UInt8] {
    let keyBytes = UInt64(SHA256.blockByteCount)
    var first = SHA256(state: inner, byteCount: keyBytes)
    first.update(message)
    var second = SHA256(state: outer, byteCount: keyBytes)
    second.update(first.finish())
    return second.finish()
  }

  /// The 32 bytes that authenticate a message, in one call.
  package static func authenticate(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
    HMACSHA256(key: key).authenticate(message)
  }

  /// PBKDF2's first block (32 bytes), which is SCRAM's `Hi`.
  ///
  /// Fewer than one iteration counts as one. Source: RFC 8018, section 5.2.
  package static func deriveKey(password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
    let keyed = HMACSHA256(key: password)
    let first = keyed.authenticate(salt + [0, 0, 0, 1])
    var last = SHA256State(digest: first)
    var sum = last
    for _ in 1..<max(iterations, 1) {
      var state = keyed.inner
      state.compress(SHA256Block(digest: last))
      last = keyed.outer
      last.compress(SHA256Block(digest: state))
      sum.formExclusiveOr(last)
    }
    return sum.bytes
  }
}

extension SHA256Block {
  /// The last block of a message of a key block and one digest.
  @inline(__always)
  init(digest: SHA256State) {
    self.init()
    (w0, w1, w2, w3) = (digest.a, digest.b, digest.c, digest.d)
    (w4, w5, w6, w7) = (digest.e, digest.f, digest.g, digest.h)
    w8 = 0x8000_0000
    w15 = UInt32((SHA256.blockByteCount + SHA256.digestByteCount) * 8)
  }
}

extension SHA256State {
  /// A digest's bytes as words; 32 bytes, as this file's own functions make them.
  fileprivate init(digest: [UInt8]) {
    let words = stride(from: 0, to: digest.count, by: 4).map { start in
      digest[start..<min(start + 4, digest.count)].reduce(UInt32(0)) { $0 &<< 8 | UInt32($1) }
    }
    self.init()
    guard words.count == 8 else { return }
    (a, b, c, d) = (words[0], words[1], words[2], words[3])
    (e, f, g, h) = (words[4], words[5], words[6], words[7])
  }

  @inline(__always)
  fileprivate mutating func formExclusiveOr(_ other: SHA256State) {
    a ^= other.a
    b ^= other.b
    c ^= other.c
    d ^= other.d
    e ^= other.e
    f ^= other.f
    g ^= other.g
    h ^= other.h
  }
}
