/// Places by name, for the few short names of tables and columns, which are looked up for every
/// call and every value: several times faster than a `Dictionary`, whose hash withstands names that
/// somebody chose to collide. These come from migrations and code.
package struct NamePlaces: Sendable {
  private struct Slot {
    let name: String
    let place: Int
  }

  /// A power of two, at most a quarter of them taken, so that a search soon meets an empty one.
  private var slots: [Slot?]

  package init(_ places: [String: Int]) {
    var count = 8
    while count < places.count * 4 { count *= 2 }
    slots = Array(repeating: nil, count: count)
    for (name, place) in places {
      var index = Self.hash(name) & (count - 1)
      while slots[index] != nil { index = (index + 1) & (count - 1) }
      slots[index] = Slot(name: name, place: place)
    }
  }

  /// The place of a name, nil when it has none.
  package subscript(name: String) -> Int? { self[name, Self.hash(name)] }

  /// The same for a name whose hash is known.
  subscript(name: String, hash: Int) -> Int? {
    let mask = slots.count - 1
    var index = hash & mask
    while let slot = slots[index] {
      if slot.name == name { return slot.place }
      index = (index + 1) & mask
    }
    return nil
  }

  static func hash(_ name: String) -> Int {
    if let hash = name.utf8.withContiguousStorageIfAvailable({ hash($0) }) { return hash }
    var copy = name
    return copy.withUTF8 { hash($0) }
  }

  /// A mix of the length and of the first and last eight bytes.
  private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var words = (first: UInt64(0), last: UInt64(0))
    if bytes.count >= 8 {
      let raw = UnsafeRawBufferPointer(bytes)
      words.first = raw.loadUnaligned(as: UInt64.self)
      words.last = raw.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
    } else {
      for byte in bytes { words.first = words.first << 8 | UInt64(byte) }
    }
    // Source of the factors: the 64-bit mixer of SplitMix64.
    var hash = (words.first ^ UInt64(bytes.count)) &* 0xBF58_476D_1CE4_E5B9
    hash = (hash ^ hash >> 29 ^ words.last) &* 0x94D0_49BB_1331_11EB
    return Int(truncatingIfNeeded: hash >> 32)
  }
}
