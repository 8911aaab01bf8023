import RoostCore
import Testing

@testable import PostgresClient

/// The pool's decisions without connections: a number stands for each.
@Suite struct PoolStateTests {
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

  private func member(_ number: Int, expiry: Deadline = .never) -> PoolState<Int>.Member {
    PoolState<Int>.Member(connection: number, expiry: expiry, idleSince: at(0))
  }

  private func connect(_ state: inout PoolState<Int>) {
    guard case .connect = state.acquire(until: .never) else {
      Issue.record("a place was expected")
      return
    }
  }

  @Test func theOneUsedLastComesFirst() {
    var state = makeState()
    connect(&state)
    connect(&state)
    _ = state.release(member(1), now: at(1))
    _ = state.release(member(2), now: at(2))
    guard case .use(let used) = state.acquire(until: .never) else {
      Issue.record("an idle connection was expected")
      return
    }
    #expect(used.connection == 2)
    #expect(used.idleSince == at(2))
  }

  @Test func waitersAreServedInOrder() {
    var state = makeState()
    connect(&state)
    connect(&state)
    guard case .wait(let first) = state.acquire(until: at(10)),
      case .wait(let second) = state.acquire(until: at(5))
    else {
      Issue.record("both were expected to wait")
      return
    }
    #expect(state.nextDeadline == at(5))
    guard case .give(let served, _) = state.release(member(1), now: at(1)) else {
      Issue.record("a waiter was expected to be served")
      return
    }
    #expect(served == first)
    #expect(state.expireWaiters(now: at(4)) == [])
    #expect(state.expireWaiters(now: at(5)) == [second])
    let wasThere = state.removeWaiter(second)
    #expect(!wasThere)
  }

  @Test func aLostConnectionLetsAWaiterConnect() {
    var state = makeState { $0.maximum = 1 }
    connect(&state)
    guard case .wait(let waiter) = state.acquire(until: .never),
      case .letConnect(let allowed) = state.discard()
    else {
      Issue.record("the waiter was expected to get the place")
      return
    }
    #expect(waiter == allowed)
    #expect(state.total == 1)
    _ = state.discard()
    #expect(state.total == 0)
  }

  @Test func whatIsTooOldIsNotKept() {
    var state = makeState()
    connect(&state)
    guard case .close(1) = state.release(member(1, expiry: at(5)), now: at(5)) else {
      Issue.record("the old connection was expected to be closed")
      return
    }
    #expect(state.total == 0)
  }

  @Test func idleOnesEndButForTheMinimum() {
    var state = makeState {
      $0.minimum = 1
      $0.idleLifetime = .seconds(10)
    }
    connect(&state)
    connect(&state)
    _ = state.release(member(1), now: at(1))
    _ = state.release(member(2), now: at(2))
    #expect(state.expireIdle(now: at(10)) == [])
    #expect(state.expireIdle(now: at(11)) == [1])
    #expect(state.expireIdle(now: at(99)) == [])
    #expect(state.total == 1)
  }

  @Test func theMinimumIsFilled() {
    var state = makeState { $0.minimum = 2 }
    for expected in [true, true, false] {
      let reserved = state.reserveForMinimum()
      #expect(reserved == expected)
    }
  }

  @Test func aClosedPoolGivesNothing() {
    var state = makeState()
    connect(&state)
    connect(&state)
    _ = state.release(member(1), now: at(1))
    #expect(state.close().connections == [1])
    #expect(!state.isDrained)
    guard case .closed = state.acquire(until: .never) else {
      Issue.record("nothing was expected")
      return
    }
    guard case .close(2) = state.release(member(2), now: at(2)) else {
      Issue.record("the connection was expected to be closed")
      return
    }
    #expect(state.isDrained)
  }
}
