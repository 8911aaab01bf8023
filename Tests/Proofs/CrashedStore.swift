import Foundation
import Roost
import RoostCore

/// What a killed process had acknowledged, and whether its store has it.
struct CrashedStore {
  /// The last number of each writer that was acknowledged, by writer.
  private(set) var acknowledged = [Int](repeating: 0, count: CrashChild.writers + 1)
  /// Why the process ended by itself; nil when it did not.
  private(set) var failure: String?
  /// How many commits were acknowledged.
  private(set) var count = 0

  /// Takes what the process said.
  mutating func hear(_ line: Substring) {
    let words = line.split(separator: " ")
    if words.first == "failed" { failure = String(line) }
    guard words.count == 2, let writer = Int(words[0]), let number = Int(words[1]),
      acknowledged.indices.contains(writer)
    else { return }
    acknowledged[writer] = max(acknowledged[writer], number)
    count += 1
  }

  /// Opens the store and compares.
  /// - Parameter issued: the greatest numbers that may be there; nil for one more than those that
  ///   were acknowledged.
  mutating func check(_ path: String, issued: [Int]? = nil) async throws {
    let store = try await CrashChild.open(path)
    let rows = try await store.select(CrashChild.Row.self).fetch()
    await store.close()
    let numbers = Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0.number) })
    var sum = 0
    for writer in 1...CrashChild.writers {
      let found = (0..<CrashChild.rowsOfWriter).map { numbers[writer * 10 + $0] ?? 0 }
      let last = acknowledged[writer]
      try require(Set(found).count == 1, "a commit of writer \(writer) is there in part: \(found)")
      try require(
        found[0] >= last, "writer \(writer): \(last) was acknowledged and \(found[0]) is the last")
      let most = issued?[writer] ?? last
      try require(found[0] <= most + 1, "writer \(writer): \(found[0]) is there, after \(most)")
      sum += found[0]
      acknowledged[writer] = found[0]
    }
    try require(numbers[0] ?? 0 == sum, "the sum is \(numbers[0] ?? 0) and not \(sum)")
  }
}

/// A child process that writes to a store, and what it says.
final class CrashingProcess {
  private let process = Process()
  private let output = Pipe()
  private var rest: [UInt8] = []

  init(_ path: String, seed: UInt64, synchronises: Bool = true) throws {
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["child", path, "\(seed)"] + (synchronises ? [] : ["unsynchronised"])
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let descriptor = output.fileHandleForReading.fileDescriptor
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
  }

  /// The lines that are there now.
  func lines() -> [Substring] {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(output.fileHandleForReading.fileDescriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      rest += buffer[..<count]
    }
    guard let end = rest.lastIndex(of: 10) else { return [] }
    let text = String(decoding: rest[...end], as: UTF8.self)
    rest.removeFirst(end + 1)
    return text.split(separator: "\n")
  }

  /// Waits for what it says, for some seconds at most.
  func waitForLine() -> [Substring] {
    for _ in 0..<4_000 {
      let lines = lines()
      if !lines.isEmpty || !process.isRunning { return lines }
      usleep(2_500)
    }
    return []
  }

  /// Kills it and waits for its end.
  func kill() {
    if process.isRunning { _ = RoostCore.kill(process.processIdentifier, SIGKILL) }
    process.waitUntilExit()
  }
}
