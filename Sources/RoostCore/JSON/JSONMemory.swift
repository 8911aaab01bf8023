import Synchronization

/// The memory of a text that is being decoded and of its nodes; whoever made it gives it back.
struct JSONTapeMemory {
  let text: JSONMemory
  private(set) var nodes: JSONMemory

  /// Takes memory for a text of so many bytes, and for so many nodes.
  init(byteCount: Int, capacity: Int) {
    text = .take(byteCount)
    text.start.bindMemory(to: UInt8.self, capacity: byteCount)
    nodes = Self.nodes(capacity)
  }

  /// Takes more memory for nodes, and keeps the first ones.
  mutating func grow(_ count: Int, to capacity: Int) {
    let larger = Self.nodes(capacity)
    larger.start.copyMemory(
      from: nodes.start, byteCount: count * MemoryLayout<JSONNodes.Node>.stride)
    nodes.giveBack()
    nodes = larger
  }

  private static func nodes(_ capacity: Int) -> JSONMemory {
    let memory = JSONMemory.take(capacity * MemoryLayout<JSONNodes.Node>.stride)
    memory.start.bindMemory(to: JSONNodes.Node.self, capacity: capacity)
    return memory
  }

  func giveBack() {
    text.giveBack()
    nodes.giveBack()
  }
}

/// A piece of memory; whoever took it gives it back.
///
/// The last large pieces are kept for the next text. Freed, they would go back to the system and
/// come again page by page, and malloc would join all small pieces that are free at the time: a
/// quarter of decoding.
struct JSONMemory {
  let start: UnsafeMutableRawPointer
  let count: Int

  /// What is kept. Sendable although it has pointers, since nobody else has them: a piece is in
  /// here from `giveBack` on, whose caller does not use it any more, until one caller takes it out.
  private struct Spares: @unchecked Sendable {
    var pieces: [JSONMemory] = []
  }

  private static let spares = Mutex(Spares())
  /// Smaller pieces malloc itself keeps.
  private static let least = 64 << 10
  /// The most bytes of a piece, and the most pieces: 16 MiB together.
  private static let most = 8 << 20
  private static let mostPieces = 2

  /// Takes at least so many bytes, which have any content.
  static func take(_ count: Int) -> JSONMemory {
    if count >= least {
      let kept = spares.withLock { spares in
        spares.pieces.firstIndex { $0.count >= count }.map { spares.pieces.remove(at: $0) }
      }
      if let kept { return kept }
    }
    return JSONMemory(
      start: .allocate(byteCount: count, alignment: MemoryLayout<UInt64>.alignment), count: count)
  }

  func giveBack() {
    var dropped: JSONMemory? = self
    if count >= Self.least && count <= Self.most {
      dropped = Self.spares.withLock { spares in
        spares.pieces.append(self)
        guard spares.pieces.count > Self.mostPieces else { return nil }
        // The larger ones serve more texts.
        spares.pieces.sort { $0.count > $1.count }
        return spares.pieces.popLast()
      }
    }
    dropped?.start.deallocate()
  }
}
