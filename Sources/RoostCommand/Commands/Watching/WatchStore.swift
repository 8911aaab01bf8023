import Foundation
import Roost
import RoostCore
import RoostFile
import RoostMemory
import RoostPostgres

extension Arguments {
  /// Where a store is, for those who look at it from outside.
  enum Place {
    case memory
    case file(path: String)
    case server
  }

  /// What the URL names.
  /// - Throws: `invalidConfiguration`.
  func place() throws -> Place {
    switch try BackendURL(url).scheme {
    case "memory": .memory
    case "file": .file(path: try FolderFigures.path(of: url))
    default: .server
    }
  }

  /// Opens the store without looking at its migrations or tables, runs the body and closes it.
  func withServer<Result: Sendable>(_ body: (Store) async throws -> Result) async throws -> Result {
    try await withStore(migrations: [], migrate: .off, isReading: true, body)
  }
}

extension Terminal {
  /// Prints a value as JSON.
  static func print(json value: some Encodable) throws {
    print(String(decoding: try JSON.encode(value), as: UTF8.self))
  }
}

/// Numbers as people read them.
enum Readable {
  /// A number of bytes, as in `1.5 MiB`.
  static func bytes(_ count: Double) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var (value, unit) = (abs(count), 0)
    while value >= 1_024, unit < units.count - 1 { (value, unit) = (value / 1_024, unit + 1) }
    return (count < 0 ? "-" : "") + (unit == 0 ? whole(value) : decimal(value)) + " " + units[unit]
  }

  /// A number with one digit behind the point below a hundred.
  static func decimal(_ value: Double) -> String {
    guard abs(value) < 100 else { return whole(value) }
    return "\((value * 10).rounded() / 10)"
  }

  /// A whole number.
  static func whole(_ value: Double) -> String {
    Int64(exactly: value.rounded()).map { "\($0)" } ?? "\(value)"
  }

  /// Milliseconds, as in `0.25 ms`.
  static func milliseconds(_ value: Double) -> String {
    value < 10 ? "\((value * 100).rounded() / 100) ms" : decimal(value) + " ms"
  }

  /// Seconds as in `3 d`, `5 h`, `2 min` or `0.4 s`.
  static func time(_ seconds: Double) -> String {
    if seconds >= 172_800 { return whole((seconds / 86_400).rounded(.down)) + " d" }
    if seconds >= 7_200 { return whole((seconds / 3_600).rounded(.down)) + " h" }
    if seconds >= 120 { return whole((seconds / 60).rounded(.down)) + " min" }
    return decimal(seconds) + " s"
  }

  /// Text that is as wide as a column.
  static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
