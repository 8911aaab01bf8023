import Foundation

/// How far the measuring is, on standard error: one line that changes on a terminal, elsewhere a
/// line for each kind of work.
final class ProgressBar {
  private static let width = 24

  private let isTerminal = isatty(STDERR_FILENO) == 1
  private var (group, work) = ("", "")
  private var (done, total) = (0, 0)

  /// Begins a group of so many measurements; 0 when that is not known.
  func begin(_ group: String, of total: Int) {
    (self.group, self.total, done, work) = (group, total, 0, "")
  }

  /// Says what is measured next.
  func next(_ work: String, _ contestant: String) {
    let share = total == 0 ? 0 : min(Double(done) / Double(total), 1)
    let part = total == 0 ? "" : "\(Int(share * 100))% "
    if isTerminal {
      let filled = Int(share * Double(Self.width))
      let bar =
        String(repeating: "#", count: filled)
        + String(repeating: ".", count: Self.width - filled)
      write("\r\u{1B}[K[\(bar)] \(part)\(group): \(work), \(contestant)")
    } else if work != self.work {
      write("\(part)\(group): \(work)\n")
    }
    self.work = work
    done += 1
  }

  /// Leaves nothing on the terminal.
  func end() {
    if isTerminal { write("\r\u{1B}[K") }
    begin("", of: 0)
  }

  private func write(_ text: String) {
    FileHandle.standardError.write(Data(text.utf8))
  }
}
