/// A compiled SQL `LIKE` pattern: `%` is any run of characters, `_` is one Unicode scalar.
///
/// Matching takes time proportional to the text times the pattern at worst, whatever the pattern:
/// after a `%` has found its piece, no earlier `%` needs to be tried again.
public struct LikePattern: Sendable {
  /// Why a pattern cannot be compiled.
  public enum Failure: Error, Equatable, CustomStringConvertible {
    /// The pattern ends in the escape character, with nothing left to escape (22025).
    case endsWithEscape
    /// The escape is longer than one character (22019).
    case invalidEscape

    /// The message in Postgres's words.
    public var description: String {
      switch self {
      case .endsWithEscape: return "LIKE pattern must not end with escape character"
      case .invalidEscape: return "invalid escape string"
      }
    }
  }

  /// One step of a pattern: a byte, or one Unicode scalar whatever it is.
  private enum Step: Sendable, Equatable {
    case byte(UInt8)
    case anyScalar
  }

  /// What stands between the `%` signs. There is one more of them than `%` signs, and any may be
  /// empty: `a%b` gives [a, b], `%` gives two empty ones.
  private let pieces: [[Step]]
  private let foldsCase: Bool

  /// Compiles a pattern.
  ///
  /// - Parameters:
  ///   - pattern: the pattern's text.
  ///   - escape: the one character that makes the next one stand for itself; empty for none.
  ///   - caseInsensitive: whether ASCII letters match in either case, as `ILIKE`.
  /// - Throws: when the pattern ends in the escape character, or the escape is not one character.
  public init(
    _ pattern: String, escape: String = "\\", caseInsensitive: Bool = false
  ) throws(Failure) {
    var escapes = escape.unicodeScalars.makeIterator()
    let escapeScalar = escapes.next()
    guard escapes.next() == nil else { throw .invalidEscape }
    var pieces: [[Step]] = [[]]
    var current: [Step] = []
    var scalars = pattern.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      var literal = scalar
      if scalar == escapeScalar {
        guard let escaped = scalars.next() else { throw .endsWithEscape }
        literal = escaped
      } else if scalar == "%" {
        pieces[pieces.count - 1] = current
        pieces.append([])
        current = []
        continue
      } else if scalar == "_" {
        current.append(.anyScalar)
        continue
      }
      for byte in String(literal).utf8 {
        current.append(.byte(caseInsensitive ? Self.folded(byte) : byte))
      }
    }
    pieces[pieces.count - 1] = current
    self.pieces = pieces
    self.foldsCase = caseInsensitive
  }

  /// Whether the whole text matches.
  public func matches(_ text: String) -> Bool {
    if let fast = text.utf8.withContiguousStorageIfAvailable(matches) { return fast }
    var copy = text
    return copy.withUTF8(matches)
  }

  /// The text that every match begins with: what an ordered index can look up. Empty when the
  /// pattern begins with `%` or `_`, or ignores case.
  package var literalPrefix: String {
    guard !foldsCase else { return "" }
    var bytes: [UInt8] = []
    for step in pieces[0] {
      guard case .byte(let byte) = step else { break }
      bytes.append(byte)
    }
    // A step is a whole scalar or one of its bytes; only whole scalars come before a wildcard.
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Whether the pattern has no wildcard, so that it matches one text only.
  package var isLiteral: Bool {
    pieces.count == 1 && !pieces[0].contains(.anyScalar)
  }

  /// The text with every `%`, `_` and `\` preceded by `\`, so that it matches itself.
  public static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      if scalar == "%" || scalar == "_" || scalar == "\\" { result.unicodeScalars.append("\\") }
      result.unicodeScalars.append(scalar)
    }
    return result
  }

  // MARK: - Matching

  private static func folded(_ byte: UInt8) -> UInt8 {
    byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
  }

  private func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    guard var position = end(of: pieces[0], in: text, at: 0) else { return false }
    if pieces.count == 1 { return position == text.count }
    for piece in pieces[1..<(pieces.count - 1)] {
      guard let next = firstMatch(of: piece, in: text, from: position) else { return false }
      position = next
    }
    return matchesAtEnd(pieces[pieces.count - 1], in: text, notBefore: position)
  }

  /// Where the piece ends when it is matched at `start`; nil when it does not match there.
  private func end(
    of piece: [Step], in text: UnsafeBufferPointer<UInt8>, at start: Int
  ) -> Int? {
    var position = start
    for step in piece {
      guard position < text.count else { return nil }
      switch step {
      case .byte(let expected):
        guard (foldsCase ? Self.folded(text[position]) : text[position]) == expected else {
          return nil
        }
        position += 1
      case .anyScalar:
        position += 1
        while position < text.count, text[position] & 0xC0 == 0x80 { position += 1 }
      }
    }
    return position
  }

  /// The end of the leftmost match, which leaves the most text for the pieces that follow.
  private func firstMatch(
    of piece: [Step], in text: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> Int? {
    guard let first = piece.first else { return start }
    var position = start
    while position < text.count {
      if !foldsCase, case .byte(let byte) = first {
        // Jump to the next place where the piece can begin.
        guard let base = text.baseAddress,
          let found = memchr(base + position, Int32(byte), text.count - position)
        else { return nil }
        position = UnsafeRawPointer(found) - UnsafeRawPointer(base)
      }
      if foldsCase, case .byte(let byte) = first, Self.folded(text[position]) != byte {
        position += 1
        continue
      }
      if text[position] & 0xC0 != 0x80, let end = end(of: piece, in: text, at: position) {
        return end
      }
      position += 1
    }
    return nil
  }

  /// Whether the last piece matches so that it ends where the text ends.
  private func matchesAtEnd(
    _ piece: [Step], in text: UnsafeBufferPointer<UInt8>, notBefore start: Int
  ) -> Bool {
    var position = text.count
    for step in piece.reversed() {
      guard position > start else { return false }
      position -= 1
      switch step {
      case .byte(let expected):
        guard (foldsCase ? Self.folded(text[position]) : text[position]) == expected else {
          return false
        }
      case .anyScalar:
        while position > start, text[position] & 0xC0 == 0x80 { position -= 1 }
      }
    }
    return position >= start
  }
}
