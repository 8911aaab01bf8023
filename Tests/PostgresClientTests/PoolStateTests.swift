import RoostCore
import Testing

@testable import PostgresClient

/// The pool's decisions without connections: a number stands for each.
@Suite struct PoolStateTests {
  private typealias State = PoolState<Int>

  private func makeState(
    _ change: (inout PostgresPoolOptions) -> Void = { _ in }
  ) -> PoolState<Int> {
    var options = PostgresPoolOptions()
    options.maximum = 2
    change(&options)
    return PoolState(options)
  }

  private func at(_ seconds: UInt64) -> Deadline {
    Deadline(nanoseconds: seconds * 1_000_000_000)
  }

  /// A caller who has to wait.
  private func wait(_ state: inout State, until deadline: Deadline = .never) throws -> WaiterID {
    guard case .wait(let id) = state.acquire(now: at(0), until: deadline) else {
      throw Unexpected()
    }
    return id
  }

  private struct Unexpected: Error {}

  /// A caller for whom a connection is opened.
  private func connect(
    _ state: inout State, _ number: Int, expiry: Deadline = .never
  ) throws -> State.Member {
    let id = try wait(&state)
    expectEqual(state.planConnects(now: at(0)), 1)
    guard
      case .give(id, let member) = state.connected(
        number, expiry: expiry, since: at(0), now: at(0))
    else { throw Unexpected() }
    return member
  }

  @Test func theOneUsedLastComesFirst() throws {
    var state = makeState()
    let first = try connect(&state, 1)
    let second = try connect(&state, 2)
    _ = state.release(first, since: at(0), now: at(1))
    _ = state.release(second, since: at(0), now: at(2))
    let used = state.takeIdle()
    #expect(used?.connection == 2)
    #expect(used?.idleSince == at(2))
    #expect(state.statistics.useTimes.total == .seconds(3))
    #expect(state.statistics.useTimes.maximum == .seconds(2))
  }

  @Test func waitersAreServedInOrder() throws {
    var state = makeState()
    let member = try connect(&state, 1)
    _ = try connect(&state, 2)
    let first = try wait(&state, until: at(10))
    let second = try wait(&state, until: at(5))
    expectEqual(state.planConnects(now: at(0)), 0)
    expectEqual(state.nextWake(now: at(0)), at(5))
    guard case .give(first, _) = state.release(member, since: at(0), now: at(1)) else {
      throw Unexpected()
    }
    expectEqual(state.expireWaiters(now: at(4)), [])
    expectEqual(state.expireWaiters(now: at(5)), [second])
    expectEqual(state.removeWaiter(second), false)
    expectEqual(state.nextWake(now: at(5)), nil)
    #expect(state.statistics.timeouts == 1)
    #expect(state.statistics.waitTimes.maximum == .seconds(1))
  }

  @Test func aLostConnectionIsReplacedForAWaiter() throws {
    var state = makeState { $0.maximum = 1 }
    let member = try connect(&state, 1)
    let waiter = try wait(&state)
    expectEqual(state.planConnects(now: at(0)), 0)
    state.discard(member, .broken)
    expectEqual(state.planConnects(now: at(0)), 1)
    guard case .give(waiter, _) = state.connected(2, expiry: .never, since: at(0), now: at(1))
    else { throw Unexpected() }
    #expect(state.total == 1)
    #expect(state.statistics.discards.broken == 1)
  }

  /// Who waits longest gets what comes first, also when a connection is being opened.
  @Test func aConnectionThatComesBackIsNotKeptFromTheFirst() throws {
    var state = makeState()
    let member = try connect(&state, 1)
    let first = try wait(&state)
    let second = try wait(&state)
    expectEqual(state.planConnects(now: at(0)), 1)
    guard case .give(first, _) = state.release(member, since: at(0), now: at(1)),
      case .give(second, _) = state.connected(2, expiry: .never, since: at(0), now: at(2))
    else { throw Unexpected() }
  }

  @Test func aConnectionThatNobodyNeedsAnyMoreIsKept() throws {
    var state = makeState()
    let id = try wait(&state)
    expectEqual(state.planConnects(now: at(0)), 1)
    expectEqual(state.removeWaiter(id), true)
    guard case .nothing = state.connected(1, expiry: .never, since: at(0), now: at(1)) else {
      throw Unexpected()
    }
    #expect(state.idle.count == 1)
  }

  @Test func theNumberOfConnectsIsLimited() throws {
    var state = makeState {
      $0.maximum = 10
      $0.connectLimit = 3
    }
    for _ in 0..<8 { _ = try wait(&state) }
    expectEqual(state.planConnects(now: at(0)), 3)
    expectEqual(state.planConnects(now: at(0)), 0)
    _ = state.connected(1, expiry: .never, since: at(0), now: at(0))
    expectEqual(state.planConnects(now: at(0)), 1)
    #expect(state.statistics.connecting == 3)
    #expect(state.statistics.total == 4)
  }

