import Foundation
import RoostCore

/// A file of named groups of connection parameters.
///
/// Source: PostgreSQL manual, "The Connection Service File"; `parseServiceInfo` in libpq's
/// `fe-connect.c`.
struct ServiceFile {
  /// What a service stands for, and the file that says so.
  struct Service {
    let path: String
    var values: [(keyword: String, value: String)] = []
  }

  /// The folder of the system's file: Debian's where it exists, else the original one.
  private static let defaultSystemFolder =
    access("/etc/postgresql-common", X_OK) == 0
    ? "/etc/postgresql-common" : "/usr/local/pgsql/etc"

  /// The longest file that is read, in bytes.
  private static let byteCountLimit = 1 << 20

  /// Finds a service in the user's file, else in the system's.
  /// - Parameters:
  ///   - file: the user's file; nil for `~/.pg_service.conf`, which need not exist.
  ///   - systemFolder: the folder of the system's `pg_service.conf`; nil for the default.
  static func find(
    _ name: String, in file: String?, home: String?, systemFolder: String?
  ) throws(PostgresError) -> Service {
    var paths: [String] = []
    if let file {
      guard access(file, F_OK) == 0 else {
        throw PostgresError(.invalidConfiguration, "the service file \"\(file)\" does not exist")
      }
      paths.append(file)
    } else if let home {
      paths.append("\(home)/.pg_service.conf")
    }
    paths.append("\(systemFolder ?? defaultSystemFolder)/pg_service.conf")
    for path in paths where access(path, F_OK) == 0 {
      if let service = try read(name, in: path) { return service }
    }
    throw PostgresError(
      .invalidConfiguration,
      "the service \"\(name)\" is not defined; looked in \(paths.joined(separator: ", "))")
  }

  /// What a file says of a service; nil when it does not know it.
  private static func read(_ name: String, in path: String) throws(PostgresError) -> Service? {
    guard let handle = FileHandle(forReadingAtPath: path),
      let data = try? handle.read(upToCount: byteCountLimit + 1) ?? Data()
    else {
      throw PostgresError(.invalidConfiguration, "the service file \"\(path)\" cannot be read")
    }
    guard data.count <= byteCountLimit else {
      throw PostgresError(
        .invalidConfiguration,
        "the service file \"\(path)\" is longer than \(byteCountLimit) bytes")
    }
    var service: Service?
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, bytes) in lines.enumerated() {
      guard let text = String(validating: bytes.trimmed, as: UTF8.self), !text.utf8.contains(0)
      else {
        throw invalid(path, index, "it is not UTF-8, or has a NUL character")
      }
      if text.isEmpty || text.utf8.first == UInt8(ascii: "#") { continue }
      if text.utf8.first == UInt8(ascii: "[") {
        if service != nil { return service }
        if text.utf8.starts(with: "[\(name)]".utf8) { service = Service(path: path) }
      } else if service != nil {
        service?.values.append(try parameter(text, path, index))
      }
    }
    return service
  }

  private static func parameter(
    _ text: String, _ path: String, _ index: Int
  ) throws(PostgresError) -> (String, String) {
    guard !text.utf8.starts(with: "ldap".utf8) else {
      throw invalid(path, index, "parameters from LDAP are not supported")
    }
    let keyword = String(decoding: text.utf8.prefix { $0 != UInt8(ascii: "=") }, as: UTF8.self)
    guard keyword.utf8.count < text.utf8.count else {
      throw invalid(path, index, "it is not keyword=value")
    }
    if keyword == "service" || keyword == "servicefile" {
      throw invalid(path, index, "a service cannot stand on another: \(keyword) is not allowed")
    }
    guard ConnectionKeyword.all.contains(where: { $0.name == keyword }) else {
      throw invalid(path, index, "the parameter \"\(keyword)\" is unknown")
    }
    let value = text.utf8.dropFirst(keyword.utf8.count + 1)
    return (keyword, String(decoding: Array(value), as: UTF8.self))
  }

  /// An error for a line, counted from 0 here.
  private static func invalid(_ path: String, _ index: Int, _ what: String) -> PostgresError {
    PostgresError(
      .invalidConfiguration, "line \(index + 1) of the service file \"\(path)\": \(what)")
  }
}
