import RoostCore
import Synchronization
import Testing

@testable import PostgresClient

/// When the socket is tried before sleeping, and for how long.
@Suite struct AdaptiveSpinTests {
  @Test func withOneProcessorAnAttemptIsOneLook() {
    #expect(AdaptiveSpin { 1 }.limit == 0)
    #expect(AdaptiveSpin { 2 }.limit == AdaptiveSpin.limitNanoseconds)
  }

  @Test func attemptsInVainSoonStop() {
    var spin = AdaptiveSpin { 2 }
    var attempts = 0
    for _ in 0..<1_000 where spin.begin() {
      attempts += 1
      spin.end(succeeded: false)
    }
    // Two from the credit at first, then one of 256.
    #expect((3...6).contains(attempts))
  }

  @Test func attemptsThatMostlyPayGoOn() {
    var spin = AdaptiveSpin { 2 }
    for number in 1...1_000 {
      let isTried = spin.begin()
      #expect(isTried)
      spin.end(succeeded: !number.isMultiple(of: 8))
    }
  }

  /// An affinity may be set, and a container's share changed, while the process runs.
  @Test func whichProcessorsMayBeUsedIsAskedAgain() {
    let count = Mutex(1)
    var spin = AdaptiveSpin { count.withLock { $0 } }
    count.withLock { $0 = 4 }
    spin.end(succeeded: true)
    #expect(spin.limit == 0)
    spin.end(succeeded: false)
    #expect(spin.limit == AdaptiveSpin.limitNanoseconds)
  }
}
