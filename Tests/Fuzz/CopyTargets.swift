import PostgresWire
import RoostCore

extension FuzzTarget {
  static let copy: [FuzzTarget] = [
    FuzzTarget("copy-reader", allowance: 16 << 10) { input in
      var reader = CopyBinaryReader()
      try? reader.read(input) { _ in }
    } check: { input in
      var input = Choices(input)
      let seed = UInt64(input.byte())
      let whole = copyRows(input.rest, slicedBy: nil)
      let sliced = copyRows(input.rest, slicedBy: seed)
      try require(whole == sliced, "slices give other rows")
      for body in whole.rows {
        let message = try mustSucceed("a row of COPY is a row") {
          try body.withUnsafeBytes { try BackendMessage(tag: BackendTag.dataRow, body: $0) }
        }
        guard case .dataRow = message else { throw Violation("a row of COPY is no row") }
      }
    },
    // A row of the test's own is several times the bytes that it is made from.
    FuzzTarget("copy-encoder", allowance: 32 << 10, factor: 96) { input in
      _ = CopyText(input).encoded()
    } check: { input in
      let text = CopyText(input)
      let bytes = text.encoded()
      let read = bytes.withUnsafeBytes { copyRows($0, slicedBy: UInt64(input.count)) }
      try require(!read.hasFailed && read.hasEnded, "what was encoded cannot be read")
      try require(read.rows.count == text.rows.count, "rows are lost or invented")
      let columns = PostgresColumns(
        CopyText.columns.map { PostgresColumn(name: $0.name, type: $0.type) })
      var row = PostgresRow(columns: columns)
      for (body, expected) in zip(read.rows, text.rows) {
        try body.withUnsafeBytes { body in
          try mustSucceed("an encoded row") { try row.load(body) }
          let (number, small, label, time, amount) = try row.decode(
            as: (Int64, Int32?, String, Timestamp, Double).self)
          try require(
            number == expected.number && small == expected.small && label == expected.label
              && time == expected.time
              && amount.bitPattern == Double(bitPattern: expected.bits).bitPattern,
            "a row is another after a round trip")
        }
      }
    },
  ]

  private struct CopyRows: Equatable {
    var rows: [[UInt8]] = []
    var hasEnded = false
    var hasFailed = false
  }

  private static func copyRows(
    _ bytes: UnsafeRawBufferPointer, slicedBy seed: UInt64?
  ) -> CopyRows {
    var result = CopyRows()
    var reader = CopyBinaryReader()
    var numbers = SeededGenerator(seed: seed ?? 0)
    var rest = bytes[...]
    while !rest.isEmpty, !result.hasFailed {
      let slice = rest.prefix(seed == nil ? rest.count : Int(numbers.next() % 9) + 1)
      rest = rest.dropFirst(slice.count)
      do {
        try reader.read(UnsafeRawBufferPointer(rebasing: slice)) { result.rows.append(Array($0)) }
      } catch {
        result.hasFailed = true
      }
    }
    result.hasEnded = !result.hasFailed && reader.hasEnded
    return result
  }
}

/// Rows for COPY, made of an input's bytes.
private struct CopyText {
  struct Row {
    let number: Int64
    let small: Int32?
    let label: String
    let time: Timestamp
    let bits: UInt64
  }

  static let columns: [(name: String, type: PostgresType)] = [
    ("number", .int8), ("small", .int4), ("label", .text), ("time", .timestamptz),
    ("amount", .float8),
  ]

  let rows: [Row]

  init(_ input: UnsafeRawBufferPointer) {
    var input = Choices(input)
    var rows: [Row] = []
    while !input.rest.isEmpty {
      let label = String(decoding: input.part(), as: UTF8.self)
      let choice = input.byte()
      var numbers = SeededGenerator(seed: UInt64(choice) << 8 | UInt64(input.byte()))
      rows.append(
        Row(
          number: Int64(bitPattern: numbers.next()),
          small: choice % 3 == 0 ? nil : Int32(truncatingIfNeeded: numbers.next()), label: label,
          time: Timestamp(microsecondsSince2000: Int64(truncatingIfNeeded: numbers.next() >> 8)),
          bits: numbers.next()))
    }
    self.rows = rows
  }

  func encoded() -> [UInt8] {
    var encoder = PostgresCopyEncoder(columns: Self.columns)
    for row in rows {
      try? encoder.append(
        row.number, row.small, row.label, row.time, Double(bitPattern: row.bits))
    }
    encoder.finish()
    return encoder.bytes
  }
}
