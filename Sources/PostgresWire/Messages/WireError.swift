/// What is wrong with bytes from the wire, or with what was asked to be put on it.
package enum WireError: Error, Hashable, Sendable {
  /// A message is longer than its limit, in bytes.
  case messageTooLong(byteCount: Int, limit: Int)
  /// A length field is below its least possible value.
  case invalidLength(Int)
  /// A message ends before its fields do; the text names the message.
  case truncated(String)
  /// A message's fields contradict its format; the text says which and how.
  case malformed(String)
  /// A message that the protocol does not know.
  case unknownMessage(tag: UInt8)
  /// A message that the protocol knows, at a point where it may not come.
  case unexpectedMessage(tag: UInt8, during: String)
  /// A text to be sent has a NUL, which would end it early; the text names the field.
  case nulInString(field: String)
  /// More parameters than a Bind can carry.
  case tooManyParameters(Int)
  /// The session has failed or ended and takes no more requests or messages.
  case sessionEnded
  /// The server wants an authentication that this client does not do, or may not.
  case authenticationRefused(String)
  /// The server failed to prove that it knows the password, or broke the exchange's rules.
  case authenticationViolation(String)
  /// The server does not speak the protocol that is wanted.
  case protocolRefused(String)
  /// The server asks for a password and there is none.
  case passwordMissing
}

extension WireError: CustomStringConvertible {
  /// One line; it repeats no byte of a secret.
  package var description: String {
    switch self {
    case .messageTooLong(let count, let limit):
      "a message of \(count) bytes is over the limit of \(limit)"
    case .invalidLength(let length): "a message has the length \(length)"
    case .truncated(let name): "\(name) is cut short"
    case .malformed(let what): what
    case .unknownMessage(let tag): "unknown message \(describe(tag: tag))"
    case .unexpectedMessage(let tag, let during):
      "unexpected message \(describe(tag: tag)) during \(during)"
    case .nulInString(let field): "the \(field) has a NUL character"
    case .tooManyParameters(let count):
      "\(count) parameters are more than the \(WireLimits.parameterCount) that a statement can have"
    case .sessionEnded: "the session has ended"
    case .authenticationRefused(let what): what
    case .authenticationViolation(let what): what
    case .protocolRefused(let what): what
    case .passwordMissing: "the server asks for a password, and none was given"
    }
  }
}

private func describe(tag: UInt8) -> String {
  tag > 32 && tag < 127 ? "'\(Character(Unicode.Scalar(tag)))'" : "\(tag)"
}
