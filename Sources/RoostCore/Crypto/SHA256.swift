/// SHA-256 over bytes that come in pieces.
///
/// Source: FIPS 180-4.
public struct SHA256: Sendable {
  /// The length of a digest, in bytes.
  public static let digestByteCount = 32

  /// The length of a block, in bytes.
  static let blockByteCount = 64

  var state = SHA256State()
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0

  /// Starts with no bytes.
  public init() {}

  /// Goes on from a state after `byteCount` bytes, a multiple of the block's length.
  init(state: SHA256State, byteCount: UInt64) {
    self.state = state
    self.byteCount = byteCount
  }

  /// Appends bytes to the message.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    byteCount &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let taken = rest.prefix(Self.blockByteCount - pending.count)
      pending.append(contentsOf: taken)
      rest = rest.dropFirst(taken.count)
      guard pending.count == Self.blockByteCount else { return }
      pending.withUnsafeBytes { block in
        if let base = block.baseAddress { state.compress(SHA256Block(base)) }
      }
      pending.removeAll(keepingCapacity: true)
    }
    let whole = UnsafeRawBufferPointer(rebasing: rest)
    var offset = 0
    if let base = whole.baseAddress {
      while offset + Self.blockByteCount <= whole.count {
        state.compress(SHA256Block(base + offset))
        offset += Self.blockByteCount
      }
    }
    pending.append(contentsOf: whole[offset...])
  }

  /// Appends bytes to the message.
  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// The 32 bytes of the digest of all bytes so far.
  public consuming func finish() -> [UInt8] {
    let bits = byteCount &* 8
    var padding: [UInt8] = [0x80]
    let used = (pending.count + 1) % Self.blockByteCount
    let zeros = (Self.blockByteCount + 56 - used) % Self.blockByteCount
    padding.append(contentsOf: repeatElement(0, count: zeros))
    withUnsafeBytes(of: bits.bigEndian) { padding.append(contentsOf: $0) }
    update(padding)
    return state.bytes
  }

  /// The digest of a message in one piece.
  public static func hash(_ message: [UInt8]) -> [UInt8] {
    var hash = SHA256()
    hash.update(message)
    return hash.finish()
  }
}

extension SHA256State {
  /// The eight words, big-endian.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(SHA256.digestByteCount)
    for word in [a, b, c, d, e, f, g, h] {
      withUnsafeBytes(of: word.bigEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
