import PostgresWire
import RoostCore

extension FuzzTarget {
  /// What a framer holds at first, and a copy of it while it grows.
  static let framerByteCount = 2 * MessageFramer.initialCapacity + (16 << 10)

  static let messages: [FuzzTarget] = [
    FuzzTarget("framer", allowance: 2 * framerByteCount) { input in
      var input = Choices(input)
      let seed = input.byte()
      _ = Framing(input.rest, slicedBy: UInt64(seed), isTagged: seed & 1 == 0)
    } check: { input in
      var input = Choices(input)
      let seed = input.byte()
      for isTagged in [true, false] {
        let whole = Framing(input.rest, slicedBy: nil, isTagged: isTagged)
        let sliced = Framing(input.rest, slicedBy: UInt64(seed), isTagged: isTagged)
        try require(whole == sliced, "slices give other messages")
        try require(
          whole.byteCount + whole.left == input.rest.count || whole.hasFailed,
          "bytes are lost or invented")
      }
    },
    FuzzTarget("backend-messages", allowance: framerByteCount) { input in
      forEachFrame(of: input) { tag, body in _ = try? BackendMessage(tag: tag, body: body) }
    } check: { input in
      try forEachFrame(of: input) { tag, body in
        guard let message = try? BackendMessage(tag: tag, body: body) else { return }
        try require(try again(message) == message, "\(message) is another after a round trip")
      }
    },
    FuzzTarget("frontend-messages", allowance: framerByteCount) { input in
      forEachFrame(of: input) { tag, body in _ = try? FrontendMessage(tag: tag, body: body) }
    } check: { input in
      try forEachFrame(of: input) { tag, body in
        guard let message = try? FrontendMessage(tag: tag, body: body) else { return }
        try require(try again(message) == message, "\(message) is another after a round trip")
      }
    },
    // Read by our own test servers alone: a parameter of three bytes is two texts.
    FuzzTarget("startup-messages", factor: 32) { input in
      _ = try? StartupMessage(body: input)
    } check: { input in
      guard let message = try? StartupMessage(body: input) else { return }
      try require(try again(message) == message, "\(message) is another after a round trip")
    },
    FuzzTarget("rows") { input in
      var input = Choices(input)
      let columns = columns(count: Int(input.byte() % 8), seed: UInt64(input.byte()))
      var row = PostgresRow(columns: columns)
      guard (try? row.load(input.rest)) != nil else { return }
      _ = try? row.texts()
    } check: { input in
      var input = Choices(input)
      let columns = columns(count: Int(input.byte() % 8), seed: UInt64(input.byte()))
      var row = PostgresRow(columns: columns)
      guard (try? row.load(input.rest)) != nil else { return }
      // What the row says in place is what the message says.
      guard
        case .dataRow(let values) = try mustSucceed(
          "a row that a row takes",
          { try BackendMessage(tag: BackendTag.dataRow, body: input.rest) })
      else { throw Violation("a row is no row") }
      for (index, value) in values.enumerated() {
        try require(row.bytes(at: index).map { Array($0) } == value, "value \(index) differs")
      }
      try require(values.count == columns.count, "a row of another width was taken")
    },
  ]

  /// Each message of a stream, up to the first that is malformed.
  private static func forEachFrame(
    of input: UnsafeRawBufferPointer, _ body: (UInt8, UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    var framer = MessageFramer(limit: WireLimits.messageByteCount)
    framer.append(input)
    while let frame = try? framer.next() { try body(frame.tag, frame.body) }
  }

  private static func again(_ message: BackendMessage) throws -> BackendMessage {
    try mustSucceed("\(message)") {
      var writer = WireWriter()
      try message.encode(into: &writer)
      return try writer.bytes.dropFirst(5).withUnsafeBytes {
        try BackendMessage(tag: writer.bytes[0], body: $0)
      }
    }
  }

  private static func again(_ message: FrontendMessage) throws -> FrontendMessage {
    try mustSucceed("\(message)") {
      var writer = WireWriter()
      try message.encode(into: &writer)
      return try writer.bytes.dropFirst(5).withUnsafeBytes {
        try FrontendMessage(tag: writer.bytes[0], body: $0)
      }
    }
  }

  private static func again(_ message: StartupMessage) throws -> StartupMessage {
    try mustSucceed("\(message)") {
      var writer = WireWriter()
      try message.encode(into: &writer)
      return try writer.bytes.dropFirst(4).withUnsafeBytes { try StartupMessage(body: $0) }
    }
  }

  /// Columns of types and formats that the seed chooses.
  static func columns(count: Int, seed: UInt64) -> PostgresColumns {
    var numbers = SeededGenerator(seed: seed)
    return PostgresColumns(
      (0..<count).map { index in
        let choice = Int(numbers.next() % UInt64(FuzzTypes.all.count))
        return PostgresColumn(
          name: "c\(index % 3)", type: FuzzTypes.all[choice],
          format: numbers.next() % 3 == 0 ? .text : .binary)
      }, catalogue: FuzzTypes.catalogue)
  }
}

/// What a framer makes of bytes.
private struct Framing: Equatable {
  private struct Frame: Equatable {
    let tag: UInt8
    let body: [UInt8]
  }

  private var frames: [Frame] = []
  private(set) var left = 0
  private(set) var hasFailed = false
  private let headerByteCount: Int

  /// The bytes that the messages took.
  var byteCount: Int { frames.reduce(0) { $0 + $1.body.count + headerByteCount } }

  init(_ bytes: UnsafeRawBufferPointer, slicedBy seed: UInt64?, isTagged: Bool) {
    headerByteCount = isTagged ? 5 : 4
    var framer = MessageFramer(limit: WireLimits.messageByteCount, isTagged: isTagged)
    var numbers = SeededGenerator(seed: seed ?? 0)
    var rest = bytes[...]
    while !rest.isEmpty, !hasFailed {
      let slice = rest.prefix(seed == nil ? rest.count : Int(numbers.next() % 9) + 1)
      rest = rest.dropFirst(slice.count)
      framer.append(slice)
      do {
        while let frame = try framer.next() {
          frames.append(Frame(tag: frame.tag, body: Array(frame.body)))
        }
      } catch {
        hasFailed = true
      }
    }
    left = hasFailed ? 0 : framer.bufferedByteCount
  }
}
