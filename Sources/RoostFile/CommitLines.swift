import Roost
import RoostCore
import RoostMemory

/// The lines of commits on their way to the end of a journal. They are written in pieces, so that a
/// commit of any length needs little memory.
struct CommitLines: ~Copyable {
  private let file: any OpenFile
  /// The most bytes of a line, and how many are gathered before they are written.
  private let limits: Journal.Limits
  /// What is not written yet; kept for its memory.
  var json = JSONWriter()
  /// Writes the operations on the tables of the last commit's schema.
  var operations: OperationWriter?
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
  var end: Int64 { offset + Int64(json.count) }

  /// Adds the line of a commit.
  /// - Returns: false for one that would be too long, of which nothing is left.
  mutating func add(
    _ commit: Commit, _ sequence: Int64, synced: Int64
  ) throws(FileError) -> Bool {
    let (start, before) = (end, chain)
    json.begin(behind: json.count)
    json.unseparated("{\"seq\":\(sequence),\"synced\":\(synced),")
    let operations = operations(on: commit.state.catalog)
    CommitFormat.write(commit.migration, into: &json)
    json.key("ops")
    json.beginArray()
    let most = start + Int64(limits.line)
    if commit.effects.count > Self.sliceLength {
      try writeInSlices(commit, operations, upTo: most)
    } else {
      try write(commit.effects[...], operations, upTo: most)
    }
    json.endArray()
    guard end - start <= limits.line else {
      chain = before
      try cut(to: start)
      return false
    }
    sum()
    json.unseparated(ChecksummedLine.journal.end(chain))
    json.unseparated("\n")
    summed = json.count
    return true
  }

  private mutating func operations(on catalog: Catalog) -> OperationWriter {
    if let operations, operations.catalog === catalog { return operations }
    let operations = OperationWriter(catalog)
    self.operations = operations
    return operations
  }

  /// Adds effects, in pieces, and stops where the line is too long.
  private mutating func write(
    _ effects: ArraySlice<Effect>, _ operations: OperationWriter, upTo most: Int64
  ) throws(FileError) {
    for effect in effects {
      operations.write(effect, into: &json)
      if json.count >= limits.piece { try flush() }
      if end > most { return }
    }
  }

  /// How many effects one processor turns into text at a time. A commit of no more is written as it
  /// comes.
  private static let sliceLength = 1_024

  /// The same with texts that all processors make, while those before them are written: text is
  /// most of the work of a large commit.
  private mutating func writeInSlices(
    _ commit: Commit, _ operations: OperationWriter, upTo most: Int64
  ) throws(FileError) {
    let (effects, catalog) = (commit.effects, commit.state.catalog)
    let count = (effects.count + Self.sliceLength - 1) / Self.sliceLength
    // A text has no more than some pieces, for the sake of memory, and leaves the rest of its
    // effects.
    let longest = 4 * limits.piece
    try OrderedWork.run(count) { index in
      var json = JSONWriter()
      var rest = index * Self.sliceLength..<min((index + 1) * Self.sliceLength, effects.count)
      // A writer of its own: to count who has a shared one is dear when several processors do.
      let operations = OperationWriter(catalog)
      effects.withUnsafeBufferPointer { effects in
        while json.count < longest, let place = rest.popFirst() {
          operations.write(effects[place], into: &json)
        }
      }
      return (text: json.bytes, rest: rest)
    } take: { slice throws(FileError) in
      json.raw(slice.text)
      if json.count >= limits.piece { try flush() }
      try write(effects[slice.rest], operations, upTo: most)
      return end <= most
    }
  }

  /// Writes what is not written yet.
  mutating func flush() throws(FileError) {
    guard json.count > 0 else { return }
    sum()
    try json.withBytes { bytes throws(FileError) in try file.write(bytes, at: offset) }
    // Not so a snapshot: commits beside it would wait behind it, at the device.
    if json.count >= limits.piece { file.beginWritingBack(json.count, at: offset) }
    offset = end
    json.removeWritten()
    summed = 0
  }

  private mutating func sum() {
    chain = json.withBytes(from: summed) { CRC32C.checksum($0, from: chain) }
    summed = json.count
  }

  /// Takes back what was added behind an offset. The synchronisation of the lines before it, or the
  /// next one, makes that durable: an fsync of its own that failed would be followed by another.
  private mutating func cut(to end: Int64) throws(FileError) {
    if end < offset {
      try file.truncate(to: end)
      offset = end
    }
    json.begin(behind: Int(end - offset))
    summed = json.count
  }
}
