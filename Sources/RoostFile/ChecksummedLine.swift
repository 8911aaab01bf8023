import RoostCore

// Every line of a journal and of a snapshot ends with the checksum of its bytes, seeded with the
// line before: a line that is missing, repeated, moved or of another store breaks the chain.
//
//   journal.jsonl    {"seq":8,"synced":7,"ops":[...],"crc":"ada05176"}
//   snapshot.json    ["projects",{"id":1,...},"ada05176"],

/// How a line carries its checksum: the bytes before and after the eight digits.
struct ChecksummedLine {
  let before: [UInt8]
  let after: [UInt8]

  /// A journal's line: the last member of an object.
  static let journal = ChecksummedLine(before: Array(",\"crc\":\"".utf8), after: Array("\"}".utf8))
  /// A snapshot's record: the last element of an array.
  static let record = ChecksummedLine(before: Array(",\"".utf8), after: Array("\"]".utf8))

  private var tailLength: Int { before.count + 8 + after.count }

  /// Adds the checksum to an open line that starts at `start`, and returns it as the next seed.
  func seal(_ bytes: inout [UInt8], from start: Int, seed: UInt32) -> UInt32 {
    let checksum = bytes.withUnsafeBytes { buffer in
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: buffer[start...]), from: seed)
    }
    bytes += end(checksum)
    return checksum
  }

  /// The end of a line with this checksum.
  func end(_ checksum: UInt32) -> [UInt8] {
    before + CRC32C.text(checksum).utf8 + after
  }

  /// The checksum that a line carries, nil when its end has another form.
  func stored(in line: UnsafeBufferPointer<UInt8>) -> UInt32? {
    let open = line.count - tailLength
    guard open >= 0, line[open..<(open + before.count)].elementsEqual(before),
      line[(line.count - after.count)...].elementsEqual(after)
    else { return nil }
    var value: UInt32 = 0
    for byte in line[(open + before.count)..<(line.count - after.count)] {
      // Compared digit by digit: a checksum in another spelling is not the one that was written.
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - 48)
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - 87)
      default: return nil
      }
    }
    return value
  }

  /// The checksum that a line should carry; nil when its end has another form.
  func expected(of line: UnsafeBufferPointer<UInt8>, seed: UInt32) -> UInt32? {
    guard stored(in: line) != nil else { return nil }
    let open = UnsafeBufferPointer(rebasing: line[..<(line.count - tailLength)])
    return CRC32C.checksum(UnsafeRawBufferPointer(open), from: seed)
  }

  /// The checksum of a line that is whole and follows its predecessor; nil for any other.
  func verify(_ line: UnsafeBufferPointer<UInt8>, seed: UInt32) -> UInt32? {
    let stored = stored(in: line)
    return stored != nil && expected(of: line, seed: seed) == stored ? stored : nil
  }
}
