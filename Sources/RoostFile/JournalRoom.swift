// Spaces behind the last line of a journal that is written to, for the next lines to be written
// over: fdatasync then has no new length to bring to the device, which takes a third of its time.
// JSON has spaces between its values, so `jq` reads the file as before.

/// How much room a journal has behind its lines.
enum JournalRoom {
  /// The blocks of which the room is made, and the most that is made at once.
  private static let block: Int64 = 4096
  private static let limit: Int64 = 256 << 10

  /// Where room ends that is made behind a journal of a length: as much again, within bounds, so
  /// that a small store stays small.
  static func end(behind length: Int64) -> Int64 {
    let size = min(max(length, block), limit)
    return (length + size) / block * block
  }

  /// Whether bytes behind the last line are nothing but room.
  /// - Parameter isClosed: whether that line is the closing one. The room is then being cut off,
  ///   and when the power goes zeros may stand where it was.
  static func isRoom(_ bytes: some Sequence<UInt8>, isClosed: Bool) -> Bool {
    bytes.allSatisfy { $0 == UInt8(ascii: " ") || isClosed && $0 == 0 }
  }
}
