import Foundation
import PostgresClient
import Roost
import RoostCore

extension FuzzTarget {
  static let texts: [FuzzTarget] = [
    FuzzTarget("json") { input in
      _ = try? JSON(parsing: input.bindMemory(to: UInt8.self))
      _ = try? JSON.decode([[String: Double]].self, from: Array(input))
    } check: { input in
      let decoded = try? JSON.decode(JSON.self, from: Array(input))
      let parsed = try? JSON(parsing: input.bindMemory(to: UInt8.self))
      try require(decoded == parsed, "JSON that is decoded is another than what is parsed")
      guard let value = parsed else { return }
      let text = value.encoded()
      let again = try mustSucceed("JSON that was written") { try JSON(parsing: text) }
      try require(again.encoded() == text, "JSON is another after a round trip")
    },
    FuzzTarget("numeric", allowance: 512 << 10) { input in
      _ = Numeric(utf8: input.bindMemory(to: UInt8.self))
    } check: { input in
      guard let value = Numeric(utf8: input.bindMemory(to: UInt8.self)) else { return }
      let again = try unwrap(Numeric(value.description), "\(value) cannot be read")
      try require(again.description == value.description, "\(value) is another after a round trip")
    },
    FuzzTarget("uri", allowance: 128 << 10) { input in
      _ = try? PostgresConfiguration(String(decoding: input, as: UTF8.self), environment: [:])
    } check: { input in
      let text = "postgres://u:sEcReT!@" + String(decoding: input, as: UTF8.self)
      do {
        let configuration = try PostgresConfiguration(text, environment: [:])
        try require(!"\(configuration)".contains("sEcReT!"), "a password is shown")
      } catch let violation as Violation {
        throw violation
      } catch {
        try require(!"\(error)".contains("sEcReT!"), "an error shows a password")
      }
    },
    FuzzTarget("keywords", allowance: 128 << 10) { input in
      _ = try? ConnectionString(String(decoding: input, as: UTF8.self))
    } check: { input in
      let text = "password=sEcReT! " + String(decoding: input, as: UTF8.self)
      do {
        _ = try PostgresConfiguration(text, environment: [:])
      } catch {
        try require(!"\(error)".contains("sEcReT!"), "an error shows a password")
      }
    },
    FuzzTarget("password-file", allowance: 128 << 10) { input in
      try withFile(input) { path in
        let file = PasswordFile(path)
        _ = file.find(
          PostgresConfiguration.Host("h", port: 5_432), database: "d", user: "u")
      }
    },
    FuzzTarget("service-file", allowance: 128 << 10) { input in
      try withFile(input) { path in
        _ = try? PostgresConfiguration(
          "service=s", environment: ["PGSERVICEFILE": path, "PGSYSCONFDIR": "/nonexistent"])
      }
    },
    FuzzTarget("migration", allowance: 256 << 10) { input in
      _ = try? MigrationScript(
        reading: String(decoding: input, as: UTF8.self), file: "f", onto: Schema())
    },
    FuzzTarget("like") { input in
      var input = Choices(input)
      let pattern = String(decoding: input.part(), as: UTF8.self)
      guard let like = try? LikePattern(pattern) else { return }
      _ = like.matches(String(decoding: input.rest, as: UTF8.self))
    },
  ]

  /// Gives the closure a file of these bytes that nobody else may read.
  private static func withFile(
    _ bytes: UnsafeRawBufferPointer, _ body: (String) throws -> Void
  ) throws {
    var template = Array("/tmp/roost-fuzz-XXXXXX".utf8CString)
    let descriptor = template.withUnsafeMutableBufferPointer { $0.baseAddress.map(mkstemp) ?? -1 }
    guard descriptor >= 0 else { throw Violation("no temporary file: \(errno)") }
    let path = template.withUnsafeBytes { String(decoding: $0.dropLast(), as: UTF8.self) }
    defer {
      unlink(path)
      close(descriptor)
    }
    guard write(descriptor, bytes.baseAddress, bytes.count) == bytes.count else {
      throw Violation("a temporary file takes no bytes: \(errno)")
    }
    try body(path)
  }
}
