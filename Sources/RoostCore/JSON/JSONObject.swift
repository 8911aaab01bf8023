extension JSON {
  /// The members of a JSON object in jsonb's normal form: each key once, ordered by its length in
  /// UTF-8 bytes and then by its bytes.
  public struct Object: Sendable {
    /// A key with its value.
    public struct Member: Sendable {
      /// The key.
      public let key: String
      /// The key's value.
      public internal(set) var value: JSON

      /// Pairs a key with its value.
      public init(key: String, value: JSON) {
        self.key = key
        self.value = value
      }
    }

    private var members: [Member]

    /// Makes an object without members.
    public init() {
      members = []
    }

    /// Makes an object of pairs in any order; the last of equal keys wins.
    public init(_ pairs: some Sequence<(String, JSON)>) {
      self.init(members: pairs.map { Member(key: $0.0, value: $0.1) })
    }

    /// Makes an object of members in any order; the last of equal keys wins.
    public init(members: consuming [Member]) {
      let isNormal = Self.isNormal(members)
      self.members = isNormal ? members : Self.normalised(members)
    }

    private static func isNormal(_ members: [Member]) -> Bool {
      guard members.count > 1 else { return true }
      return (1..<members.count).allSatisfy {
        compare(members[$0 - 1].key, members[$0].key) < 0
      }
    }

    /// The most members that are put in order by insertion, without another array.
    private static let insertionLimit = 40

    private static func normalised(_ members: consuming [Member]) -> [Member] {
      members.count <= insertionLimit ? inserted(members) : sorted(members)
    }

    private static func inserted(_ members: consuming [Member]) -> [Member] {
      var result = consume members
      var count = 1
      for index in 1..<result.count {
        var place = count
        var order = -1
        while place > 0 {
          order = compare(result[place - 1].key, result[index].key)
          if order <= 0 { break }
          place -= 1
        }
        if place > 0, order == 0 {
          result[place - 1] = result[index]
          continue
        }
        var end = count
        if index != end { result.swapAt(end, index) }
        while end > place {
          result.swapAt(end, end - 1)
          end -= 1
        }
        count += 1
      }
      result.removeLast(result.count - count)
      return result
    }

    private static func sorted(_ members: [Member]) -> [Member] {
      let order = members.indices.sorted { left, right in
        let keys = compare(members[left].key, members[right].key)
        return keys == 0 ? left < right : keys < 0
      }
      var result: [Member] = []
      result.reserveCapacity(members.count)
      for index in order {
        if let last = result.last, compare(last.key, members[index].key) == 0 {
          result.removeLast()
        }
        result.append(members[index])
      }
      return result
    }

    /// Orders keys by length and then by bytes: below zero when `left` comes first.
    static func compare(_ left: String, _ right: String) -> Int {
      let lengths = left.utf8.count - right.utf8.count
      return lengths != 0 ? lengths : TextOrder.compare(left, right)
    }

    /// The value of a key, or nil when there is none; setting nil removes the key.
    ///
    /// Complexity: the logarithm of the number of members to read.
    public subscript(key: String) -> JSON? {
      get {
        let (index, isFound) = position(of: key)
        return isFound ? members[index].value : nil
      }
      set {
        let (index, isFound) = position(of: key)
        switch (newValue, isFound) {
        case (let value?, true): members[index].value = value
        case (let value?, false): members.insert(Member(key: key, value: value), at: index)
        case (nil, true): members.remove(at: index)
        case (nil, false): break
        }
      }
    }

    /// Whether a key or a text in a value holds U+0000.
    var containsNull: Bool {
      members.withUnsafeBufferPointer { members in
        members.indices.contains {
          TextOrder.containsNull(members[$0].key) || members[$0].value.containsNull
        }
      }
    }

    private func position(of key: String) -> (index: Int, isFound: Bool) {
      var low = 0
      var high = members.count
      while low < high {
        let middle = (low + high) / 2
        let order = Self.compare(members[middle].key, key)
        if order == 0 { return (middle, true) }
        if order < 0 { low = middle + 1 } else { high = middle }
      }
      return (low, false)
    }
  }
}

extension JSON.Object: RandomAccessCollection {
  /// The index of the first member: 0.
  public var startIndex: Int { 0 }

  /// The number of members.
  public var endIndex: Int { members.count }

  /// The member at a place in the normal order.
  public subscript(position: Int) -> Member { members[position] }
}

extension JSON.Object: ExpressibleByDictionaryLiteral {
  /// Makes an object; the last of equal keys wins.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self.init(elements)
  }
}

extension JSON.Object: Hashable {
  /// Whether both have the same keys, by bytes, with equal values.
  public static func == (left: JSON.Object, right: JSON.Object) -> Bool {
    left.count == right.count
      && zip(left, right).allSatisfy {
        TextOrder.areEqual($0.key, $1.key) && $0.value == $1.value
      }
  }

  /// Hashes the members in their normal order.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(count)
    for member in self {
      TextOrder.hash(member.key, into: &hasher)
      hasher.combine(member.value)
    }
  }
}
