import Foundation
import PostgresClient
import Roost

/// The side that measures: a process of its own for each figure.
enum Child {
  /// The first word of a child's command line.
  static let marker = "--child"

  static func run(_ words: [String]) async throws {
    switch (words.first, words.count) {
    case ("select-one", 3): try await selectOne(url: words[1], seconds: Double(words[2]) ?? 0)
    case ("driver", 4):
      guard let workload = DriverWorkload(rawValue: words[1]), let count = Int(words[3]) else {
        throw Failure("no such workload: \(words)")
      }
      try await workload.run(url: words[2], count: count)
    case ("store", 9): try await StoreChild(words).run()
    case ("steady", 3): try await Steady.child(url: words[1], seconds: Int(words[2]) ?? 0)
    case ("serve", 5): try await MoveServer(words).run()
    case ("mover", 3): try await MoveServer.runMover(from: words[1], to: words[2])
    case ("embedded", 4):
      guard let workload = EmbeddedWorkload(rawValue: words[1]), let count = Int(words[3]) else {
        throw Failure("no such workload: \(words)")
      }
      try await workload.run(url: words[2], count: count)
    case ("json", 3):
      guard let task = JSONSpeed.Task(rawValue: words[1]) else {
        throw Failure("no such task: \(words)")
      }
      try JSONSpeed.child(task, isRoost: words[2] == "roost")
    case ("compaction", 3):
      try await CompactionPause.child(path: words[1], rows: Int(words[2]) ?? 0)
    default: throw Failure("a child's command line has no meaning: \(words)")
    }
  }

  /// This program.
  static var program: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

  /// Runs this program as a child and reads the numbers that it prints.
  static func numbers(_ words: [String], prefix: [String] = []) throws -> [Double] {
    let text = try output(of: prefix + [program, marker] + words)
    return text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
  }

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

  /// Prints prepared `SELECT 1` a second, over one connection.
  private static func selectOne(url: String, seconds: Double) async throws {
    let pool = try PostgresPool(PostgresConfiguration(url, environment: [:]))
    let rate = try await pool.withConnection { connection in
      // The first one prepares the statement.
      let first = try await connection.queryOne("SELECT 1", as: Int32.self)
      guard first == 1 else { throw Failure("SELECT 1 is not 1") }
      let start = ContinuousClock.now
      var count = 0
      var elapsed = Duration.zero
      while elapsed < .seconds(seconds) {
        for _ in 0..<100 { _ = try await connection.queryOne("SELECT 1", as: Int32.self) }
        count += 100
        elapsed = ContinuousClock.now - start
      }
      return Double(count) / (elapsed / .seconds(1))
    }
    await pool.close()
    print(rate)
  }
}
