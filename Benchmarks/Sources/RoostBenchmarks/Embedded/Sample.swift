import Roost

/// A row of about 200 bytes, as the peers' programs have it, too.
struct Sample: Record {
  var id: Int64
  var name: String
  var body: String
  var score: Double
  var createdAt: Timestamp

  /// The row of a number: everybody makes the same.
  init(_ number: Int) {
    id = Int64(number)
    name = "record \(number)"
    // No two rows share a text's memory, as those of a store that was opened do not.
    let head = Array(name.utf8)
    body = String(decoding: head + Self.filling.dropFirst(head.count), as: UTF8.self)
    score = Double(number) / 2
    createdAt = Timestamp(microsecondsSince2000: Int64(number) * 1_000_000)
  }

  private static let filling = Array(
    String(repeating: "lorem ipsum dolor sit amet, ", count: 4).utf8)

  /// What a reader adds up, so that nobody wins by not looking.
  var sum: Double { score + Double(name.utf8.count + body.utf8.count) }

  static let table = "samples"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int64>("id")
    let name = Column<String>("name")
    let body = Column<String>("body")
    let score = Column<Double>("score")
    let createdAt = Column<Timestamp>("created_at")
  }

  init(row: Row) throws(StoreError) {
    id = try row[Self.columns.id]
    name = try row[Self.columns.name]
    body = try row[Self.columns.body]
    score = try row[Self.columns.score]
    createdAt = try row[Self.columns.createdAt]
  }

  func write(to row: inout RowWriter) throws(StoreError) {
    try row.set(Self.columns.id, id)
    try row.set(Self.columns.name, name)
    try row.set(Self.columns.body, body)
    try row.set(Self.columns.score, score)
    try row.set(Self.columns.createdAt, createdAt)
  }

  static let migrations = MigrationSet(
    system: "samples",
    files: [
      MigrationFile(
        name: "V001__samples.sql",
        text: """
          CREATE TABLE samples (
            id bigint PRIMARY KEY,
            name text COLLATE "C" NOT NULL,
            body text COLLATE "C" NOT NULL,
            score double precision NOT NULL,
            created_at timestamptz NOT NULL
          );
          """)
    ])
}
