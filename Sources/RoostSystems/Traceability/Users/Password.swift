/// A password as somebody typed it. No description, mirror or interpolation shows it.
public struct Password: Sendable, CustomStringConvertible, CustomReflectable {
  let text: String

  /// Wraps a password.
  public init(_ text: String) {
    self.text = text
  }

  /// A mask.
  public var description: String { "***" }
  /// Shows nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
