import Dispatch
import Foundation
import Synchronization

/// The terminal's second screen, which goes with everything on it when the command ends, however
/// that happens.
final class Screen: Sendable {
  private let isShown = Mutex(false)

  /// Whether standard output is a terminal, where a screen makes sense.
  static let isPossible = isatty(STDOUT_FILENO) == 1

  /// Whether colours are wanted. Source: no-color.org.
  static var isColored: Bool {
    isPossible && (ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
  }

  /// How many columns and lines the terminal has; 80 and 24 where it does not say.
  static var size: (columns: Int, lines: Int) {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
    else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// Shows the second screen until the body ends, or Ctrl-C or a request to end comes, which ends
  /// the process: whoever looks on has nothing to finish.
  static func show<Result>(_ body: (Screen) async throws -> Result) async rethrows -> Result {
    let screen = Screen()
    for (number, code) in [(SIGINT, ExitCode.interrupted.rawValue), (SIGTERM, 128 + SIGTERM)] {
      await screen.listen(to: number, exitingWith: code)
    }
    screen.enter()
    defer { screen.leave() }
    return try await body(screen)
  }

  private func enter() {
    isShown.withLock { $0 = true }
    // The second screen, without the cursor.
    Terminal.write("\u{1B}[?1049h\u{1B}[?25l", to: STDOUT_FILENO)
  }

  /// Waits until a signal is listened to: one that came before would be lost.
  private func listen(to number: Int32, exitingWith code: Int32) async {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    // The handler keeps the source, which would stop when nobody does.
    source.setEventHandler { [self] in
      withExtendedLifetime(source) {
        leave()
        exit(code)
      }
    }
    await withCheckedContinuation { continuation in
      source.setRegistrationHandler { continuation.resume() }
      source.resume()
    }
  }

  private func leave() {
    isShown.withLock { isShown in
      guard isShown else { return }
      isShown = false
      Terminal.write("\u{1B}[?25h\u{1B}[?1049l", to: STDOUT_FILENO)
    }
  }

  /// Puts lines in the place of those that are there.
  func draw(_ lines: [String]) {
    // Each line is cleared behind its end, and what is below the last: nothing flickers.
    let text = lines.map { "\($0)\u{1B}[K" }.joined(separator: "\r\n")
    isShown.withLock { isShown in
      guard isShown else { return }
      Terminal.write("\u{1B}[H\(text)\u{1B}[J", to: STDOUT_FILENO)
    }
  }
}
