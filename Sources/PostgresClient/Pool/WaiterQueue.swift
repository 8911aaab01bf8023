import RoostCore

/// Names one wait.
struct WaiterID: Hashable, Sendable {
  let number: UInt64
}

/// Those who wait, in the order in which they came; ten thousand cost no more each than one.
///
/// Who leaves before it is served is only struck off the list of those who wait: its places in the
/// order and among the deadlines are passed over later, and swept out when they are the most.
struct WaiterQueue: Sendable {
  struct Waiter: Sendable {
    let id: WaiterID
    let since: Deadline
    let deadline: Deadline
  }

  /// Below this, sweeping is not worth it.
  private static let sweptCount = 64

  private var waiting: [WaiterID: Waiter] = [:]
  private var order: [WaiterID] = []
  private var first = 0
  /// A binary heap: no deadline is later than the two below it.
  private var deadlines: [(deadline: Deadline, id: WaiterID)] = []
  private var lastNumber: UInt64 = 0

  var count: Int { waiting.count }
  var isEmpty: Bool { waiting.isEmpty }

  /// A name that nobody has had.
  mutating func makeID() -> WaiterID {
    lastNumber &+= 1
    return WaiterID(number: lastNumber)
  }

  /// Puts a waiter behind all others.
  mutating func append(_ waiter: Waiter) {
    sweep()
    waiting[waiter.id] = waiter
    order.append(waiter.id)
    deadlines.append((waiter.deadline, waiter.id))
    var child = deadlines.count - 1
    while child > 0, deadlines[child].deadline < deadlines[(child - 1) / 2].deadline {
      deadlines.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Takes out the one who has waited longest; nil when nobody waits.
  mutating func popFirst() -> Waiter? {
    while first < order.count {
      first += 1
      if let waiter = waiting.removeValue(forKey: order[first - 1]) { return waiter }
    }
    return nil
  }

  /// Takes a waiter out; nil when it is no longer waiting.
  mutating func remove(_ id: WaiterID) -> Waiter? {
    waiting.removeValue(forKey: id)
  }

  /// Takes out everybody, in order.
  mutating func removeAll() -> [WaiterID] {
    defer {
      waiting.removeAll()
      order.removeAll()
      first = 0
      deadlines.removeAll()
    }
    return order[first...].filter { waiting[$0] != nil }
  }

  /// The first deadline of those who wait; nil when nobody waits.
  var nextDeadline: Deadline? {
    mutating get {
      while let next = deadlines.first, waiting[next.id] == nil { dropFirstDeadline() }
      return deadlines.first?.deadline
    }
  }

  /// Takes out those whose time is over.
  mutating func expire(now: Deadline) -> [Waiter] {
    var expired: [Waiter] = []
    while let next = deadlines.first, next.deadline <= now {
      dropFirstDeadline()
      if let waiter = waiting.removeValue(forKey: next.id) { expired.append(waiter) }
    }
    return expired
  }

  private mutating func dropFirstDeadline() {
    deadlines.swapAt(0, deadlines.count - 1)
    deadlines.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < deadlines.count && deadlines[child].deadline < deadlines[least].deadline {
        least = child
      }
      if least == parent { return }
      deadlines.swapAt(least, parent)
      parent = least
    }
  }

  /// Forgets those who have left, once they are more than those who wait.
  private mutating func sweep() {
    let limit = Self.sweptCount + 2 * waiting.count
    if order.count > limit {
      order = order[first...].filter { waiting[$0] != nil }
      first = 0
    }
    if deadlines.count > limit {
      deadlines = deadlines.filter { waiting[$0.id] != nil }
      // A sorted array is a heap.
      deadlines.sort { $0.deadline < $1.deadline }
    }
  }
}
