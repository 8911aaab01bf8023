// A B+ tree as a value: copying it is one reference, and a change copies only the nodes on its
// path that somebody else still holds. Transactions, snapshots, savepoints and undo are all
// nothing more than a copy of the tree.

/// A key with a total order.
package protocol OrderedKey: Sendable {
  /// A number that is never greater than that of a key behind this one. Most comparisons of a
  /// search end here, without touching what the key refers to.
  var rank: UInt64 { get }
  /// Whether no other key of which this is true has the same rank.
  var isKnownByRank: Bool { get }
  /// Negative when left comes first, zero when both are equal.
  static func order(_ left: Self, _ right: Self) -> Int
}

/// Keys in order with a value each. Find, insert and remove are O(log n), a copy is O(1).
///
/// Unchecked sendability holds because a node is changed only while exactly one reference to it
/// exists (every mutating path here and in `OrderedMapNode` asks `isKnownUniquelyReferenced` first,
/// from the root down, and copies a node that is shared); a node that two maps hold is never
/// written.
package struct OrderedMap<Key: OrderedKey, Element: Sendable>: @unchecked Sendable {
  fileprivate typealias Node = OrderedMapNode<Key, Element>

  private var root = Node.make(isLeaf: true)
  /// How many keys there are.
  package private(set) var count = 0
  /// Whether no two keys share a rank; that of keys which were removed since may say no.
  private var areKnownByRank = true

  /// An empty map.
  package init() {}

  /// Whether both are copies of one map, neither of them changed since.
  package func isIdentical(to other: OrderedMap) -> Bool { root === other.root }

  /// The value under a key, nil when there is none.
  package subscript(_ key: Key) -> Element? {
    // The root holds all nodes below it, so that none has to be retained on the way down: in a
    // large tree each is a line of memory that no cache has.
    withExtendedLifetime(root) {
      let rank = key.rank
      var node = Unmanaged.passUnretained(root)
      while let child = node._withUnsafeGuaranteedRef({ $0.child(for: key, rank) }) {
        node = child
      }
      let isKnown = areKnownByRank && key.isKnownByRank
      return node._withUnsafeGuaranteedRef {
        isKnown ? $0.element(underOnly: rank) : $0.element(under: key, rank)
      }
    }
  }

  /// Puts a value under a key and returns the one that was there.
  @discardableResult
  package mutating func insert(_ key: Key, _ element: Element) -> Element? {
    if !isKnownUniquelyReferenced(&root) { root = root.copy() }
    if areKnownByRank { areKnownByRank = key.isKnownByRank }
    let (old, split) = root.insert(key, key.rank, element)
    if let split { root = .make(below: root, split) }
    if old == nil { count += 1 }
    return old
  }

  /// Removes a key and returns its value, nil when it was not there.
  @discardableResult
  package mutating func remove(_ key: Key) -> Element? {
    if !isKnownUniquelyReferenced(&root) { root = root.copy() }
    let old = root.remove(key, key.rank)
    if !root.isLeaf && root.count == 0 { root = root.children[0] }
    if old != nil { count -= 1 }
    return old
  }

  /// The first key that is not before the given one.
  package func first(notBefore key: Key) -> (key: Key, element: Element)? {
    let rank = key.rank
    var node = root
    /// The nearest subtree to the right, for a leaf whose keys all come before.
    var right: Node?
    while !node.isLeaf {
      let index = node.childIndex(for: key, rank)
      if index < node.count { right = node.children[index + 1] }
      node = node.children[index]
    }
    let index = node.lowerBound(key, rank)
    if index < node.count { return (node.keys[index], node.elements[index]) }
    guard var next = right else { return nil }
    while !next.isLeaf { next = next.children[0] }
    return next.count == 0 ? nil : (next.keys[0], next.elements[0])
  }

  /// A walk in ascending order that starts at the first key for which `isBefore` is false.
  package func ascending(from isBefore: ((Key) -> Bool)? = nil) -> Walk {
    Walk(root: root, isForward: true, isBefore: isBefore)
  }

  /// A walk in descending order that starts at the last key for which `isBefore` is true.
  package func descending(from isBefore: ((Key) -> Bool)? = nil) -> Walk {
    Walk(root: root, isForward: false, isBefore: isBefore)
  }
}

extension OrderedMap {
  /// A walk over a snapshot of the map; the map may change meanwhile.
  package struct Walk: Sequence, IteratorProtocol {
    /// The inner nodes above the leaf, with the places of the children that lead to it.
    private var path: [(node: OrderedMap.Node, index: Int)] = []
    private var leaf: OrderedMap.Node
    private var index: Int
    private let isForward: Bool

    fileprivate init(root: Node, isForward: Bool, isBefore: ((Key) -> Bool)?) {
      self.isForward = isForward
      leaf = root
      index = 0
      descend { node in isBefore.map { node.partition($0) } ?? (isForward ? 0 : node.count) }
    }

    /// Goes down from the node in the leaf's place, by the child that the body says. In the leaf it
    /// says how many keys lie behind the start of a walk forward.
    private mutating func descend(_ place: (Node) -> Int) {
      while !leaf.isLeaf {
        let child = place(leaf)
        path.append((leaf, child))
        leaf = leaf.children[child]
      }
      index = isForward ? place(leaf) : place(leaf) - 1
    }

    /// The next key and value, nil at the end.
    package mutating func next() -> (key: Key, element: Element)? {
      while index < 0 || index >= leaf.count {
        guard climb() else { return nil }
      }
      defer { index += isForward ? 1 : -1 }
      return (leaf.keys[index], leaf.elements[index])
    }

    /// Goes to the next leaf; false when there is none.
    private mutating func climb() -> Bool {
      while let (parent, place) = path.popLast() {
        let next = isForward ? place + 1 : place - 1
        guard next >= 0, next <= parent.count else { continue }
        path.append((parent, next))
        leaf = parent.children[next]
        let isForward = isForward
        descend { isForward ? 0 : $0.count }
        return true
      }
      return false
    }
  }
}
