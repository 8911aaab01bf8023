import Foundation
import Roost
import RoostCore
import RoostFile
import RoostTesting

extension Proof {
  /// Every way that bytes may be wrong.
  static let damage = Proof(
    "damage", "every truncation, bit flip, and damaged line and sector of stores of 25 KB"
  ) { request in
    var tried = 0
    for kind in DamagedStore.Kind.allCases {
      let store = try DamagedStore(kind, seed: request.seed, bytes: 25_000)
      tried += try store.truncations()
      tried += try store.flips()
      tried += try store.lines()
      tried += try store.sectors()
    }
    return "\(tried) damaged stores, no wrong answer"
  }
}

/// A store whose files are damaged, one place at a time, and what is then made of it.
package struct DamagedStore {
  /// How the store was left.
  package enum Kind: String, CaseIterable, Sendable {
    /// With a journal that its process did not close.
    case open
    /// With a closed journal.
    case closed
    /// With a snapshot, and a journal that was not closed.
    case openWithSnapshot
    /// With a snapshot and a closed journal.
    case closedWithSnapshot
  }

  private let kind: Kind
  private let disk: SimulatedFileSystem
  private let ledger: Ledger
  /// The files that hold the rows, by name.
  private let files: [String: [UInt8]]
  /// How many commits the last write had: only those may seem torn.
  private static let lastWrite = 3

  package init(_ kind: Kind, seed: UInt64, bytes: Int) throws {
    let dice = Dice(seed: seed)
    let disk = SimulatedFileSystem(seed: seed)
    try disk.makeDirectory("/disk")
    let shared = SharedLedger()
    let store = try StepwiseStore(disk, shared)
    func length() -> Int {
      Self.content(of: disk).values.reduce(0) { $0 + Self.withoutRoom($1).count }
    }
    let hasSnapshot = kind == .openWithSnapshot || kind == .closedWithSnapshot
    var isCompacted = !hasSnapshot
    repeat {
      try store.commit(1, dice)
      if !isCompacted, length() > bytes / 2 {
        store.compact()
        isCompacted = true
      }
    } while length() < bytes || !isCompacted
    try store.commit(Self.lastWrite, dice)
    if kind == .closed || kind == .closedWithSnapshot { store.close() } else { store.abandon() }
    self.kind = kind
    self.disk = disk
    ledger = shared.ledger
    files = Self.content(of: disk)
  }

  private static func content(of disk: SimulatedFileSystem) -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in (try? disk.list(StepwiseStore.folder)) ?? [] where name.contains(".json") {
      files[name] = disk.bytes("\(StepwiseStore.folder)/\(name)")
    }
    return files
  }

  /// What became of a damaged store.
  private enum Outcome: Equatable {
    /// It was not opened, and not changed.
    case refused
    /// It was opened with the first commits; some bytes were put aside as a torn end.
    case opened(commits: Int, tornBytes: Int)
  }

  private func outcome(_ name: String, _ bytes: [UInt8]) throws -> Outcome {
    let damaged = disk.afterKill()
    try damaged.replace("\(StepwiseStore.folder)/\(name)", by: bytes)
    let found: RecoveredStore
    do throws(StoreError) {
      let recovered = try FileStore.recover(
        StepwiseStore.folder, files: damaged, pieceLength: StepwiseStore.pieceLength)
      try? recovered.lock.close()
      found = recovered.store
    } catch {
      try require(
        error.code == .corrupted || error.code == .invalidConfiguration, "\(name): \(error)")
      var expected = files
      expected[name] = bytes
      try require(Self.content(of: damaged) == expected, "\(name) was refused, and changed")
      return .refused
    }
    return .opened(commits: try ledger.number(of: found.state), tornBytes: found.tornBytes)
  }

  /// - Parameter start: the first byte that is not as it was.
  private func check(_ what: String, _ name: String, _ bytes: [UInt8], from start: Int) throws {
    let outcome = try outcome(name, bytes)
    let place = "\(kind): \(name): \(what)"
    guard case .opened(let commits, let tornBytes) = outcome else { return }
    try require(name.hasSuffix(".open.jsonl"), "\(place): it was opened")
    let last = lastWriteOffset(name)
    try require(start >= last, "\(place): it was opened, though byte \(last) follows")
    try require(commits >= ledger.issued - Self.lastWrite, "\(place): \(commits) commits are left")
    let lines = Self.withoutRoom(bytes)
    let isWhole = lines.isEmpty || lines.last == 10
    try require(
      tornBytes > 0 || isWhole && commits < ledger.issued
        || lines == Self.withoutRoom(files[name] ?? []),
      "\(place): nothing was reported")
  }

  /// A journal without the spaces behind its last line, which mean nothing.
  private static func withoutRoom(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
    bytes.dropLast(bytes.reversed().prefix { $0 == UInt8(ascii: " ") }.count)
  }

  /// Where the last write of a journal begins.
  private func lastWriteOffset(_ name: String) -> Int {
    let ends = Self.lineEnds(files[name] ?? [])
    return ends.dropLast(Self.lastWrite).last ?? 0
  }

  private static func lineEnds(_ bytes: [UInt8]) -> [Int] {
    bytes.indices.filter { bytes[$0] == 10 }.map { $0 + 1 }
  }

  /// Each file is cut at each byte: an open journal keeps exactly its whole lines, all else is
  /// refused.
  package func truncations(every step: Int = 1) throws -> Int {
    var tried = 0
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      let ends = Self.lineEnds(bytes)
      let before = ledger.issued - (ends.count - 1)
      for length in stride(from: 0, to: bytes.count, by: step) {
        let outcome = try outcome(name, Array(bytes[..<length]))
        tried += 1
        var expected = Outcome.refused
        if name.hasSuffix(".open.jsonl") {
          let whole = ends.last { $0 <= length } ?? 0
          let isTorn = Self.withoutRoom(Array(bytes[whole..<length])) != []
          expected = .opened(
            commits: before + max(0, ends.count { $0 <= length } - 1),
            tornBytes: isTorn ? length - whole : 0)
        }
        try require(outcome == expected, "\(kind): \(name) cut at \(length): \(outcome)")
      }
    }
    return tried
  }

  /// Each bit of each file is turned.
  package func flips(every step: Int = 1) throws -> Int {
    var tried = 0
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      var bytes = bytes
      for bit in stride(from: 0, to: bytes.count * 8, by: step) {
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        try check("bit \(bit)", name, bytes, from: bit / 8)
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        tried += 1
      }
    }
    return tried
  }

  /// Each line is zeroed, filled with garbage, repeated, swapped with the next and deleted.
  package func lines(every step: Int = 1) throws -> Int {
    try pieces("line", every: step) { bytes in
      let ends = Self.lineEnds(bytes)
      return zip([0] + ends, ends).map { $0..<$1 }
    }
  }

  /// The same with each sector.
  package func sectors(every step: Int = 1) throws -> Int {
    try pieces("sector", every: step) { bytes in
      stride(from: 0, to: bytes.count, by: 512).map { $0..<min($0 + 512, bytes.count) }
    }
  }

  private func pieces(
    _ word: String, every step: Int, _ split: ([UInt8]) -> [Range<Int>]
  ) throws -> Int {
    var tried = 0
    var generator = SeededGenerator(seed: 1)
    for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
      let ranges = split(bytes)
      for place in stride(from: 0, to: ranges.count, by: step) {
        let range = ranges[place]
        let next = place + 1 < ranges.count ? ranges[place + 1] : nil
        let damages = damages(of: bytes, at: range, next: next, &generator)
        for (what, damaged) in damages where damaged != bytes {
          let start = zip(damaged, bytes).enumerated().first { $1.0 != $1.1 }?.offset
          try check(
            "\(word) \(place) \(what)", name, damaged,
            from: start ?? min(damaged.count, bytes.count))
          tried += 1
        }
      }
    }
    return tried
  }

  private func damages(
    of bytes: [UInt8], at range: Range<Int>, next: Range<Int>?,
    _ generator: inout SeededGenerator
  ) -> [(String, [UInt8])] {
    func replaced(_ range: Range<Int>, by piece: [UInt8]) -> [UInt8] {
      var bytes = bytes
      bytes.replaceSubrange(range, with: piece)
      return bytes
    }
    let piece = Array(bytes[range])
    let garbage = range.map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    var damages = [
      ("zeroed", replaced(range, by: [UInt8](repeating: 0, count: range.count))),
      ("garbage", replaced(range, by: garbage)),
      ("deleted", replaced(range, by: [])),
      ("repeated", replaced(range, by: piece + piece)),
    ]
    if let next {
      let both = range.lowerBound..<next.upperBound
      damages.append(("swapped", replaced(both, by: Array(bytes[next]) + piece)))
      damages.append(("written over the next", replaced(next, by: piece)))
    }
    return damages
  }
}
