import RoostCore

/// Decides whether to try the socket again and again for a moment before sleeping.
///
/// A wake-up across cores costs more than a small query takes; where the answer usually comes in
/// time, not sleeping at all is faster and cheaper. Where it does not, or where there is one core
/// only, attempts fail and soon stop being made, but for a try now and then.
struct AdaptiveSpin {
  /// The longest time that one attempt may take, in nanoseconds: measured, a loopback round trip is
  /// below it, and 20 us are not enough.
  static let limitNanoseconds: UInt64 = 50_000

  private static let mostCredit = 16
  private static let failurePrice = 4
  private static let waitsBetweenTries = 256

  private var credit = 8
  private var waitsUntilTry = 0

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
    credit =
      succeeded
      ? min(credit + 1, Self.mostCredit) : max(credit - Self.failurePrice, 0)
  }
}
