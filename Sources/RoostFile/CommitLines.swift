import Roost
import RoostCore
import RoostMemory

/// The lines of commits on their way to the end of a journal. They are written in pieces, so that a
/// commit of any length needs little memory.
struct CommitLines {
  private let file: any OpenFile
  /// The most bytes of a line, and how many are gathered before they are written.
  private let limits: Journal.Limits
  /// What is not written yet; kept for its memory.
  var json = JSONWriter()
  /// Where that goes.
  private var offset: Int64
  /// The checksum of the last line, and of as much of the present one as is in `summed`.
  private(set) var chain: UInt32
  /// How many bytes of what is not written are in the checksum, or of earlier lines.
  private var summed = 0

  /// Lines that begin at an offset of a file, behind the line with the checksum `chain`.
  init(_ file: any OpenFile, at offset: Int64, chain: UInt32, _ limits: Journal.Limits) {
    (self.file, self.offset, self.chain, self.limits) = (file, offset, chain, limits)
  }

  /// Where the lines end.
  var end: Int64 { offset + Int64(json.bytes.count) }

  /// Adds the line of a commit.
  /// - Returns: false for one that would be too long, of which nothing is left.
  mutating func add(
    _ commit: Commit, _ sequence: Int64, synced: Int64
  ) throws(FileError) -> Bool {
    let (start, before) = (end, chain)
    json.begin(behind: json.bytes.count)
    json.unseparated("{\"seq\":\(sequence),\"synced\":\(synced),".utf8)
    var members = CommitMembers(commit)
    members.begin(&json)
    for effect in commit.effects {
      members.write(effect, into: &json)
      if json.bytes.count >= limits.piece { try flush() }
      if end - start > limits.line { break }
    }
    members.end(&json)
    guard end - start <= limits.line else {
      chain = before
      try cut(to: start)
      return false
    }
    sum()
    json.unseparated(ChecksummedLine.journal.end(chain))
    json.unseparated(CollectionOfOne(UInt8(ascii: "\n")))
    summed = json.bytes.count
    return true
  }

  /// Writes what is not written yet.
  mutating func flush() throws(FileError) {
    guard !json.bytes.isEmpty else { return }
    sum()
    try file.write(json.bytes, at: offset)
    offset = end
    json.removeWritten()
    summed = 0
  }

  private mutating func sum() {
    chain = json.bytes.withUnsafeBytes { bytes in
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[summed...]), from: chain)
    }
    summed = json.bytes.count
  }

  /// Takes back what was added behind an offset. The synchronisation of the lines before it, or the
  /// next one, makes that durable: an fsync of its own that failed would be followed by another.
  private mutating func cut(to end: Int64) throws(FileError) {
    if end < offset {
      try file.truncate(to: end)
      offset = end
    }
    json.begin(behind: Int(end - offset))
    summed = json.bytes.count
  }
}
