import RoostCore
import Testing

@testable import PostgresClient

/// For values of calls that change something, which `#expect` does not take.
func expectEqual<T: Equatable>(
  _ found: T, _ wanted: T, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(found == wanted, sourceLocation: sourceLocation)
}

/// SplitMix64 (Steele, Lea and Flood, 2014): the same run for the same seed.
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// The queue and the pool's state against models that are too simple to be wrong.
@Suite struct PoolModelTests {
  @Test(arguments: 0..<20 as Range<UInt64>) func theQueueIsAsASortedList(seed: UInt64) {
    var generator = SeededGenerator(state: seed)
    var queue = WaiterQueue()
    var model: [(id: WaiterID, deadline: Deadline)] = []
    for _ in 0..<3_000 {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0..<5:
        let id = queue.makeID()
        let deadline = Deadline(nanoseconds: .random(in: 1...5_000, using: &generator))
        queue.append(.init(id: id, since: deadline, deadline: deadline))
        model.append((id, deadline))
      case 5..<7:
        expectEqual(queue.popFirst()?.id, model.first?.id)
        if !model.isEmpty { model.removeFirst() }
      case 7..<9:
        guard let index = model.indices.randomElement(using: &generator) else { continue }
        expectEqual(queue.remove(model[index].id)?.id, model[index].id)
        expectEqual(queue.remove(model[index].id)?.id, nil)
        model.remove(at: index)
      default:
        let now = Deadline(nanoseconds: .random(in: 1...500, using: &generator))
        expectEqual(
          Set(queue.expire(now: now).map(\.id)),
          Set(model.filter { $0.deadline <= now }.map(\.id)))
        model.removeAll { $0.deadline <= now }
      }
      #expect(queue.count == model.count)
      expectEqual(queue.nextDeadline, model.map(\.deadline).min())
    }
    expectEqual(queue.removeAll(), model.map(\.id))
  }

  /// What a pool's users and server do, at random, with what must be true after each step.
  private struct Model {
    var state: PoolState<Int>
    var now = Deadline(nanoseconds: 1)
    var generator: SeededGenerator
    var waiting: [WaiterID] = []
    var using: [PoolState<Int>.Member] = []
    var connecting = 0
    var opened = 0
    var closed: Set<Int> = []

    init(seed: UInt64) {
      generator = SeededGenerator(state: seed)
      var options = PostgresPoolOptions()
      options.maximum = .random(in: 1...8, using: &generator)
      options.minimum = .random(in: 0...options.maximum, using: &generator)
      options.overflow = .random(in: 0...2, using: &generator)
      options.connectLimit = .random(in: 1...4, using: &generator)
      options.waitingLimit = .random(in: 0...40, using: &generator)
      options.idleLifetime = .nanoseconds(400_000_000)
      state = PoolState(options)
    }

    mutating func serve(_ disposal: PoolState<Int>.Disposal) {
      switch disposal {
      case .nothing: break
      case .close(let number): close(number)
      case .give(let id, let member):
        #expect(waiting.first == id, "the queue is fair")
        waiting.removeFirst()
        use(member)
      }
    }

    mutating func use(_ member: PoolState<Int>.Member) {
      #expect(!closed.contains(member.connection))
      #expect(!using.contains { $0.connection == member.connection })
      using.append(member)
    }

    mutating func close(_ number: Int) {
      let isNew = closed.insert(number).inserted
      #expect(isNew, "closed once")
    }

    mutating func takeRandomUse() -> PoolState<Int>.Member? {
      using.indices.randomElement(using: &generator).map { using.remove(at: $0) }
    }

    mutating func forget(_ ids: [WaiterID]) {
      #expect(Set(ids).isSubset(of: waiting))
      waiting.removeAll { ids.contains($0) }
    }

    mutating func step() {
      now = now.advanced(by: .milliseconds(Int.random(in: 0...20, using: &generator)))
      switch Int.random(in: 0..<24, using: &generator) {
      case 0..<7: acquire()
      case 7..<12:
        if let member = takeRandomUse() {
          serve(state.release(member, since: now, now: now))
        }
      case 12..<17 where connecting > 0:
        connecting -= 1
        opened += 1
        serve(
          state.connected(
            opened, expiry: now.advanced(by: .seconds(2)), since: now, now: now))
      case 17..<19 where connecting > 0:
        connecting -= 1
        let isFinal = Bool.random(using: &generator)
        forget(state.connectFailed(nil, isFinal: isFinal, now: now, chance: 0.5))
      case 19:
        if let member = takeRandomUse() {
          close(member.connection)
          state.discard(member, .broken)
        }
      case 20:
        if let id = waiting.randomElement(using: &generator) {
          expectEqual(state.removeWaiter(id), true)
          waiting.removeAll { $0 == id }
        }
      case 21: forget(state.expireWaiters(now: now))
      case 22: for number in state.expireIdle(now: now) { close(number) }
      case 23 where Int.random(in: 0..<10, using: &generator) == 0:
        for number in state.replaceAll() { close(number) }
      default: break
      }
      connecting += state.planConnects(now: now)
      check()
    }

    mutating func acquire() {
      if let member = state.takeIdle() { return use(member) }
      let deadline = now.advanced(by: .milliseconds(Int.random(in: 1...2_000, using: &generator)))
      switch state.acquire(now: now, until: deadline) {
      case .use(let member): use(member)
      case .wait(let id): waiting.append(id)
      case .full:
        #expect(waiting.count >= state.options.waitingLimit)
      case .closed: Issue.record("nobody has closed it")
      }
    }

    mutating func check() {
      let figures = state.statistics
      #expect(figures.total == state.idle.count + using.count + connecting, "no place is lost")
      #expect(figures.total <= state.options.maximum + state.options.overflow)
      #expect(figures.connecting == connecting)
      #expect(figures.inUse == using.count)
      #expect(figures.waiting == waiting.count, "nobody is lost")
      #expect(state.open.count == opened - closed.count)
      #expect(state.idle.isEmpty || waiting.isEmpty, "nobody waits beside an idle connection")
      // Whoever waits has something to wait for: a connection in use or being opened, or a time.
      if !waiting.isEmpty {
        let wake = state.nextWake(now: now)
        #expect(!using.isEmpty || connecting > 0 || wake != nil)
      }
    }
  }

  @Test(arguments: 0..<40 as Range<UInt64>) func thePoolKeepsItsPromises(seed: UInt64) {
    var model = Model(seed: seed)
    for _ in 0..<2_000 { model.step() }
    // Everything comes back.
    while let member = model.takeRandomUse() {
      model.serve(model.state.release(member, since: model.now, now: model.now))
    }
    let (connections, waiters) = model.state.close()
    for number in connections { model.close(number) }
    model.forget(waiters)
    #expect(model.waiting.isEmpty)
    while let member = model.takeRandomUse() {
      model.serve(model.state.release(member, since: model.now, now: model.now))
    }
    while model.connecting > 0 {
      model.connecting -= 1
      _ = model.state.connectFailed(nil, isFinal: false, now: model.now, chance: 0)
    }
    #expect(model.state.isDrained)
    #expect(model.closed.count == model.opened)
  }
}
