import Foundation

/// The system's own `gzip`, run as a process.
enum Gzip {
  /// How long packing one file may take.
  private static let deadline = Duration.seconds(6 * 3_600)
  /// What `env` ends with when there is no such program.
  private static let notFound: Int32 = 127

  /// - Throws: `unsupported` when there is no `gzip`.
  static func require() async throws(StoreError) {
    try await run(["--version"])
  }

  /// Packs a file; `.gz` is added to its name. The time of packing is not kept in it.
  /// - Throws: `unsupported` when there is no `gzip`; `inputOutput` when it fails.
  static func compress(_ path: String) async throws(StoreError) {
    try await run(["-n", "--", path])
  }

  private static func run(_ arguments: [String]) async throws(StoreError) {
    let process = process(arguments)
    process.standardOutput = FileHandle.nullDevice
    do {
      try process.run()
      let end = ContinuousClock.now + deadline
      while process.isRunning {
        guard ContinuousClock.now < end else { throw CancellationError() }
        try await Task.sleep(for: .milliseconds(5))
      }
    } catch {
      if process.isRunning { process.terminate() }
      throw StoreError(.inputOutput, "gzip could not be run to its end")
    }
    try check(process)
  }

  fileprivate static func process(_ arguments: [String]) -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip"] + arguments
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    return process
  }

  /// - Throws: why a process that has ended did not do its work.
  fileprivate static func check(_ process: Process) throws(StoreError) {
    if process.terminationReason == .exit, process.terminationStatus == 0 { return }
    if process.terminationStatus == notFound {
      throw StoreError(
        .unsupported, "gzip is not installed: install it, or write the backup without --gzip")
    }
    throw StoreError(
      .inputOutput, "gzip failed with status \(process.terminationStatus)")
  }
}

/// A packed file, unpacked while it is read.
final class GzipReader {
  private let process: Process
  private let pipe = Pipe()

  init(_ path: String) throws(StoreError) {
    process = Gzip.process(["-dc", "--", path])
    process.standardOutput = pipe
    do { try process.run() } catch {
      throw StoreError(.inputOutput, "gzip could not be run: \(error.localizedDescription)")
    }
  }

  deinit {
    // A reader that has not read all of it leaves it waiting for ever.
    if process.isRunning { process.terminate() }
  }

  /// Some more bytes; none at the end.
  func next(_ count: Int) throws(StoreError) -> [UInt8] {
    let data: Data?
    do { data = try pipe.fileHandleForReading.read(upToCount: count) } catch {
      throw StoreError(.inputOutput, "gzip cannot be read: \(error.localizedDescription)")
    }
    guard let data, !data.isEmpty else {
      process.waitUntilExit()
      try Gzip.check(process)
      return []
    }
    return Array(data)
  }
}
