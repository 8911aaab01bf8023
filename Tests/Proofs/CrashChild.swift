import Foundation
import Roost
import RoostCore
import RoostFile
import RoostTesting

/// The process that a proof kills: it opens a file store, writes from several tasks, and says on
/// standard output what was acknowledged.
///
/// Each writer has three rows, which a commit sets to its number, and all of them a sum: a commit
/// that is found in part, or out of order, shows.
enum CrashChild {
  static let writers = 4
  static let rowsOfWriter = 3
  /// Small, so that there is a compaction at any time.
  private static let compactionFloor: Int64 = 24_000

  struct Row: Record, Equatable {
    var id: Int
    var number: Int
    var text: String
    static let table = "crashes"
    static let columns = Columns()
    struct Columns: Sendable {
      let id = Column<Int>("id")
      let number = Column<Int>("number")
      let text = Column<String>("text")
    }
  }

  private static let migrations = MigrationSet(
    system: "crashes",
    files: [
      MigrationFile(
        name: "V001__crashes.sql",
        text: """
          CREATE TABLE crashes (id integer PRIMARY KEY, number integer NOT NULL,
            text text COLLATE "C" NOT NULL);
          """)
    ])

  /// Opens the store; `synchronises` is false where nothing is to reach the device.
  static func open(_ path: String, synchronises: Bool = true) async throws -> Store {
    let files: any FileSystem =
      synchronises
      ? SystemFileSystem()
      : FaultyFileSystem { call in
        [.fsync, .fdatasync].contains(call.operation) ? .leaveOut : .proceed
      }
    let factory = BackendFactory(schemes: ["file"]) { _, _ throws(StoreError) in
      try FileStore.open(path, files: files, limits: .init(compactionFloor: compactionFloor))
    }
    return try await Store.open(
      "file:\(path)", backends: [factory], migrations: [migrations], environment: [:])
  }

  /// `child PATH SEED [unsynchronised]`: writes until it is killed, or its parent is gone.
  static func run(_ words: [String]) async -> Never {
    do {
      guard words.count >= 2, let seed = UInt64(words[1]) else { exit(2) }
      let store = try await open(words[0], synchronises: words.count == 2)
      say("open")
      var numbers: [Int] = []
      for writer in 1...writers {
        numbers.append(try await store.find(Row.self, writer * 10)?.number ?? 0)
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (place, number) in numbers.enumerated() {
          group.addTask {
            try await write(store, writer: place + 1, from: number, seed: seed + UInt64(place))
          }
        }
        try await group.waitForAll()
      }
      exit(0)
    } catch {
      say("failed \(error)")
      exit(1)
    }
  }

  private static func write(
    _ store: Store, writer: Int, from start: Int, seed: UInt64
  ) async throws {
    var generator = SeededGenerator(seed: seed)
    for number in (start + 1)...(start + 100_000) {
      let text = String(repeating: "x", count: Int.random(in: 0..<1_000, using: &generator))
      try await store.transaction { transaction in
        let sum = try await transaction.find(Row.self, 0)?.number ?? 0
        var rows = [Row(id: 0, number: sum + 1, text: "")]
        for row in 0..<rowsOfWriter {
          rows.append(Row(id: writer * 10 + row, number: number, text: text))
        }
        try await transaction.upsert(rows)
      }
      say("\(writer) \(number)")
    }
  }

  /// One write for a line: what a killed process has said is in the pipe.
  private static func say(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    if bytes.withUnsafeBytes({ RoostCore.write(1, $0.baseAddress, $0.count) }) < 0 { exit(0) }
  }
}