  @Test func afterAFailureOneAttemptIsMadeAtATime() throws {
    var state = makeState { $0.maximum = 10 }
    let member = try connect(&state, 1)
    state.discard(member, .broken)
    for _ in 0..<8 { _ = try wait(&state) }
    expectEqual(state.planConnects(now: at(1)), 4)
    var now = at(1)
    for _ in 0..<4 {
      expectEqual(state.connectFailed(nil, isFinal: false, now: now, chance: 0), [])
    }
    // Four side by side were one failure.
    for pause in [50, 100, 200, 400, 800, 1_000, 1_000] {
      let next = now.advanced(by: .milliseconds(pause))
      expectEqual(state.nextWake(now: now), next)
      expectEqual(state.planConnects(now: now), 0)
      now = next
      expectEqual(state.planConnects(now: now), 1)
      expectEqual(state.connectFailed(nil, isFinal: false, now: now, chance: 0), [])
    }
    // Half of the pause is left to chance.
    now = now.advanced(by: .seconds(1))
    expectEqual(state.planConnects(now: now), 1)
    _ = state.connectFailed(nil, isFinal: false, now: now, chance: 1)
    expectEqual(state.nextWake(now: now), now.advanced(by: .milliseconds(500)))
    now = now.advanced(by: .milliseconds(500))
    expectEqual(state.planConnects(now: now), 1)
    _ = state.connected(2, expiry: .never, since: now, now: now)
    expectEqual(state.planConnects(now: now), 4)
    #expect(state.statistics.connectFailures == 12)
  }

  @Test func aFinalFailureIsEverybodysWhenNothingIsOpen() throws {
    var state = makeState { $0.maximum = 4 }
    let member = try connect(&state, 1)
    let first = try wait(&state)
    let rest = [try wait(&state), try wait(&state)]
    expectEqual(state.planConnects(now: at(0)), 3)
    // The one that is open may still come back to the others.
    expectEqual(state.connectFailed(nil, isFinal: true, now: at(0), chance: 0), [first])
    state.discard(member, .broken)
    expectEqual(state.connectFailed(nil, isFinal: true, now: at(0), chance: 0), rest)
    #expect(state.statistics.waiting == 0)
  }

  @Test func untilTheFirstConnectionEveryFailureIsFinal() throws {
    var state = makeState { $0.maximum = 4 }
    let all = [try wait(&state), try wait(&state)]
    expectEqual(state.planConnects(now: at(0)), 2)
    // The second attempt may succeed.
    expectEqual(state.connectFailed(nil, isFinal: false, now: at(0), chance: 0), [])
    expectEqual(state.connectFailed(nil, isFinal: false, now: at(0), chance: 0), all)
    #expect(state.total == 0)
  }

  @Test func whatIsTooOldIsNotKept() throws {
    var state = makeState()
    let member = try connect(&state, 1, expiry: at(5))
    guard case .close(1) = state.release(member, since: at(0), now: at(5)) else {
      throw Unexpected()
    }
    #expect(state.total == 0)
    #expect(state.statistics.discards.expired == 1)
  }

  @Test func idleOnesEndButForTheMinimum() throws {
    var state = makeState {
      $0.minimum = 1
      $0.idleLifetime = .seconds(10)
    }
    let first = try connect(&state, 1)
    let second = try connect(&state, 2)
    _ = state.release(first, since: at(0), now: at(1))
    _ = state.release(second, since: at(0), now: at(2))
    expectEqual(state.expireIdle(now: at(10)), [])
    expectEqual(state.expireIdle(now: at(11)), [1])
    expectEqual(state.expireIdle(now: at(99)), [])
    #expect(state.total == 1)
    #expect(state.statistics.discards.idle == 1)
  }

  @Test func theMinimumIsFilled() {
    var state = makeState { $0.minimum = 2 }
    expectEqual(state.planConnects(now: at(0)), 2)
    expectEqual(state.planConnects(now: at(0)), 0)
  }

  @Test func replacedOnesAreNotGivenOutAgain() throws {
    var state = makeState()
    let used = try connect(&state, 1)
    let unused = try connect(&state, 2)
    _ = state.release(unused, since: at(0), now: at(0))
    expectEqual(state.replaceAll(), [2])
    guard case .close(1) = state.release(used, since: at(0), now: at(0)) else { throw Unexpected() }
    #expect(state.statistics.discards.replaced == 2)
    let new = try connect(&state, 3)
    guard case .nothing = state.release(new, since: at(0), now: at(0)) else { throw Unexpected() }
  }

  @Test func aClosedPoolGivesNothing() throws {
    var state = makeState()
    let first = try connect(&state, 1)
    let second = try connect(&state, 2)
    let waiter = try wait(&state)
    _ = state.release(first, since: at(0), now: at(1))
    #expect(state.open.values.sorted() == [1, 2])
    let other = try wait(&state)
    let closed = state.close()
    #expect(closed.connections == [])
    #expect(closed.waiters == [other])
    #expect(waiter != other)
    #expect(!state.isDrained)
    guard case .closed = state.acquire(now: at(1), until: .never),
      case .close(2) = state.release(second, since: at(0), now: at(2)),
      case .close(1) = state.release(first, since: at(0), now: at(2))
    else { throw Unexpected() }
    #expect(state.isDrained)
    #expect(state.open.isEmpty)
  }
}
