import Foundation
import RoostCore

/// Writes a file of lines, a piece at a time, and hashes it.
final class LineFileWriter {
  /// How much is gathered before it is written.
  private static let piece = 1 << 20

  private let file: any OpenFile
  private var json = JSONWriter()
  private var buffer: [UInt8] = []
  private var hash = SHA256()
  private(set) var length: Int64 = 0
  private(set) var digest = RangeDigest()

  init(_ path: String, _ files: any FileSystem) throws(FileError) {
    file = try files.open(path, .createNew)
  }

  /// Writes rows, a line each.
  func add(_ rows: [[Value]], of table: TableDefinition) throws(StoreError) {
    try digest.add(rows, of: table)
    try BackupFile.attempt(file.path) { () throws(FileError) in try write(rows, of: table) }
  }

  private func write(_ rows: [[Value]], of table: TableDefinition) throws(FileError) {
    let writer = RowJSONWriter(table)
    for row in rows {
      json.removeAll()
      writer.write(row, into: &json)
      json.withBytes(from: 0) { buffer += $0 }
      buffer.append(UInt8(ascii: "\n"))
      if buffer.count >= Self.piece { try flush() }
    }
  }

  private func flush() throws(FileError) {
    try file.write(buffer, at: length)
    hash.update(buffer)
    length += Int64(buffer.count)
    buffer.removeAll(keepingCapacity: true)
  }

  /// Brings the file to the device, and gives its SHA-256 in hexadecimal.
  func finish() throws(FileError) -> String {
    try flush()
    try file.synchronize()
    try file.close()
    return hash.finish().hexadecimal
  }
}

/// Files of a backup, read.
enum BackupFile {
  /// How much is read at a time.
  static let piece = 1 << 20
  /// The longest line, as long as that of a file store's journal.
  static let lineLimit = 256 << 20
  /// The longest manifest.
  static let manifestLimit = 64 << 20

  /// The length and the SHA-256 of a file.
  static func hash(
    _ path: String, _ files: any FileSystem
  ) throws(FileError) -> (length: Int64, sha256: String) {
    let file = try files.open(path, .read)
    var hash = SHA256()
    var length: Int64 = 0
    while true {
      let bytes = try read(file, at: length)
      if bytes.isEmpty { break }
      hash.update(bytes)
      length += Int64(bytes.count)
    }
    try file.close()
    return (length, hash.finish().hexadecimal)
  }

  /// Some bytes from an offset; none at the end.
  static func read(_ file: any OpenFile, at offset: Int64) throws(FileError) -> [UInt8] {
    var failure: FileError?
    let bytes = [UInt8](unsafeUninitializedCapacity: piece) { buffer, count in
      do throws(FileError) {
        count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Runs file operations with the store's errors.
  static func attempt<Result>(
    _ path: String, _ operation: () throws(FileError) -> Result
  ) throws(StoreError) -> Result {
    do { return try operation() } catch { throw StoreError(error, location: path) }
  }
}

/// The bytes of a table's file, a piece at a time, unpacked where it is packed.
final class BackupPieces {
  private enum Origin {
    case file(any OpenFile)
    case gzip(GzipReader)
  }

  private let path: String
  private let origin: Origin
  private var offset: Int64 = 0

  init(_ path: String, isCompressed: Bool, _ files: any FileSystem) throws(StoreError) {
    self.path = path
    origin =
      isCompressed
      ? .gzip(try GzipReader(path))
      : .file(
        try BackupFile.attempt(path) { () throws(FileError) in try files.open(path, .read) })
  }

  /// The next bytes; none at the end.
  func next() throws(StoreError) -> [UInt8] {
    switch origin {
    case .gzip(let reader): return try reader.next(BackupFile.piece)
    case .file(let file):
      let start = offset
      let bytes = try BackupFile.attempt(path) { () throws(FileError) in
        try BackupFile.read(file, at: start)
      }
      offset += Int64(bytes.count)
      return bytes
    }
  }
}

/// Puts the lines of a file together from its pieces.
struct LineBuffer {
  private var rest: [UInt8] = []

  /// Takes a piece, none at the end of the file, and calls the body with each line that it ends,
  /// without the line's end.
  /// - Throws: `corrupted` for a last line without an end, and for one that is too long.
  mutating func add(
    _ bytes: [UInt8], _ path: String,
    _ body: (UnsafeBufferPointer<UInt8>) throws(StoreError) -> Void
  ) throws(StoreError) {
    guard !bytes.isEmpty else {
      guard rest.isEmpty else { throw StoreError.damaged(path, "its last line is not whole") }
      return
    }
    var start = 0
    while let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) {
      rest += bytes[start..<end]
      let result = rest.withUnsafeBufferPointer { line in
        Result { () throws(StoreError) in try body(line) }
      }
      try result.get()
      rest.removeAll(keepingCapacity: true)
      start = end + 1
    }
    rest += bytes[start...]
    guard rest.count <= BackupFile.lineLimit else {
      throw StoreError.damaged(path, "a line is too long")
    }
  }
}

extension [UInt8] {
  /// The bytes as hexadecimal digits.
  var hexadecimal: String {
    map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
