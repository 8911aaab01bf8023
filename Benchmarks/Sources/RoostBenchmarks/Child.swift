import Foundation
import Roost

/// The side that measures: a process of its own for each figure.
enum Child {
  /// The first word of a child's command line.
  static let marker = "--child"

  static func run(_ words: [String]) async throws {
    switch (words.first, words.count) {
    case ("driver", 4), ("driver-pool", 4):
      guard let workload = DriverWorkload(rawValue: words[1]), let count = Int(words[3]) else {
        throw Failure("no such workload: \(words)")
      }
      let run = try DriverRun(url: words[2], usesPool: words[0] == "driver-pool")
      print(try await run.measure(workload, count: count))
    case ("store", 9): try await StoreChild(words).run()
    case ("steady", 3): try await Steady.child(url: words[1], seconds: Int(words[2]) ?? 0)
    case ("serve", 5): try await MoveServer(words).run()
    case ("mover", 3): try await MoveServer.runMover(from: words[1], to: words[2])
    case ("embedded", 4):
      guard let workload = EmbeddedWorkload(rawValue: words[1]), let count = Int(words[3]) else {
        throw Failure("no such workload: \(words)")
      }
      try await workload.run(url: words[2], count: count)
    case ("json", 4):
      guard let task = JSONSpeed.Task(rawValue: words[1]), let megabytes = Int(words[3]) else {
        throw Failure("no such task: \(words)")
      }
      try JSONSpeed.child(task, isRoost: words[2] == "Roost", megabytes: megabytes)
    case ("compaction", 4):
      guard let rows = Int(words[2]), let commits = Int(words[3]), rows > 0 else {
        throw Failure("no such load: \(words)")
      }
      try await CompactionPause.child(path: words[1], rows: rows, commits: commits)
    default: throw Failure("a child's command line has no meaning: \(words)")
    }
  }

  /// This program.
  static var program: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

  /// What a program prints; an exit code other than 0 is an error.
  static func output(
    of words: [String], environment: [String: String] = [:]
  ) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: words[0])
    process.arguments = Array(words.dropFirst())
    process.environment = Self.environment.merging(environment) { $1 }
    process.standardOutput = output
    process.standardInput = FileHandle.nullDevice
    try withSignalsUnblocked { try process.run() }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      throw Failure("\(words[0]) failed with code \(process.terminationStatus)")
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// Nothing of the caller's environment may choose another server.
  static var environment: [String: String] {
    ProcessInfo.processInfo.environment
      .filter { !$0.key.hasPrefix("PG") && !$0.key.hasSuffix("_URL") }
  }

  /// A child inherits the thread's signal mask, and the threads that tasks run on block all
  /// signals; `pgbench` would never see the alarm that ends it.
  static func withSignalsUnblocked(_ body: () throws -> Void) rethrows {
    var (none, before) = (sigset_t(), sigset_t())
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }
}
