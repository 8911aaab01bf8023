// One node of a B+ tree. Ranks, keys and values stand behind the object's own words, in one piece
// of memory: to copy a node, which most changes do, takes one allocation, and to search one starts
// in the line of memory that the reference leads to.

/// What a node knows of itself.
struct OrderedMapNodeHeader {
  let isLeaf: Bool
  /// For how many keys there is memory.
  fileprivate let room: UInt16
  /// How many keys there are.
  fileprivate var count: UInt16 = 0
}

/// A leaf with its keys' values, or an inner node whose child `i` holds the keys below separator
/// `keys[i]`, and whose last child holds the rest.
///
/// The memory is safe because `count` keys and ranks, and `count` elements of a leaf or `count + 1`
/// children of an inner node, are initialized whenever no method is running; a node has room for
/// one more than its capacity at least, and an insertion beyond that is followed by a split at
/// once. Places come from searches among `count` keys, never from outside. The pointers into it are
/// used only while the node is alive: by its own methods and those of whoever holds it.
final class OrderedMapNode<Key: OrderedKey, Element: Sendable>:
  ManagedBuffer<OrderedMapNodeHeader, UInt64>
{
  typealias Node = OrderedMapNode<Key, Element>
  typealias Split = (key: Key, node: Node)

  /// The most keys. A change copies the nodes on its path, and what a leaf holds is dearer to copy.
  private static var leafCapacity: Int { 16 }
  private static var innerCapacity: Int { 32 }

  /// Makes an empty node.
  /// - Parameter least: how many keys it must have room for.
  static func make(isLeaf: Bool, least: Int = 0) -> Node {
    let room = max(isLeaf ? leafCapacity : innerCapacity, least) + 1
    let words =
      room + (isLeaf ? room * words(Element.self) : room + 1) + room * words(Key.self)
    let node = create(minimumCapacity: words) { _ in
      OrderedMapNodeHeader(isLeaf: isLeaf, room: UInt16(room))
    }
    return unsafeDowncast(node, to: Node.self)
  }

  /// How many words of eight bytes an item takes, which no item must be aligned beyond.
  private static func words<Item>(_ type: Item.Type) -> Int { (MemoryLayout<Item>.stride + 7) / 8 }

  /// A root above a node that was split.
  static func make(below left: Node, _ split: Split) -> Node {
    let root = make(isLeaf: false)
    root.ranks.initialize(to: split.key.rank)
    root.keys.initialize(to: split.key)
    root.children.initialize(to: left)
    (root.children + 1).initialize(to: split.node)
    root.count = 1
    return root
  }

  deinit {
    keys.deinitialize(count: count)
    if isLeaf {
      elements.deinitialize(count: count)
    } else {
      children.deinitialize(count: count + 1)
    }
  }

  /// The header, without the check for overlapping accesses that a class's property has: it would
  /// cost a search as much as a node.
  private var head: UnsafeMutablePointer<OrderedMapNodeHeader> {
    withUnsafeMutablePointerToHeader { $0 }
  }

  var isLeaf: Bool { head.pointee.isLeaf }

  /// How many keys there are.
  private(set) var count: Int {
    get { Int(head.pointee.count) }
    set { head.pointee.count = UInt16(newValue) }
  }

  private var room: Int { Int(head.pointee.room) }

  private var ranks: UnsafeMutablePointer<UInt64> { withUnsafeMutablePointerToElements { $0 } }

  /// A leaf's values; of no use in an inner node.
  var elements: UnsafeMutablePointer<Element> { place(room) }

  /// An inner node's children; of no use in a leaf.
  var children: UnsafeMutablePointer<Node> { place(room) }

  var keys: UnsafeMutablePointer<Key> {
    place(isLeaf ? room * (1 + Self.words(Element.self)) : 2 * room + 1)
  }

  private func place<Item>(_ word: Int) -> UnsafeMutablePointer<Item> {
    UnsafeMutableRawPointer(ranks + word).assumingMemoryBound(to: Item.self)
  }

  func copy() -> Node {
    let node = Node.make(isLeaf: isLeaf)
    node.append(contentsOf: self)
    return node
  }

  /// What another node holds behind what this one does; in an inner node a separator must have been
  /// put between.
  private func append(contentsOf other: Node) {
    (ranks + count).initialize(from: other.ranks, count: other.count)
    (keys + count).initialize(from: other.keys, count: other.count)
    if isLeaf {
      (elements + count).initialize(from: other.elements, count: other.count)
    } else {
      (children + count).initialize(from: other.children, count: other.count + 1)
    }
    count += other.count
  }
}

// Searching.

extension OrderedMapNode {
  /// The child that holds a key: separators equal to it lead to the right.
  func childIndex(for key: Key, _ rank: UInt64) -> Int {
    partition(around: key, rank, includingEqual: true)
  }

  /// The child that holds a key, nil in a leaf. It lives as long as this node does.
  func child(for key: Key, _ rank: UInt64) -> Unmanaged<Node>? {
    isLeaf ? nil : .passUnretained(children[childIndex(for: key, rank)])
  }

  /// The first place whose key is not before the given one.
  func lowerBound(_ key: Key, _ rank: UInt64) -> Int {
    partition(around: key, rank, includingEqual: false)
  }

  /// A leaf's value under a key.
  func element(under key: Key, _ rank: UInt64) -> Element? {
    let index = lowerBound(key, rank)
    return has(key, at: index) ? elements[index] : nil
  }

  /// A leaf's value under the only key that can have a rank. The keys are not looked at, which in a
  /// large tree are in a line of memory that no cache has.
  func element(underOnly rank: UInt64) -> Element? {
    let index = rankBound(rank)
    return index < count && ranks[index] == rank ? elements[index] : nil
  }

