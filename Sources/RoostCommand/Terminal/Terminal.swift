import Foundation
import RoostCore
import Synchronization

/// Standard output for answers, standard error for everything else.
enum Terminal {
  /// Whether standard error is a terminal, where a progress bar makes sense.
  static let isInteractive = isatty(STDERR_FILENO) == 1

  /// Whether somebody can answer a question.
  static let isAnswering = isatty(STDIN_FILENO) == 1

  /// Prints a line of the answer.
  static func print(_ line: String) {
    write(line + "\n", to: STDOUT_FILENO)
  }

  /// Prints a line beside the answer.
  static func note(_ line: String) {
    write(line + "\n", to: STDERR_FILENO)
  }

  /// Prints an error, on one line.
  static func complain(_ message: String) {
    let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
    note("roost: \(line)")
  }

  /// Writes all of a text. A reader that has gone away, as `head` does, ends the writing silently.
  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}

/// The seconds since a start, and what was done in them.
struct Stopwatch: Sendable {
  private let start = ContinuousClock.now

  var seconds: Double {
    let duration = ContinuousClock.now - start
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
  }

  func rate(_ count: Int) -> Int { Int(Double(count) / max(seconds, 0.001)) }
}

/// A bar on a terminal, a line for each tenth elsewhere.
final class ProgressDisplay: Sendable {
  private let label: String
  private let watch = Stopwatch()
  private let lastTenth = Mutex(-1)

  init(_ label: String) {
    self.label = label
  }

  /// Shows how far the work is.
  func show(_ done: Int, of total: Int) {
    let share = total == 0 ? 1 : Double(done) / Double(total)
    if Terminal.isInteractive {
      let width = 30
      let filled = Int(share * Double(width))
      let bar =
        String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
      let end = done >= total ? "\n" : ""
      Terminal.write(
        "\r\(label) [\(bar)] \(Int(share * 100))% \(done)/\(total), \(watch.rate(done))/s \(end)",
        to: STDERR_FILENO)
      return
    }
    let tenth = Int(share * 10)
    let isNew = lastTenth.withLock { last in
      defer { last = max(last, tenth) }
      return tenth > last
    }
    if isNew { Terminal.note("\(label) \(tenth * 10)% \(done)/\(total)") }
  }
}
