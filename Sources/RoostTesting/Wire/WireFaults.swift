package import Foundation

/// What happens to one direction of a conversation.
package struct WireFaults: Sendable {
  /// The most bytes that one call moves; nil for as many as there are.
  package var sliceByteCount: Int?
  /// After how many bytes the conversation ends; nil for never.
  package var cutAfterByteCount: Int?
  /// How it ends then.
  package var ending = Ending.close
  /// How long each piece is kept back, in seconds.
  package var delay: TimeInterval = 0
  /// Which bit of which byte is another, counted from 0; nil for none.
  package var flip: (byte: Int, bit: Int)?
  /// From which byte on there is garbage, and what it is made of; nil for never.
  package var garbage: (byte: Int, seed: UInt64)?

  /// How a conversation ends.
  package enum Ending: Sendable, CaseIterable {
    /// As after a good-bye.
    case close
    /// With an error on both sides, as when a machine has lost its memory of it.
    case reset
    /// Not at all: nothing more comes.
    case silence
  }

  /// No faults.
  package init() {}

  /// Changes the bytes that follow `offset` bytes of the direction; returns how many of them pass.
  package func apply(to bytes: inout [UInt8], at offset: Int) -> Int {
    if let flip, bytes.indices.contains(flip.byte - offset) {
      bytes[flip.byte - offset] ^= 1 << UInt8(flip.bit & 7)
    }
    if let garbage {
      for index in bytes.indices where index + offset >= garbage.byte {
        // The same for a place and a seed, however the stream is cut into pieces.
        var number = (UInt64(index + offset) &+ garbage.seed) &* 0x9e37_79b9_7f4a_7c15
        number ^= number >> 29
        bytes[index] = UInt8(truncatingIfNeeded: number &* 0xbf58_476d_1ce4_e5b9 >> 32)
      }
    }
    guard let cutAfterByteCount else { return bytes.count }
    return min(bytes.count, max(0, cutAfterByteCount - offset))
  }
}
