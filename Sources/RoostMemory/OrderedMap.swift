// A B+ tree as a value: copying it is one reference, and a change copies only the nodes on its
// path that somebody else still holds. Transactions, snapshots, savepoints and undo are all
// nothing more than a copy of the tree.

/// A key with a total order.
package protocol OrderedKey: Sendable {
  /// A number that is never greater than that of a key behind this one. Most comparisons of a
  /// search end here, without touching what the key refers to.
  var rank: UInt64 { get }
  /// Negative when left comes first, zero when both are equal.
  static func order(_ left: Self, _ right: Self) -> Int
}

/// Keys in order with a value each. Find, insert and remove are O(log n), a copy is O(1).
package struct OrderedMap<Key: OrderedKey, Element: Sendable>: Sendable {
  private var root: Node
  /// How many keys there are.
  package private(set) var count = 0

  /// An empty map.
  package init() {
    root = Node()
  }

  /// Whether both are copies of one map, neither of them changed since.
  package func isIdentical(to other: OrderedMap) -> Bool { root === other.root }

  /// The value under a key, nil when there is none.
  package subscript(_ key: Key) -> Element? {
    // The root holds all nodes below it, so that none has to be retained on the way down: in a
    // large tree each is a line of memory that no cache has.
    withExtendedLifetime(root) {
      var node = Unmanaged.passUnretained(root)
      while let child = node._withUnsafeGuaranteedRef({ $0.child(for: key) }) { node = child }
      return node._withUnsafeGuaranteedRef { $0.element(key) }
    }
  }

  /// Puts a value under a key and returns the one that was there.
  @discardableResult
  package mutating func insert(_ key: Key, _ element: Element) -> Element? {
    if !isKnownUniquelyReferenced(&root) { root = root.copy() }
    let (old, split) = root.insert(key, element)
    if let split {
      let left = root
      root = Node()
      root.keys = [split.key]
      root.children = [left, split.node]
    }
    if old == nil { count += 1 }
    return old
  }

  /// Removes a key and returns its value, nil when it was not there.
  @discardableResult
  package mutating func remove(_ key: Key) -> Element? {
    if !isKnownUniquelyReferenced(&root) { root = root.copy() }
    let old = root.remove(key)
    if root.children.count == 1 { root = root.children[0] }
    if old != nil { count -= 1 }
    return old
  }

  /// The first key that is not before the given one.
  package func first(notBefore key: Key) -> (key: Key, element: Element)? {
    var node = root
    /// The nearest subtree to the right, for a leaf whose keys all come before.
    var right: Node?
    while !node.children.isEmpty {
      let index = node.childIndex(for: key)
      if index + 1 < node.children.count { right = node.children[index + 1] }
      node = node.children[index]
    }
    let index = node.lowerBound(key)
    if index < node.keys.count { return (node.keys[index], node.elements[index]) }
    guard var next = right else { return nil }
    while let child = next.children.first { next = child }
    return next.keys.first.map { ($0, next.elements[0]) }
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
  /// The most keys in a node.
  private static var capacity: Int { 64 }
  /// A node with fewer is merged with its neighbour or filled from it.
  private static var minimum: Int { 16 }

  /// A leaf, or an inner node whose child `i` holds the keys below separator `keys[i]`.
  ///
  /// Unchecked sendability holds because a node is changed only while exactly one reference to it
  /// exists (every mutating path above and below asks `isKnownUniquelyReferenced` first, from the
  /// root down, and copies a node that is shared); a node that two maps hold is never written.
  fileprivate final class Node: @unchecked Sendable {
    var keys: [Key] = []
    var elements: [Element] = []
    var children: [Node] = []

    func copy() -> Node {
      let node = Node()
      node.keys = keys
      node.elements = elements
      node.children = children
      return node
    }

    /// The first place whose key is not before the given one.
    func lowerBound(_ key: Key) -> Int {
      search(key.rank) { Key.order($0, key) < 0 }
    }

    /// The child that holds a key: separators equal to it lead to the right.
    func childIndex(for key: Key) -> Int {
      search(key.rank) { Key.order($0, key) <= 0 }
    }

    /// How many leading keys have a lower rank, or the same and fulfil a condition that is never
    /// true again once it was false.
    @inline(__always)
    private func search(_ rank: UInt64, _ isBefore: (borrowing Key) -> Bool) -> Int {
      keys.withUnsafeBufferPointer { keys in
        var low = 0
        var high = keys.count
        while low < high {
          let middle = (low + high) / 2
          let other = keys[middle].rank
          if other < rank || (other == rank && isBefore(keys[middle])) {
            low = middle + 1
          } else {
            high = middle
          }
        }
        return low
      }
    }

    /// The child that holds a key, nil in a leaf. It lives as long as this node does.
    func child(for key: Key) -> Unmanaged<Node>? {
      if children.isEmpty { return nil }
      return children.withUnsafeBufferPointer { .passUnretained($0[childIndex(for: key)]) }
    }

    /// A leaf's value under a key.
    func element(_ key: Key) -> Element? {
      let index = lowerBound(key)
      guard index < keys.count, Key.order(keys[index], key) == 0 else { return nil }
      return elements[index]
    }

    /// How many leading keys fulfil a condition that is never true again once it was false.
    func partition(_ isBefore: (Key) -> Bool) -> Int {
      var low = 0
      var high = keys.count
      while low < high {
        let middle = (low + high) / 2
        if isBefore(keys[middle]) { low = middle + 1 } else { high = middle }
      }
      return low
    }

    func insert(_ key: Key, _ element: Element) -> (old: Element?, split: (key: Key, node: Node)?) {
      guard children.isEmpty else { return insertBelow(key, element) }
      let index = lowerBound(key)
      if index < keys.count, Key.order(keys[index], key) == 0 {
        let old = elements[index]
        elements[index] = element
        return (old, nil)
      }
      keys.insert(key, at: index)
      elements.insert(element, at: index)
      guard keys.count > OrderedMap.capacity else { return (nil, nil) }
      // A key beyond all others is mostly the next of a rising series: leave the left node full.
      let at = index == keys.count - 1 ? keys.count - 1 : keys.count / 2
      let right = Node()
      right.keys.reserveCapacity(OrderedMap.capacity + 1)
      right.elements.reserveCapacity(OrderedMap.capacity + 1)
      right.keys += keys[at...]
      right.elements += elements[at...]
      keys.removeSubrange(at...)
      elements.removeSubrange(at...)
      return (nil, (right.keys[0], right))
    }

    private func insertBelow(
      _ key: Key, _ element: Element
    ) -> (old: Element?, split: (key: Key, node: Node)?) {
      let index = childIndex(for: key)
      own(index)
      let (old, split) = children[index].insert(key, element)
      guard let split else { return (old, nil) }
      keys.insert(split.key, at: index)
      children.insert(split.node, at: index + 1)
      guard keys.count > OrderedMap.capacity else { return (old, nil) }
      let at = index == keys.count - 1 ? keys.count - 2 : keys.count / 2
      let separator = keys[at]
      let right = Node()
      right.keys = Array(keys[(at + 1)...])
      right.children = Array(children[(at + 1)...])
      keys.removeSubrange(at...)
      children.removeSubrange((at + 1)...)
      return (old, (separator, right))
    }

    func remove(_ key: Key) -> Element? {
      guard children.isEmpty else {
        let index = childIndex(for: key)
        own(index)
        let old = children[index].remove(key)
        if children[index].size < OrderedMap.minimum, children.count > 1 { refill(index) }
        return old
      }
      let index = lowerBound(key)
      guard index < keys.count, Key.order(keys[index], key) == 0 else { return nil }
      keys.remove(at: index)
      return elements.remove(at: index)
    }

    private var size: Int { children.isEmpty ? keys.count : children.count }

    private func own(_ index: Int) {
      if !isKnownUniquelyReferenced(&children[index]) { children[index] = children[index].copy() }
    }

    /// Joins a small child with its neighbour, and splits them again in the middle when that is
    /// too much for one node.
    private func refill(_ index: Int) {
      let left = index == 0 ? 0 : index - 1
      own(left)
      let (a, b) = (children[left], children[left + 1])
      if !a.children.isEmpty { a.keys.append(keys[left]) }
      a.keys += b.keys
      a.elements += b.elements
      a.children += b.children
      keys.remove(at: left)
      children.remove(at: left + 1)
      guard a.keys.count > OrderedMap.capacity else { return }
      let at = a.keys.count / 2
      let right = Node()
      let separator = a.keys[at]
      if a.children.isEmpty {
        right.keys = Array(a.keys[at...])
        right.elements = Array(a.elements[at...])
        a.elements.removeSubrange(at...)
      } else {
        right.keys = Array(a.keys[(at + 1)...])
        right.children = Array(a.children[(at + 1)...])
        a.children.removeSubrange((at + 1)...)
      }
      a.keys.removeSubrange(at...)
      keys.insert(separator, at: left)
      children.insert(right, at: left + 1)
    }
  }

  /// A walk over a snapshot of the map; the map may change meanwhile. The path's last node is
  /// always a leaf.
  package struct Walk: Sequence, IteratorProtocol {
    private var path: [(node: Node, index: Int)] = []
    private let isForward: Bool

    fileprivate init(root: Node, isForward: Bool, isBefore: ((Key) -> Bool)?) {
      self.isForward = isForward
      var node = root
      while true {
        let start = isForward ? 0 : node.keys.count
        let index = isBefore.map { node.partition($0) } ?? start
        if node.children.isEmpty {
          path.append((node, isForward ? index : index - 1))
          return
        }
        path.append((node, index))
        node = node.children[index]
      }
    }

    /// The next key and value, nil at the end.
    package mutating func next() -> (key: Key, element: Element)? {
      while let (node, index) = path.last {
        guard index >= 0, index < node.keys.count else {
          climb()
          continue
        }
        path[path.count - 1].index += isForward ? 1 : -1
        return (node.keys[index], node.elements[index])
      }
      return nil
    }

    /// Leaves the node at the end of the path and goes down into the parent's next child.
    private mutating func climb() {
      path.removeLast()
      guard let (parent, index) = path.last else { return }
      let next = isForward ? index + 1 : index - 1
      guard next >= 0, next < parent.children.count else {
        climb()
        return
      }
      path[path.count - 1].index = next
      var node = parent.children[next]
      while !node.children.isEmpty {
        let index = isForward ? 0 : node.children.count - 1
        path.append((node, index))
        node = node.children[index]
      }
      path.append((node, isForward ? 0 : node.keys.count - 1))
    }
  }
}
