import RoostCore

/// Decides whether to try the socket again and again for a moment before sleeping.
///
/// A wake-up across cores costs more than a small query takes; where the answer usually comes in
/// time, not sleeping at all is faster and cheaper. Where it does not, attempts fail and soon stop
/// being made, but for a try now and then.
///
/// With one processor only, the server cannot answer while we try: an attempt is then one look, for
/// the case that the server ran, and was done, while we sent. Trying for longer keeps the server
/// from its only processor.
struct AdaptiveSpin {
  /// The longest time that one attempt may take, in nanoseconds: measured, a loopback round trip is
  /// below it, and 20 us are not enough.
  static let limitNanoseconds: UInt64 = 50_000

  private static let mostCredit = 16
  private static let failurePrice = 4
  private static let waitsBetweenTries = 256

  private let countProcessors: () -> Int
  private var credit = 8
  private var waitsUntilTry = 0

  /// How long an attempt may take now, in nanoseconds; 0 for one look.
  private(set) var limit: UInt64

  /// - Parameter countProcessors: says how many processors this process may use.
  init(countProcessors: @escaping () -> Int = { Processors.usableCount }) {
    self.countProcessors = countProcessors
    limit = Self.limit(countProcessors())
  }

  private static func limit(_ processorCount: Int) -> UInt64 {
    processorCount > 1 ? limitNanoseconds : 0
  }

  /// Whether to spin now.
  mutating func begin() -> Bool {
    if credit > 0 { return true }
    waitsUntilTry -= 1
    guard waitsUntilTry <= 0 else { return false }
    waitsUntilTry = Self.waitsBetweenTries
    return true
  }

  /// Learns from an attempt.
  mutating func end(succeeded: Bool) {
    if succeeded {
      credit = min(credit + 1, Self.mostCredit)
    } else {
      credit = max(credit - Self.failurePrice, 0)
      // Which processors may be used can change while the process runs.
      limit = Self.limit(countProcessors())
    }
  }
}
