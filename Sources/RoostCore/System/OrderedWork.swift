import Foundation

/// Work in pieces that all processors do side by side, while one thread takes what comes of them,
/// in their order.
///
/// So a large file is read: its pieces are checked and parsed anywhere, and the rows put into the
/// tables by one. Only a few pieces wait to be taken, however many there are.
///
/// Unchecked sendability holds because the variables are touched only under `condition`.
package final class OrderedWork<Output: Sendable>: @unchecked Sendable {
  /// More threads than these wait for the one that takes.
  private static var mostThreads: Int { 8 }

  private let count: Int
  /// How many pieces may have been begun and not been taken.
  private let window: Int
  private let work: @Sendable (Int) -> Output
  private let condition = NSCondition()
  private var outputs: [Int: Output] = [:]
  /// The first piece that nobody has begun.
  private var next = 0
  /// How many pieces were taken.
  private var taken = 0
  /// How many other threads there are.
  private var helpers = 0

  /// Does the work, and returns when nobody is at it any more.
  /// - Parameters:
  ///   - count: how many pieces there are. One is worked on by the caller alone.
  ///   - take: takes what came of the next piece; false when no more is wanted.
  package static func run<Failure: Error>(
    _ count: Int, _ work: @escaping @Sendable (Int) -> Output,
    take: (Output) throws(Failure) -> Bool
  ) throws(Failure) {
    let threads = min(count, Processors.usableCount, Self.mostThreads)
    let shared = OrderedWork(count, window: 2 * threads, work)
    defer { shared.end() }
    shared.start(helpers: threads - 1)
    for index in 0..<count {
      guard try take(shared.output(of: index)) else { return }
    }
  }

  private init(_ count: Int, window: Int, _ work: @escaping @Sendable (Int) -> Output) {
    self.count = count
    self.window = window
    self.work = work
  }

  private func start(helpers: Int) {
    guard helpers > 0 else { return }
    self.helpers = helpers
    for _ in 0..<helpers {
      let thread = Thread { [self] in help() }
      thread.name = "roost-worker"
      thread.start()
    }
  }

  /// Lets nobody begin another piece, and waits for those who are at one.
  private func end() {
    condition.lock()
    next = count
    condition.broadcast()
    while helpers > 0 { condition.wait() }
    condition.unlock()
  }

  private func help() {
    condition.lock()
    while next < count {
      if next < taken + window { workOnNext() } else { condition.wait() }
    }
    helpers -= 1
    condition.broadcast()
    condition.unlock()
  }

  /// What came of the piece that is to be taken. Works on one rather than wait for another thread.
  private func output(of index: Int) -> Output {
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let output = outputs.removeValue(forKey: index) {
        taken = index + 1
        condition.broadcast()
        return output
      }
      if next < count, next < taken + window { workOnNext() } else { condition.wait() }
    }
  }

  /// Works on the next piece, for which it gives up the lock.
  private func workOnNext() {
    let index = next
    next += 1
    condition.unlock()
    let output = work(index)
    condition.lock()
    outputs[index] = output
    condition.broadcast()
  }
}
