/// A user of the system.
package struct SystemUser: Sendable {
  /// The most bytes that the texts of one entry may take; the system's own hint is less.
  private static let textByteCount = 64 << 10

  /// The name to log in with.
  package let name: String
  /// The home folder, empty when there is none.
  package let home: String

  /// Looks a number up; nil when the system does not know it. It may be called by several threads
  /// at once, which `getpwuid` may not.
  package init?(_ user: uid_t) {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var texts = [CChar](repeating: 0, count: Self.textByteCount)
    let read = texts.withUnsafeMutableBufferPointer { texts -> (String, String)? in
      guard let room = texts.baseAddress,
        getpwuid_r(user, &entry, room, texts.count, &found) == 0, found != nil,
        let name = entry.pw_name
      else { return nil }
      return (String(cString: name), entry.pw_dir.map { String(cString: $0) } ?? "")
    }
    guard let read else { return nil }
    (name, home) = read
  }
}