  private func has(_ key: Key, at index: Int) -> Bool {
    index < count && Key.order(keys[index], key) == 0
  }

  /// How many leading keys are before a key, or also equal to it.
  private func partition(around key: Key, _ rank: UInt64, includingEqual: Bool) -> Int {
    var low = rankBound(rank)
    // Mostly no two keys share a rank.
    guard low < count, ranks[low] == rank else { return low }
    var high = low + 1
    if high < count, ranks[high] == rank { high = rank == .max ? count : rankBound(rank + 1) }
    while low < high {
      let middle = (low + high) / 2
      let order = Key.order(keys[middle], key)
      if order < 0 || (order == 0 && includingEqual) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// How many ranks are below one. All are looked at: in a large tree, of whose nodes no cache has
  /// much, their lines of memory come together, where each step of a binary search waits for one.
  private func rankBound(_ rank: UInt64) -> Int {
    let ranks = ranks
    var below = 0
    for index in 0..<count { below &+= ranks[index] < rank ? 1 : 0 }
    return below
  }

  /// How many leading keys fulfil a condition that is never true again once it was false.
  func partition(_ isBefore: (Key) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(keys[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

// Changing.

extension OrderedMapNode {
  private var most: Int { isLeaf ? Self.leafCapacity : Self.innerCapacity }

  /// Puts a value under a key. A node that grows beyond its capacity is split.
  func insert(
    _ key: Key, _ rank: UInt64, _ element: Element
  ) -> (old: Element?, split: Split?) {
    guard isLeaf else { return insertBelow(key, rank, element) }
    let index = lowerBound(key, rank)
    if has(key, at: index) {
      let old = elements[index]
      elements[index] = element
      return (old, nil)
    }
    elements.open(at: index, of: count, for: element)
    openKey(at: index, for: key, rank)
    guard count > most else { return (nil, nil) }
    // A key beyond all others is mostly the next of a rising series: leave the left node full.
    return (nil, split(at: index == count - 1 ? count - 1 : count / 2))
  }

  private func insertBelow(
    _ key: Key, _ rank: UInt64, _ element: Element
  ) -> (old: Element?, split: Split?) {
    let index = childIndex(for: key, rank)
    own(index)
    let (old, below) = children[index].insert(key, rank, element)
    guard let below else { return (old, nil) }
    insert(below, behind: index)
    guard count > most else { return (old, nil) }
    return (old, split(at: index == count - 1 ? count - 2 : count / 2))
  }

  /// Removes a key. The node may be small afterwards.
  func remove(_ key: Key, _ rank: UInt64) -> Element? {
    guard isLeaf else {
      let index = childIndex(for: key, rank)
      own(index)
      let old = children[index].remove(key, rank)
      if children[index].count < children[index].most / 4, count > 0 { refill(index) }
      return old
    }
    let index = lowerBound(key, rank)
    guard has(key, at: index) else { return nil }
    let old = elements.close(at: index, of: count)
    closeKey(at: index)
    return old
  }

  private func own(_ index: Int) {
    if !isKnownUniquelyReferenced(&children[index]) { children[index] = children[index].copy() }
  }

  private func insert(_ split: Split, behind index: Int) {
    children.open(at: index + 1, of: count + 1, for: split.node)
    openKey(at: index, for: split.key, split.key.rank)
  }

  /// Moves what is behind a place into a new node: of a leaf the place's key, too, of an inner node
  /// not, since that goes up.
  private func split(at place: Int) -> Split {
    let right = Node.make(isLeaf: isLeaf)
    let start = isLeaf ? place : place + 1
    let moved = count - start
    right.ranks.moveInitialize(from: ranks + start, count: moved)
    right.keys.moveInitialize(from: keys + start, count: moved)
    if isLeaf {
      right.elements.moveInitialize(from: elements + start, count: moved)
    } else {
      right.children.moveInitialize(from: children + start, count: moved + 1)
    }
    right.count = moved
    count = place
    return (isLeaf ? right.keys[0] : (keys + place).move(), right)
  }

  /// Joins a small child with its neighbour, and splits them again in the middle when that is
  /// too much for one node.
  private func refill(_ index: Int) {
    let left = index == 0 ? 0 : index - 1
    let (a, b) = (children[left], children[left + 1])
    let joined = Node.make(isLeaf: a.isLeaf, least: a.count + 1 + b.count)
    joined.append(contentsOf: a)
    if !a.isLeaf { joined.openKey(at: joined.count, for: keys[left], ranks[left]) }
    joined.append(contentsOf: b)
    children[left] = joined
    _ = children.close(at: left + 1, of: count + 1)
    closeKey(at: left)
    if joined.count > joined.most {
      insert(joined.split(at: joined.count / 2), behind: left)
    }
  }

  private func openKey(at index: Int, for key: Key, _ rank: UInt64) {
    ranks.open(at: index, of: count, for: rank)
    keys.open(at: index, of: count, for: key)
    count += 1
  }

  private func closeKey(at index: Int) {
    _ = ranks.close(at: index, of: count)
    _ = keys.close(at: index, of: count)
    count -= 1
  }
}

extension UnsafeMutablePointer {
  /// Puts an item among so many others, behind which there is room.
  fileprivate func open(at index: Int, of count: Int, for item: Pointee) {
    (self + index + 1).moveInitialize(from: self + index, count: count - index)
    (self + index).initialize(to: item)
  }

  /// Takes an item out of so many.
  fileprivate func close(at index: Int, of count: Int) -> Pointee {
    let item = (self + index).move()
    (self + index).moveInitialize(from: self + index + 1, count: count - index - 1)
    return item
  }
}
