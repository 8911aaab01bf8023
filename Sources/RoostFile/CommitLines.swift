import Foundation
import Roost
import RoostCore
import RoostMemory
import Synchronization

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
    var written = 0
    while written < commit.effects.count, end - start <= limits.line {
      if commit.effects.count <= Self.sliceLength {
        members.write(commit.effects[written], into: &json)
        written += 1
      } else {
        for slice in slices(of: commit.effects[written...], members) {
          json.raw(slice.text)
          written += slice.count
        }
      }
      if json.bytes.count >= limits.piece { try flush() }
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

  /// How many effects one processor turns into text at a time. A commit of no more is written as it
  /// comes.
  private static let sliceLength = 1_024

  /// The texts of the first of some effects, made by all processors at once: text is most of the
  /// work of a large commit. A slice ends early where it has become longer than a piece; what is
  /// behind it waits for the next call.
  private func slices(
    of effects: ArraySlice<Effect>, _ members: CommitMembers
  ) -> [(text: [UInt8], count: Int)] {
    let most = (effects.count + Self.sliceLength - 1) / Self.sliceLength
    let count = min(most, 2 * ProcessInfo.processInfo.activeProcessorCount)
    let made = Mutex([(text: [UInt8], count: Int)](repeating: ([], 0), count: count))
    let (piece, length) = (limits.piece, Self.sliceLength)
    DispatchQueue.concurrentPerform(iterations: count) { index in
      var (members, json, written) = (members, JSONWriter(), 0)
      for effect in effects.dropFirst(index * length).prefix(length) {
        members.write(effect, into: &json)
        written += 1
        if json.bytes.count >= piece { break }
      }
      let slice = (json.takeBytes(), written)
      made.withLock { $0[index] = slice }
    }
    let slices = made.withLock { $0 }
    let early = slices.dropLast().firstIndex { $0.count < length }
    return Array(slices.prefix((early ?? count - 1) + 1))
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
