/// The text format of an array taken apart: `[0:1]={{a,"b,c"},{NULL,d}}`.
///
/// Source: `array_in` in the server's `src/backend/utils/adt/arrayfuncs.c`. It is walked over
/// without a call for each level, so that braces cannot exhaust the stack.
final class TextArray {
  /// Where an element's bytes are; a length of -1 is NULL.
  private struct Span {
    var offset: Int32
    var length: Int32
  }

  private(set) var lengths: [Int] = []
  private(set) var lowerBounds: [Int32] = []

  // Quotes and backslashes are taken off, so that all elements fit into the text's own size. The
  // memory is the object's, and stays where it is, since cells point to it.
  private let bytes: UnsafeMutableRawBufferPointer
  private var used = 0
  private var spans: [Span] = []

  var count: Int { spans.count }

  deinit {
    bytes.deallocate()
  }

  /// The element at this place, which must be within `0..<count`; nil is NULL. Valid as long as
  /// the array.
  func element(_ index: Int) -> UnsafeRawBufferPointer? {
    let span = spans[index]
    guard span.length >= 0 else { return nil }
    return UnsafeRawBufferPointer(
      start: bytes.baseAddress.map { $0 + Int(span.offset) }, count: Int(span.length))
  }

  /// Nil when the text is no array.
  init?(_ text: UnsafeRawBufferPointer, delimiter: UInt8, isVector: Bool) {
    bytes = .allocate(byteCount: max(text.count, 1), alignment: 1)
    var rest = text[...]
    if isVector {
      guard readVector(&rest) else { return nil }
      return
    }
    guard text.count <= Int(Int32.max) else { return nil }
    var bounds: [ClosedRange<Int32>] = []
    if rest.first == UInt8(ascii: "[") {
      guard let given = Self.bounds(&rest) else { return nil }
      bounds = given
    }
    spans.reserveCapacity(text.count { $0 == delimiter } + 1)
    guard readElements(&rest, delimiter), rest.isEmpty else { return nil }
    if bounds.isEmpty {
      lowerBounds = lengths.map { _ in 1 }
    } else {
      guard bounds.map({ Int($0.upperBound) - Int($0.lowerBound) + 1 }) == lengths else {
        return nil
      }
      lowerBounds = bounds.map(\.lowerBound)
    }
  }

  /// `[1:2][0:3]=`
  private static func bounds(_ rest: inout Slice<UnsafeRawBufferPointer>) -> [ClosedRange<Int32>]? {
    var bounds: [ClosedRange<Int32>] = []
    func number(_ rest: inout Slice<UnsafeRawBufferPointer>, end: UInt8) -> Int32? {
      let digits = rest.prefix(12).prefix { $0 != end }
      rest = rest.dropFirst(digits.count)
      guard rest.popFirst() == end else { return nil }
      return Int32(String(decoding: digits, as: UTF8.self))
    }
    while rest.first == UInt8(ascii: "[") {
      rest = rest.dropFirst()
      guard bounds.count < WireLimits.arrayDimensionCount,
        let lower = number(&rest, end: UInt8(ascii: ":")),
        let upper = number(&rest, end: UInt8(ascii: "]")), lower <= upper
      else { return nil }
      bounds.append(lower...upper)
    }
    return rest.popFirst() == UInt8(ascii: "=") ? bounds : nil
  }

  private func readElements(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ delimiter: UInt8
  ) -> Bool {
    var counts: [Int] = []
    var lengthsByDepth: [Int?] = []
    var elementDepth: Int?
    var isAfterItem = false
    repeat {
      guard let byte = rest.first else { return false }
      switch byte {
      case UInt8(ascii: "{"):
        guard !isAfterItem, counts.count < elementDepth ?? WireLimits.arrayDimensionCount else {
          return false
        }
        rest = rest.dropFirst()
        counts.append(0)
        if lengthsByDepth.count < counts.count { lengthsByDepth.append(nil) }
      case UInt8(ascii: "}"):
        guard let length = counts.popLast(), isAfterItem || length == 0 else { return false }
        if length == 0 {
          // Nothing else is an array without elements.
          rest = rest.dropFirst()
          return counts.isEmpty && elementDepth == nil && lengthsByDepth.count == 1
        }
        guard lengthsByDepth[counts.count] ?? length == length else { return false }
        lengthsByDepth[counts.count] = length
        rest = rest.dropFirst()
        if !counts.isEmpty { counts[counts.count - 1] += 1 }
        isAfterItem = true
      case delimiter where isAfterItem:
        guard !counts.isEmpty else { return false }
        rest = rest.dropFirst()
        isAfterItem = false
        if rest.first == UInt8(ascii: "}") { return false }
      default:
        guard !isAfterItem, !counts.isEmpty, elementDepth ?? counts.count == counts.count,
          readElement(&rest, delimiter)
        else { return false }
        elementDepth = counts.count
        counts[counts.count - 1] += 1
        isAfterItem = true
      }
    } while !counts.isEmpty
    lengths = lengthsByDepth.compactMap { $0 }
    return lengths.count == elementDepth
  }

  private func append(_ byte: UInt8) {
    bytes[used] = byte
    used += 1
  }

  /// Reads an element in quotes, or up to a brace or delimiter.
  private func readElement(
    _ rest: inout Slice<UnsafeRawBufferPointer>, _ delimiter: UInt8
  ) -> Bool {
    let start = used
    var isQuoted = false
    if rest.first == UInt8(ascii: "\"") {
      isQuoted = true
      rest = rest.dropFirst()
      while true {
        guard var byte = rest.popFirst() else { return false }
        if byte == UInt8(ascii: "\"") { break }
        if byte == UInt8(ascii: "\\") {
          guard let escaped = rest.popFirst() else { return false }
          byte = escaped
        }
        append(byte)
      }
    } else {
      while let first = rest.first, first != delimiter, first != UInt8(ascii: "}") {
        guard first != UInt8(ascii: "{"), first != UInt8(ascii: "\"") else { return false }
        rest = rest.dropFirst()
        var byte = first
        if byte == UInt8(ascii: "\\") {
          guard let escaped = rest.popFirst() else { return false }
          byte = escaped
        }
        append(byte)
      }
      if used == start { return false }
    }
    let isNull =
      !isQuoted && used - start == 4
      && bytes[start..<used].elementsEqual("NULL".utf8)
    // The text, and with it these, is at most 2 GiB long.
    spans.append(
      Span(
        offset: Int32(truncatingIfNeeded: start),
        length: isNull ? -1 : Int32(truncatingIfNeeded: used - start)))
    return true
  }

  /// Numbers with blanks between them, counted from 0.
  private func readVector(_ rest: inout Slice<UnsafeRawBufferPointer>) -> Bool {
    let blank = UInt8(ascii: " ")
    spans.reserveCapacity(rest.count { $0 == blank } + 1)
    while !rest.isEmpty {
      guard readElement(&rest, blank) else { return false }
      if !rest.isEmpty, rest.popFirst() != blank || rest.isEmpty { return false }
    }
    lengths = [spans.count]
    lowerBounds = [0]
    return true
  }
}
