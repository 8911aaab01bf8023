/// A text that no description and no mirror shows.
struct Secret: Sendable, Hashable, CustomReflectable, CustomStringConvertible {
  var text: String?

  var description: String { text == nil ? "nil" : "***" }
  var customMirror: Mirror { Mirror(self, children: []) }
}
