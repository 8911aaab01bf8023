/// Values by key, bounded by number and by bytes; the one that was not used for longest goes. Every
/// operation takes the same time whatever the size.
struct BoundedCache<Key: Hashable, Value> {
  /// A place in the order of use, by the indices of its neighbours.
  private struct Slot {
    var key: Key
    /// Nil in a slot that is free.
    var value: Value?
    var byteCount: Int
    var newer: Int?
    var older: Int?
  }

  let countLimit: Int
  let byteLimit: Int
  private var slots: [Slot] = []
  private var free: [Int] = []
  private var places: [Key: Int] = [:]
  private var newest: Int?
  private var oldest: Int?
  /// About how many bytes the values take.
  private(set) var byteCount = 0
  /// How many values went to make room.
  private(set) var evictions = 0

  init(countLimit: Int, byteLimit: Int) {
    self.countLimit = countLimit
    self.byteLimit = byteLimit
  }

  /// How many values there are.
  var count: Int { places.count }

  /// The value of a key, which counts as used; nil when there is none.
  mutating func value(of key: Key) -> Value? {
    guard let place = places[key] else { return nil }
    if newest != place {
      unlink(place)
      linkAsNewest(place)
    }
    return slots[place].value
  }

  /// Whether a key has a value; says nothing of its use.
  func contains(_ key: Key) -> Bool { places[key] != nil }

  /// Puts a value in place of what the key has. One that is too large by itself is not kept.
  mutating func put(_ value: Value, for key: Key, byteCount: Int) {
    remove(key)
    guard countLimit > 0, byteCount <= byteLimit else { return }
    while count >= countLimit || self.byteCount + byteCount > byteLimit, let oldest {
      remove(slots[oldest].key)
      evictions += 1
    }
    let slot = Slot(key: key, value: value, byteCount: byteCount)
    let place: Int
    if let old = free.popLast() {
      slots[old] = slot
      place = old
    } else {
      slots.append(slot)
      place = slots.count - 1
    }
    places[key] = place
    self.byteCount += byteCount
    linkAsNewest(place)
  }

  /// Removes a key's value, if there is one.
  mutating func remove(_ key: Key) {
    guard let place = places.removeValue(forKey: key) else { return }
    byteCount -= slots[place].byteCount
    unlink(place)
    slots[place].value = nil
    free.append(place)
  }

  mutating func removeAll() {
    slots.removeAll()
    free.removeAll()
    places.removeAll()
    (newest, oldest, byteCount) = (nil, nil, 0)
  }

  private mutating func unlink(_ place: Int) {
    let (newer, older) = (slots[place].newer, slots[place].older)
    if let newer { slots[newer].older = older } else { newest = older }
    if let older { slots[older].newer = newer } else { oldest = newer }
    (slots[place].newer, slots[place].older) = (nil, nil)
  }

  private mutating func linkAsNewest(_ place: Int) {
    slots[place].older = newest
    if let newest { slots[newest].newer = place }
    newest = place
    if oldest == nil { oldest = place }
  }
}
