import Foundation
import Roost
import RoostCore
import Synchronization

/// How far a copy or comparison is, with its rate and the time left, on a terminal; nothing in a
/// pipe.
final class TransferDisplay: Sendable {
  private struct State {
    var phase: TransferProgress.Phase?
    var watch = Stopwatch()
    var shown = ContinuousClock.now
    var width = 0
  }

  private static let pause = Duration.milliseconds(100)
  private let state = Mutex(State())

  func show(_ progress: TransferProgress) {
    guard Terminal.isInteractive else { return }
    let line = state.withLock { state -> String? in
      let now = ContinuousClock.now
      if state.phase != progress.phase {
        state.phase = progress.phase
        state.watch = Stopwatch()
      } else if now - state.shown < Self.pause, progress.done < progress.total {
        return nil
      }
      state.shown = now
      let text = Self.text(progress, rate: state.watch.rate(progress.done))
      // Shorter than the line before it, it must cover that one.
      let padding = String(repeating: " ", count: max(0, state.width - text.count))
      state.width = text.count
      return "\r" + text + padding
    }
    if let line { Terminal.write(line, to: STDERR_FILENO) }
  }

  /// Ends the line.
  func finish() {
    let wasShown = state.withLock { $0.width > 0 }
    if wasShown { Terminal.note("") }
  }

  static func text(_ progress: TransferProgress, rate: Int) -> String {
    let share = progress.total == 0 ? 1 : Double(progress.done) / Double(progress.total)
    let left = rate == 0 ? 0 : (progress.total - progress.done) / rate
    let time = left < 60 ? "\(left) s" : "\(left / 60) min \(left % 60) s"
    let width = 24
    let filled = Int(share * Double(width))
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    return "\(progress.phase.rawValue) [\(bar)] \(Int(share * 100))% "
      + "\(progress.done)/\(progress.total), \(rate)/s, \(time) left  \(progress.table)"
  }
}
