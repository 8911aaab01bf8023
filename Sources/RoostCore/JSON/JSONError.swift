/// Why a text is not JSON that Roost takes, and where.
public struct JSONError: Error, Equatable, CustomStringConvertible {
  /// The kind of fault.
  public enum Reason: String, Sendable {
    /// The text ends in the middle of a value.
    case unexpectedEnd = "the text ends in the middle of a value"
    /// A byte stands where the grammar does not allow it.
    case unexpectedByte = "unexpected character"
    /// Something follows the value.
    case trailingBytes = "something follows the value"
    /// The bytes of a string are not UTF-8.
    case invalidUTF8 = "invalid UTF-8"
    /// A control character stands unescaped in a string.
    case controlCharacter = "control character in a string"
    /// A backslash is followed by what no escape begins with, or by wrong hexadecimal digits.
    case invalidEscape = "invalid escape"
    /// Half of a surrogate pair stands alone.
    case loneSurrogate = "lone surrogate"
    /// A string holds U+0000, which Postgres's text and jsonb refuse.
    case nullCharacter = "U+0000 is not allowed"
    /// A number is not in JSON's syntax.
    case invalidNumber = "invalid number"
    /// A number is beyond what the wanted type holds.
    case numberOutOfRange = "number out of range"
    /// Objects and arrays are nested deeper than `JSON.maximumDepth`.
    case tooDeep = "nested too deeply"
    /// A text is longer than `JSON.decode(_:from:)` takes: 2 GiB.
    case tooLong = "the text is too long"
    /// A value is of another kind than the reader asked for.
    case unexpectedKind = "a value of another kind was expected"
  }

  /// The kind of fault.
  public let reason: Reason
  /// The offset in bytes from the beginning of the text.
  public let offset: Int

  /// Names a fault and its place.
  public init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  /// The fault and its offset; nothing of the text itself.
  public var description: String { "invalid JSON at byte \(offset): \(reason.rawValue)" }
}
