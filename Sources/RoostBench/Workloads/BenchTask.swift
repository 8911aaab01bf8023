public import Roost
public import RoostCore

/// What somebody is told to do, and how far it is.
public struct BenchTask: BenchRecord {
  /// The key.
  public var id: String
  /// The row's number.
  public var number: Int
  /// What is to be done.
  public var direction: String
  /// The kind of work.
  public var taskType: String
  /// Where it stands.
  public var status: String
  /// Who does it.
  public var model: String
  /// The command that is run for it.
  public var command: String
  /// What came of it; nil until something did.
  public var output: String?
  /// How far it is, from 0 to 100; nil until it began.
  public var progressPct: Int?
  /// When it was created.
  public var createdAt: Timestamp
  /// When it was last changed.
  public var updatedAt: Timestamp

  /// A row with these values, as a driver reads it.
  public init(
    id: String, number: Int, direction: String, taskType: String, status: String, model: String,
    command: String, output: String?, progressPct: Int?, createdAt: Timestamp, updatedAt: Timestamp
  ) {
    self.id = id
    self.number = number
    self.direction = direction
    self.taskType = taskType
    self.status = status
    self.model = model
    self.command = command
    self.output = output
    self.progressPct = progressPct
    self.createdAt = createdAt
    self.updatedAt = updatedAt
  }

  static let kinds = ["spec", "test", "impl", "review", "heal"]
  static let statuses = ["pending", "running", "completed", "failed", "needs_decision"]

  /// Makes a row.
  public init(_ number: Int, revision: Int) {
    id = BenchKey.text(number)
    self.number = number
    // Five rows have the rare word, however many there are.
    let word = number % 100 == 7 && number < 500 ? "quartz" : "granite"
    direction = "task \(number): describe, test and build the \(word) part, then say what is open"
    taskType = Self.kinds[number % Self.kinds.count]
    status = Self.statuses[(number + revision) % Self.statuses.count]
    model = "model-\(number % 7)"
    command = "build --part \(number % 1_000) --verbose"
    output = number.isMultiple(of: 3) ? nil : "all \(number % 90) checks passed"
    progressPct = revision % 101
    createdAt = Timestamp(microsecondsSince2000: Int64(number) * 1_000_000)
    updatedAt = Timestamp(microsecondsSince2000: Int64(number + revision) * 1_000_000)
  }

  /// A row: none shares a part with another.
  public static func loaded(_ number: Int) -> BenchTask { BenchTask(number, revision: 0) }

  /// The same row with another status, progress and time.
  public func revised(_ revision: Int) -> BenchTask {
    var copy = self
    copy.status = Self.statuses[(number + revision) % Self.statuses.count]
    copy.progressPct = revision % 101
    copy.updatedAt = Timestamp(microsecondsSince2000: Int64(number + revision) * 1_000_000)
    return copy
  }

  /// Its number and the lengths of its texts.
  public var sum: Double {
    Double(number + direction.utf8.count + command.utf8.count + (output?.utf8.count ?? 0))
  }

  /// Sets status, progress and time.
  public static func assignments(_ number: Int, revision: Int) -> [Mutation.Assignment] {
    let time = Timestamp(microsecondsSince2000: Int64(number + revision) * 1_000_000)
    return [
      columns.status.set(to: statuses[(number + revision) % statuses.count]),
      columns.progressPct.set(to: revision % 101), columns.updatedAt.set(to: time),
    ]
  }

  /// The table.
  public static let table = "bench_tasks"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `bench_tasks`.
  public struct Columns: BenchColumns {
    /// The key.
    public let id = Column<String>("id")
    /// The row's number.
    public let number = Column<Int>("number")
    /// What is to be done.
    public let direction = Column<String>("direction")
    /// The kind of work.
    public let taskType = Column<String>("task_type")
    /// Where it stands.
    public let status = Column<String>("status")
    /// Who does it.
    public let model = Column<String>("model")
    /// The command that is run for it.
    public let command = Column<String>("command")
    /// What came of it.
    public let output = Column<String?>("output")
    /// How far it is.
    public let progressPct = Column<Int?>("progress_pct")
    /// When it was created.
    public let createdAt = Column<Timestamp>("created_at")
    /// When it was last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }

  /// Reads a row.
  public init(row: Row) throws(StoreError) {
    let columns = Self.columns
    id = try row[columns.id]
    number = try row[columns.number]
    direction = try row[columns.direction]
    taskType = try row[columns.taskType]
    status = try row[columns.status]
    model = try row[columns.model]
    command = try row[columns.command]
    output = try row[columns.output]
    progressPct = try row[columns.progressPct]
    createdAt = try row[columns.createdAt]
    updatedAt = try row[columns.updatedAt]
  }

  /// Writes a row.
  public func write(to row: inout RowWriter) throws(StoreError) {
    let columns = Self.columns
    try row.set(columns.id, id)
    try row.set(columns.number, number)
    try row.set(columns.direction, direction)
    try row.set(columns.taskType, taskType)
    try row.set(columns.status, status)
    try row.set(columns.model, model)
    try row.set(columns.command, command)
    try row.set(columns.output, output)
    try row.set(columns.progressPct, progressPct)
    try row.set(columns.createdAt, createdAt)
    try row.set(columns.updatedAt, updatedAt)
  }
}
