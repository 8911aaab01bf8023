import Foundation
import RoostCore
import Synchronization

/// The pipe that keeps a supervisor, and with it its server, alive.
final class Lifeline: Sendable {
  /// Beyond the descriptors that a test process has open.
  private static let descriptorLimit: Int32 = 4_096

  private static let starting = Mutex(())

  private let input: Mutex<FileHandle?>

  private init(_ input: FileHandle) {
    self.input = Mutex(input)
  }

  func cut() {
    input.withLock { handle in
      try? handle?.close()
      handle = nil
    }
  }

  /// Tells the supervisor something.
  func write(_ text: String) throws {
    try input.withLock { handle in try handle?.write(contentsOf: Data(text.utf8)) }
  }

  /// Starts the supervisor, which is a shell script, and waits for its line.
  static func spawn(
    _ script: String, _ arguments: [String]
  ) throws -> (Lifeline, answer: String) {
    let process = Process()
    let input = Pipe()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script, "roost-throwaway"] + arguments
    process.standardInput = input
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    let write = input.fileHandleForWriting
    // A child process inherits what is open. Another child with our pipe would keep the server
    // alive; the supervisor, which lives as long as we do, with another's pipe would keep whoever
    // reads that to its end waiting for ever. What the child needs is duplicated, and stays open.
    // One at a time: Foundation waits for a process by a socket that it has open to its end, and
    // that of another supervisor, closed by this, would make it wait for that one alone.
    try starting.withLock { _ in
      for descriptor in 3..<Self.descriptorLimit { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
      try process.run()
    }
    let line = output.fileHandleForReading.readDataToEndOfFile()
    let answer = String(decoding: line, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    return (Lifeline(write), answer)
  }
}
