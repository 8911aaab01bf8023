/// Which transaction of a history must have come before which.
struct HistoryGraph {
  /// Why one came before the other.
  enum Kind: CaseIterable {
    /// The other wrote behind it.
    case write
    /// The other read what it wrote.
    case read
    /// The other wrote what it had not read yet.
    case antiDependency
    /// It had ended when the other began.
    case realTime
  }

  private struct Edge {
    let kind: Kind
    let target: Int
  }

  private var edges: [[Edge]]
  /// How many of the nodes are transactions; those behind them are moments.
  private let count: Int

  init(count: Int) {
    self.count = count
    edges = Array(repeating: [], count: count)
  }

  mutating func add(_ source: Int?, _ kind: Kind, _ target: Int?) {
    guard let source, let target, source != target else { return }
    edges[source].append(Edge(kind: kind, target: target))
  }

  /// Adds the order of those that did not overlap. The moments at which transactions ended stand
  /// in a chain, so that there are as many edges as transactions and not their square.
  mutating func addRealTime(_ transactions: [TransactionHistory.Transaction], _ committed: Set<Int>)
  {
    // One whose answer was lost has no known end.
    let ended = committed.filter { transactions[$0].outcome == .committed }
      .sorted { transactions[$0].ended < transactions[$1].ended }
    for (place, number) in ended.enumerated() {
      edges.append([])
      add(number, .realTime, count + place)
      if place > 0 { add(count + place - 1, .realTime, count + place) }
    }
    for number in committed {
      let began = transactions[number].began
      var (low, high) = (0, ended.count)
      while low < high {
        let middle = (low + high) / 2
        if transactions[ended[middle]].ended < began { low = middle + 1 } else { high = middle }
      }
      if low > 0 { add(count + low - 1, .realTime, number) }
    }
  }

  /// The transactions of a circle over edges of some kinds; nil when there is none.
  func cycle(through kinds: Set<Kind>) -> [Int]? {
    let next = edges.map { $0.filter { kinds.contains($0.kind) }.map(\.target) }
    return Self.cycle(next)?.filter { $0 < count }
  }

  /// The transactions of a circle that snapshot isolation forbids: one in which no two edges in a
  /// row are anti-dependencies. Nil when there is none.
  ///
  /// Each transaction is there twice: as it is entered by an anti-dependency, behind which no other
  /// may be taken, and by anything else.
  func cycleWithoutAdjacentAntiDependencies() -> [Int]? {
    var next = [[Int]](repeating: [], count: edges.count * 2)
    for (source, targets) in edges.enumerated() {
      for edge in targets {
        if edge.kind == .antiDependency {
          next[source * 2].append(edge.target * 2 + 1)
        } else {
          next[source * 2].append(edge.target * 2)
          next[source * 2 + 1].append(edge.target * 2)
        }
      }
    }
    return Self.cycle(next)?.map { $0 / 2 }
  }

  /// Some circle of a graph, found by walking in depth without recursion.
  private static func cycle(_ next: [[Int]]) -> [Int]? {
    enum Mark { case new, onPath, done }
    var marks = [Mark](repeating: .new, count: next.count)
    for start in next.indices where marks[start] == .new {
      var path = [(node: start, taken: 0)]
      marks[start] = .onPath
      while let (node, taken) = path.last {
        guard taken < next[node].count else {
          marks[node] = .done
          path.removeLast()
          continue
        }
        path[path.count - 1].taken += 1
        let target = next[node][taken]
        switch marks[target] {
        case .new:
          marks[target] = .onPath
          path.append((target, 0))
        case .onPath:
          return path.map(\.node).drop { $0 != target } + [target]
        case .done: break
        }
      }
    }
    return nil
  }
}
