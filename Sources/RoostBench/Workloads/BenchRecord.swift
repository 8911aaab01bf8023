public import Roost
import RoostCore

/// A record that the mixes work on: row `number` is the same for everybody.
public protocol BenchRecord: Record where Columns: BenchColumns {
  /// Makes a row.
  /// - Parameter revision: which values its changing part has; 0 for those of the load.
  init(_ number: Int, revision: Int)
  /// A row as it is loaded, which shares no part with others: so are rows that come from outside.
  static func loaded(_ number: Int) -> Self
  /// The same row with the changing part of another revision.
  func revised(_ revision: Int) -> Self
  /// What a reader adds up, so that nobody wins by not looking. It is the same for every revision.
  var sum: Double { get }
  /// What an update sets, without reading the row.
  static func assignments(_ number: Int, revision: Int) -> [Mutation.Assignment]
}

/// The columns of a record that the mixes work on.
public protocol BenchColumns: Sendable {
  /// The key.
  var id: Column<String> { get }
}

/// The kinds of records that the mixes work on.
public enum RecordKind: String, Sendable, CaseIterable, Codable {
  /// A key, and a JSON document of 1 to 4 KiB, like an API compiler's result.
  case documents
  /// Short columns, a status and times, with four indexes, like an agent's task.
  case tasks

  /// What its rows are called, for people.
  public var title: String {
    switch self {
    case .documents: "documents of 1 to 4 KiB"
    case .tasks: "tasks"
    }
  }
}

extension MigrationSet {
  /// The tables that are only there to be measured.
  public static let bench = MigrationSet(
    system: "bench",
    files: [
      MigrationFile(
        name: "V001__create_bench.sql",
        text: """
          CREATE TABLE bench_documents (
            id varchar(12) COLLATE "C" PRIMARY KEY,
            account_id varchar(36) COLLATE "C" NOT NULL,
            document jsonb NOT NULL,
            updated_at timestamptz NOT NULL
          );

          CREATE TABLE bench_tasks (
            id varchar(12) COLLATE "C" PRIMARY KEY,
            number bigint NOT NULL,
            direction text COLLATE "C" NOT NULL,
            task_type varchar(20) COLLATE "C" NOT NULL,
            status varchar(20) COLLATE "C" NOT NULL,
            model varchar(100) COLLATE "C" NOT NULL,
            command text COLLATE "C" NOT NULL,
            output text COLLATE "C",
            progress_pct integer CHECK (progress_pct BETWEEN 0 AND 100),
            created_at timestamptz NOT NULL,
            updated_at timestamptz NOT NULL
          );

          CREATE INDEX bench_tasks_status_created_at_idx
            ON bench_tasks (status, created_at DESC, id);
          CREATE INDEX bench_tasks_created_at_idx ON bench_tasks (created_at DESC);
          CREATE INDEX bench_tasks_pending_idx
            ON bench_tasks (created_at, id) WHERE status = 'pending';
          """),
      MigrationFile(
        name: "V001__create_bench.down.sql",
        text: "DROP TABLE bench_tasks;\nDROP TABLE bench_documents;\n"),
    ])
}

/// The keys of the rows.
public enum BenchKey {
  /// Twelve characters in the order of the numbers.
  public static func text(_ number: Int) -> String {
    let digits = String(number)
    return "k" + String(repeating: "0", count: max(0, 11 - digits.count)) + digits
  }
}
