import Foundation
import Testing

/// The built `roost` command, run as a process of its own.
struct RoostProcess: Sendable {
  /// What a run said and how it ended.
  struct Outcome {
    var output: String
    var errors: String
    /// The exit code; minus the signal's number when a signal ended it.
    var code: Int32
  }

  let process = Process()
  private let folder: TemporaryFolder
  private let outputPath: String
  private let errorPath: String

  /// Starts the command. Its environment has no variable that names a store, unless given.
  init(
    _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
  ) throws {
    folder = try TemporaryFolder()
    outputPath = folder.path + "/output"
    errorPath = folder.path + "/errors"
    let inputPath = folder.path + "/input"
    try Data((input ?? "").utf8).write(to: URL(fileURLWithPath: inputPath))
    try Data().write(to: URL(fileURLWithPath: outputPath))
    try Data().write(to: URL(fileURLWithPath: errorPath))
    process.executableURL = try Self.program()
    process.arguments = arguments
    process.environment = ["PATH": "/usr/bin:/bin"].merging(environment) { $1 }
    process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
    process.standardInput = FileHandle(forReadingAtPath: inputPath)
    process.standardOutput = FileHandle(forWritingAtPath: outputPath)
    process.standardError = FileHandle(forWritingAtPath: errorPath)
    try process.run()
  }

  /// The program stands beside the test bundle.
  static func program() throws -> URL {
    var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    for argument in CommandLine.arguments where argument.hasSuffix(".xctest") {
      folder = URL(fileURLWithPath: argument).deletingLastPathComponent()
    }
    let bundle = Bundle.allBundles.map(\.bundleURL).first { $0.pathExtension == "xctest" }
    let folders =
      [folder, Bundle.main.bundleURL] + (bundle.map { [$0.deletingLastPathComponent()] } ?? [])
    let candidates = folders.map { $0.appendingPathComponent("roost") }
    return try #require(
      candidates.first { FileManager.default.isExecutableFile(atPath: $0.path) },
      "the command is not beside the tests: \(candidates.map(\.path))")
  }

  /// What it has said on standard error so far.
  var errorsSoFar: String {
    (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? ""
  }

  /// Waits for the end without holding a thread of the cooperative pool.
  func outcome() async throws -> Outcome {
    while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    let code = process.terminationStatus
    return Outcome(
      output: try String(contentsOfFile: outputPath, encoding: .utf8), errors: errorsSoFar,
      code: process.terminationReason == .exit ? code : -code)
  }

  /// Runs the command to its end.
  static func run(
    _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await RoostProcess(arguments, input: input, environment: environment).outcome()
  }
}
