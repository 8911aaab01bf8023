import RoostCore

/// A file's bytes: as programs see them, as they are on the device, and what is between the two.
struct SimulatedContent: Sendable {
  /// Bytes that the system keeps together.
  static let page = 4096
  /// Bytes that a device writes whole or not at all.
  static let sector = 512

  /// The pages as programs see them; behind the length there are zeros.
  private(set) var pages: [[UInt8]] = []
  private(set) var length = 0
  private var devicePages: [Int: [UInt8]] = [:]
  private var deviceLength = 0
  /// What pages held since the last synchronisation, oldest first: any may be on the device.
  private var unsynced: [Int: [[UInt8]]] = [:]
  private var unsyncedLengths: [Int] = []

  private static let zeros = [UInt8](repeating: 0, count: page)

  /// A file with these bytes, on the device.
  init(_ bytes: [UInt8] = []) {
    bytes.withUnsafeBytes { write($0, at: 0) }
    synchronize()
  }

  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
    let count = max(0, min(buffer.count, length - offset))
    var done = 0
    while done < count {
      let place = (offset + done) % Self.page
      let part = min(count - done, Self.page - place)
      pages[(offset + done) / Self.page].withUnsafeBytes { page in
        UnsafeMutableRawBufferPointer(rebasing: buffer[done..<(done + part)])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: page[place..<(place + part)]))
      }
      done += part
    }
    return count
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
    guard !bytes.isEmpty else { return }
    extend(to: max(length, offset + bytes.count))
    var done = 0
    while done < bytes.count {
      let (number, place) = ((offset + done) / Self.page, (offset + done) % Self.page)
      let part = min(bytes.count - done, Self.page - place)
      pages[number].withUnsafeMutableBytes { page in
        UnsafeMutableRawBufferPointer(rebasing: page[place..<(place + part)])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[done..<(done + part)]))
      }
      unsynced[number, default: []].append(pages[number])
      done += part
    }
  }

  mutating func truncate(to newLength: Int) {
    guard newLength < length else { return extend(to: newLength) }
    let kept = (newLength + Self.page - 1) / Self.page
    for number in kept..<pages.count { unsynced[number, default: []].append(Self.zeros) }
    pages.removeLast(pages.count - kept)
    if newLength % Self.page > 0 {
      for place in (newLength % Self.page)..<Self.page { pages[kept - 1][place] = 0 }
      unsynced[kept - 1, default: []].append(pages[kept - 1])
    }
    length = newLength
    unsyncedLengths.append(newLength)
  }

  private mutating func extend(to newLength: Int) {
    guard newLength > length else { return }
    while pages.count * Self.page < newLength { pages.append(Self.zeros) }
    length = newLength
    unsyncedLengths.append(newLength)
  }

  /// Brings all to the device.
  mutating func synchronize() {
    for number in unsynced.keys {
      devicePages[number] = number < pages.count ? pages[number] : nil
    }
    deviceLength = length
    unsynced = [:]
    unsyncedLengths = []
  }

  /// What Linux does when it cannot write pages: some are on the device, and those that are not
  /// count as written from then on, although programs still see them.
  mutating func failSynchronization(_ generator: inout SeededGenerator) {
    let loss = PowerLoss(&generator)
    for (number, versions) in unsynced.sorted(by: { $0.key < $1.key }) {
      devicePages[number] = loss.arrived(versions, over: devicePages[number], &generator)
    }
    unsynced = [:]
  }

  /// What a power loss leaves.
  func afterPowerLoss(_ loss: PowerLoss, _ generator: inout SeededGenerator) -> SimulatedContent {
    var left = self
    for (number, versions) in unsynced.sorted(by: { $0.key < $1.key }) {
      left.devicePages[number] = loss.arrived(versions, over: devicePages[number], &generator)
    }
    if !unsyncedLengths.isEmpty {
      left.deviceLength =
        if loss.happens(&generator) { length } else {
          ([deviceLength] + unsyncedLengths).randomElement(using: &generator) ?? deviceLength
        }
    }
    left.pages = []
    left.length = left.deviceLength
    while left.pages.count * Self.page < left.length {
      left.pages.append(left.devicePages[left.pages.count] ?? Self.zeros)
    }
    let rest = left.length % Self.page
    if rest > 0 {
      for place in rest..<Self.page { left.pages[left.pages.count - 1][place] = 0 }
    }
    left.devicePages = Dictionary(uniqueKeysWithValues: left.pages.enumerated().map { ($0, $1) })
    left.unsynced = [:]
    left.unsyncedLengths = []
    return left
  }
}

/// How much of what was on its way has arrived when the power goes.
struct PowerLoss {
  /// The share of pages, lengths and names.
  private let share: Double
  /// Whether pages are torn between sectors.
  private let isTorn: Bool

  init(_ generator: inout SeededGenerator) {
    share = [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1].randomElement(using: &generator) ?? 0.5
    isTorn = Bool.random(using: &generator)
  }

  func happens(_ generator: inout SeededGenerator) -> Bool {
    Double.random(in: 0..<1, using: &generator) < share
  }

  /// A page on the device: what was there, the newest version, an older one, or parts of them.
  func arrived(
    _ versions: [[UInt8]], over old: [UInt8]?, _ generator: inout SeededGenerator
  ) -> [UInt8] {
    let old = old ?? [UInt8](repeating: 0, count: SimulatedContent.page)
    guard isTorn else { return happens(&generator) ? pick(versions, old, &generator) : old }
    var page = old
    for start in stride(from: 0, to: page.count, by: SimulatedContent.sector)
    where happens(&generator) {
      let range = start..<(start + SimulatedContent.sector)
      page.replaceSubrange(range, with: pick(versions, old, &generator)[range])
    }
    return page
  }

  private func pick(
    _ versions: [[UInt8]], _ old: [UInt8], _ generator: inout SeededGenerator
  ) -> [UInt8] {
    let isNewest = versions.count == 1 || Bool.random(using: &generator)
    return (isNewest ? versions.last : versions.randomElement(using: &generator)) ?? old
  }
}
