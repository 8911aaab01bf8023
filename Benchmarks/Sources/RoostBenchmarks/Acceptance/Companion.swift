import Foundation
import Synchronization

/// A child process that is spoken with, line by line, and may be killed.
final class Companion: Sendable {
  private let process: Process
  private let input: FileHandle
  private let end: Task<Void, Never>

  /// Starts this program as a child.
  /// - Parameter onLine: gets what it says.
  init(_ words: [String], onLine: @escaping @Sendable (String) -> Void) throws {
    let process = Process()
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: Child.program)
    process.arguments = [Child.marker] + words
    process.environment = Child.environment
    process.standardInput = input
    process.standardOutput = output
    // Another child must not keep our ends of the pipes open.
    for handle in [input.fileHandleForWriting, output.fileHandleForReading] {
      _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
    }
    // To speak with one that was killed is no reason to end.
    signal(SIGPIPE, SIG_IGN)
    try Child.withSignalsUnblocked { try process.run() }
    self.process = process
    self.input = input.fileHandleForWriting
    let lines = output.fileHandleForReading
    end = Task {
      await withCheckedContinuation { continuation in
        Thread.detachNewThread {
          Self.read(lines, onLine)
          continuation.resume()
        }
      }
    }
  }

  private static func read(_ handle: FileHandle, _ onLine: (String) -> Void) {
    var rest: [UInt8] = []
    while true {
      let data = handle.availableData
      // A line without its end was not said.
      if data.isEmpty { return }
      rest += data
      while let place = rest.firstIndex(of: UInt8(ascii: "\n")) {
        onLine(String(decoding: rest[..<place], as: UTF8.self))
        rest.removeSubrange(...place)
      }
    }
  }

  var isRunning: Bool { process.isRunning }

  /// Tells it something.
  func tell(_ lines: [String]) {
    try? input.write(contentsOf: Data(lines.map { $0 + "\n" }.joined().utf8))
  }

  /// Kills it, if it has not ended; all that it has said was heard when this returns.
  func kill() async {
    Foundation.kill(process.processIdentifier, SIGKILL)
    await end.value
    process.waitUntilExit()
  }
}

/// The other end: what this process says to whoever has started it, and hears.
final class Mouthpiece: Sendable {
  private let heard = Mutex<[String]>([])

  /// Listens from now on; the end of whoever speaks is the end of this process.
  init() {
    Thread.detachNewThread { [self] in
      while let line = readLine() { heard.withLock { $0.append(line) } }
      exit(1)
    }
  }

  /// Takes what was heard.
  func take() -> [String] {
    heard.withLock { lines in
      defer { lines = [] }
      return lines
    }
  }

  /// Says a line; it has been said when this returns, whatever becomes of this process.
  static func say(_ line: String) {
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }
}
