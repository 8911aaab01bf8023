import Foundation
import RoostCore

/// A file of passwords by host, port, database and user.
///
/// Source: PostgreSQL manual, "The Password File"; `passwordFromFile` in libpq's `fe-connect.c`.
package struct PasswordFile: Sendable {
  /// What was found.
  package enum Answer: Sendable, Hashable {
    case password(String)
    /// There is no such file, or no line of it is for this connection.
    case none
    /// The file is not to be trusted; the text says why.
    case ignored(String)
  }

  /// The longest file that is read, in bytes.
  private static let byteCountLimit = 1 << 20

  let path: String

  /// A file that need not exist.
  package init(_ path: String) {
    self.path = path
  }

  /// Reads the file, as it is now, for a connection. A Unix socket in the default folder is
  /// `localhost` there, and so is no host at all.
  package func find(
    _ host: PostgresConfiguration.Host, database: String, user: String
  ) -> Answer {
    var status = stat()
    guard stat(path, &status) == 0 else { return .none }
    guard status.st_mode & S_IFMT == S_IFREG else {
      return .ignored("the password file \"\(path)\" is not a plain file")
    }
    guard status.st_mode & 0o077 == 0 else {
      return .ignored(
        "the password file \"\(path)\" has group or world access; its permissions must be 0600 or "
          + "less")
    }
    guard let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: Self.byteCountLimit + 1) ?? Data(),
      data.count <= Self.byteCountLimit
    else {
      return .ignored(
        "the password file \"\(path)\" cannot be read, or is longer than \(Self.byteCountLimit) "
          + "bytes")
    }
    var place = host.name.isEmpty ? host.address ?? "" : host.name
    if place.isEmpty || place == PostgresConfiguration.Host.defaultFolder { place = "localhost" }
    let wanted = [place, String(host.port), database, user]
    for line in data.split(separator: UInt8(ascii: "\n")) {
      guard let password = Self.password(in: Array(line), for: wanted) else { continue }
      return password.isEmpty ? .none : .password(password)
    }
    return .none
  }

  /// The password of a line that matches; nil when it does not.
  private static func password(in line: [UInt8], for wanted: [String]) -> String? {
    guard line.first != UInt8(ascii: "#") else { return nil }
    var rest = line[...]
    if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
    for field in wanted {
      guard match(&rest, field) else { return nil }
    }
    let password = takeField(&rest)
    return String(validating: password, as: UTF8.self)
  }

  private static func match(_ rest: inout ArraySlice<UInt8>, _ wanted: String) -> Bool {
    let matchesAll = rest.starts(with: "*:".utf8)
    let field = takeField(&rest)
    guard rest.popFirst() == UInt8(ascii: ":") else { return false }
    return matchesAll || field.elementsEqual(wanted.utf8)
  }

  /// The bytes up to a colon that is not escaped, without the backslashes that escape.
  private static func takeField(_ rest: inout ArraySlice<UInt8>) -> [UInt8] {
    var field: [UInt8] = []
    while let byte = rest.first, byte != UInt8(ascii: ":") {
      rest.removeFirst()
      if byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() {
        field.append(escaped)
      } else {
        field.append(byte)
      }
    }
    return field
  }
}
