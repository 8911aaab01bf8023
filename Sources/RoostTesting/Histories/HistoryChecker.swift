/// Looks for what a history may not show under its isolation level.
///
/// Complexity: the number of steps, times the lengths of the lists that were read.
struct HistoryChecker {
  private let history: TransactionHistory
  /// The transaction that appended each number, and whether it was its last of that key.
  private var writers: [Int: (transaction: Int, isLast: Bool)] = [:]
  /// The transactions that count as committed.
  private var committed: Set<Int> = []
  private(set) var anomalies: [HistoryAnomaly] = []

  init(_ history: TransactionHistory) {
    self.history = history
    let seen = Set(history.final.values.joined())
    for (number, transaction) in history.transactions.enumerated() {
      var last: [Int: Int] = [:]
      for case .append(let key, let element) in transaction.steps {
        if writers.updateValue((number, true), forKey: element) != nil {
          note(.garbage, "\(element) is appended twice")
        }
        if let before = last.updateValue(element, forKey: key) { writers[before]?.isLast = false }
      }
      // One whose answer was lost is in force when its numbers are there.
      let isSeen = transaction.steps.contains { step in
        if case .append(_, let element) = step { seen.contains(element) } else { false }
      }
      if transaction.outcome == .committed || (transaction.outcome == .unknown && isSeen) {
        committed.insert(number)
      }
    }
  }

  /// What the history shows that the promise forbids; empty when it keeps it.
  mutating func check(_ promise: IsolationPromise) -> [HistoryAnomaly] {
    checkLists()
    checkLosses()
    for number in committed.sorted() { checkInside(number, promise) }
    // Without an order of each key's writes there is no graph.
    guard anomalies.isEmpty else { return anomalies }
    var graph = HistoryGraph(count: history.transactions.count)
    addDependencies(to: &graph)
    if let cycle = graph.cycle(through: [.write]) { note(.writeCycle, cycle) }
    if let cycle = graph.cycle(through: [.write, .read]) { note(.circularInformationFlow, cycle) }
    switch promise {
    case .readCommitted: break
    case .snapshot:
      if let cycle = graph.cycleWithoutAdjacentAntiDependencies() { note(.snapshotCycle, cycle) }
    case .serializable:
      if let cycle = graph.cycle(through: [.write, .read, .antiDependency]) {
        note(.dependencyCycle, cycle)
      }
    case .strictlySerializable:
      if let cycle = graph.cycle(through: [.write, .read, .antiDependency]) {
        note(.dependencyCycle, cycle)
      }
      graph.addRealTime(history.transactions, committed)
      if let cycle = graph.cycle(through: Set(HistoryGraph.Kind.allCases)) {
        note(.realTimeCycle, cycle)
      }
    }
    return anomalies
  }

  private mutating func note(_ kind: HistoryAnomaly.Kind, _ text: String) {
    anomalies.append(HistoryAnomaly(kind, text))
  }

  private mutating func note(_ kind: HistoryAnomaly.Kind, _ cycle: [Int]) {
    // The narrower kinds are found first; the wider ones would only say the same again.
    guard anomalies.isEmpty else { return }
    let lines = cycle.map { "  \($0): \(history.transactions[$0].steps)" }
    note(
      kind, "\(cycle.map(String.init).joined(separator: " -> "))\n\(lines.joined(separator: "\n"))")
  }

  /// The steps of committed transactions that read.
  private var reads: [(transaction: Int, key: Int, elements: [Int])] {
    committed.sorted().flatMap { number in
      history.transactions[number].steps.compactMap { step in
        guard case .read(let key, let elements) = step else { return nil }
        return (number, key, elements)
      }
    }
  }

  /// Every list is a beginning of the key's last one, of numbers that were appended and committed.
  private mutating func checkLists() {
    for (key, elements) in history.final.sorted(by: { $0.key < $1.key }) {
      if Set(elements).count != elements.count { note(.garbage, "\(key) has \(elements)") }
      for element in elements {
        guard let writer = writers[element] else {
          note(.garbage, "\(key) has \(element), which nobody appended")
          continue
        }
        if !committed.contains(writer.transaction) {
          note(.abortedRead, "\(key) has \(element) of \(writer.transaction), which failed")
        }
      }
    }
    for read in reads {
      let final = history.final[read.key] ?? []
      guard !final.starts(with: read.elements) else { continue }
      let failed = read.elements.first { element in
        writers[element].map { !committed.contains($0.transaction) } ?? false
      }
      if let failed {
        note(.abortedRead, "\(read.transaction) saw \(failed) in \(read.key), which was undone")
      } else {
        note(
          .incompatibleOrder,
          "\(read.transaction) saw \(read.elements) in \(read.key), which ended as \(final)")
      }
    }
  }

  private mutating func checkLosses() {
    for number in committed.sorted() {
      for case .append(let key, let element) in history.transactions[number].steps
      where history.final[key]?.contains(element) != true {
        note(.lostAppend, "\(key) lacks \(element) of \(number)")
      }
    }
  }

  /// A transaction sees its own appends, no half of another's and, on a snapshot, a list only grow
  /// by its own.
  private mutating func checkInside(_ number: Int, _ promise: IsolationPromise) {
    /// What a read of each key must be, from the reads and appends before it.
    var expected: [Int: [Int]] = [:]
    /// What was appended to keys that were not read before.
    var own: [Int: [Int]] = [:]
    for step in history.transactions[number].steps {
      switch step {
      case .append(let key, let element):
        own[key, default: []].append(element)
        expected[key]?.append(element)
      case .read(let key, let elements):
        let mine = own[key] ?? []
        let isWhole = elements.suffix(mine.count).elementsEqual(mine)
        let isSame = promise == .readCommitted || (expected[key] ?? elements) == elements
        if !isWhole || !isSame {
          note(.internalRead, "\(number) saw \(elements) in \(key), not \(expected[key] ?? mine)")
        }
        if let last = elements.dropLast(mine.count).last, let writer = writers[last],
          !writer.isLast, writer.transaction != number
        {
          note(.intermediateRead, "\(number) saw \(last) of \(writer.transaction) in \(key)")
        }
        expected[key] = elements
      }
    }
  }

  /// Who came before whom, as the lists say.
  private func addDependencies(to graph: inout HistoryGraph) {
    for elements in history.final.values {
      for (first, second) in zip(elements, elements.dropFirst()) {
        graph.add(writers[first]?.transaction, .write, writers[second]?.transaction)
      }
    }
    for read in reads {
      let final = history.final[read.key] ?? []
      // What it appended itself before says nothing of others.
      let foreign = read.elements.filter { writers[$0]?.transaction != read.transaction }
      if let last = foreign.last {
        graph.add(writers[last]?.transaction, .read, read.transaction)
      }
      if read.elements.count < final.count {
        let next = final[read.elements.count]
        graph.add(read.transaction, .antiDependency, writers[next]?.transaction)
      }
    }
  }
}

extension TransactionHistory {
  /// What the history shows that an isolation level forbids; empty when it keeps its promise.
  ///
  /// Complexity: the number of steps, times the lengths of the lists that were read.
  public func anomalies(under promise: IsolationPromise) -> [HistoryAnomaly] {
    var checker = HistoryChecker(self)
    return checker.check(promise)
  }
}
