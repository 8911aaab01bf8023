import Dispatch
import Foundation
import Synchronization

/// Ctrl-C as a question that a long command asks between batches. A second one ends at once.
final class Interruption: Sendable {
  private let wasAsked = Atomic(false)

  /// Starts to listen; ends with the process.
  init() {
    signal(SIGINT, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
    // The handler keeps the source, which would stop when nobody does.
    source.setEventHandler { [self] in
      withExtendedLifetime(source) {
        if wasAsked.exchange(true, ordering: .relaxed) { exit(ExitCode.interrupted.rawValue) }
        Terminal.note("\nstopping after this batch; Ctrl-C again stops at once")
      }
    }
    source.resume()
  }

  /// Whether Ctrl-C was pressed.
  var isAsked: Bool { wasAsked.load(ordering: .relaxed) }
}
