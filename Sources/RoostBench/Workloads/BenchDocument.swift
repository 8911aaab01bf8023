public import Roost
public import RoostCore

/// A key and a JSON document of 1 to 4 KiB.
public struct BenchDocument: BenchRecord {
  /// The key.
  public var id: String
  /// Whose it is.
  public var accountID: String
  /// The document.
  public var document: JSON
  /// When it was last changed.
  public var updatedAt: Timestamp

  /// A row with these values, as a driver reads it.
  public init(id: String, accountID: String, document: JSON, updatedAt: Timestamp) {
    self.id = id
    self.accountID = accountID
    self.document = document
    self.updatedAt = updatedAt
  }

  /// Makes a row.
  public init(_ number: Int, revision: Int) {
    self.init(number, revision: revision, body: Body.all[number % Body.all.count])
  }

  private init(_ number: Int, revision: Int, body: Body) {
    self.init(
      id: BenchKey.text(number), accountID: "account-\(number % 100)",
      document: body.document(number, revision: revision), updatedAt: Self.time(revision))
  }

  /// A row with a body of its own.
  public static func loaded(_ number: Int) -> BenchDocument {
    BenchDocument(number, revision: 0, body: Body(number % Body.all.count))
  }

  private static func time(_ revision: Int) -> Timestamp {
    Timestamp(microsecondsSince2000: Int64(revision) * 1_000_000)
  }

  /// The same row with another document.
  public func revised(_ revision: Int) -> BenchDocument {
    var copy = self
    if case .object(var members) = document {
      members["revision"] = Self.revision(revision)
      copy.document = .object(members)
    }
    copy.updatedAt = Self.time(revision)
    return copy
  }

  /// Its number and the length of the document's text, which the document says itself.
  public var sum: Double {
    Double((document["number"]?.int64 ?? 0) + (document["size"]?.int64 ?? 0))
  }

  /// Sets the document and its time.
  public static func assignments(_ number: Int, revision: Int) -> [Mutation.Assignment] {
    let row = BenchDocument(number, revision: revision)
    return [columns.document.set(to: row.document), columns.updatedAt.set(to: row.updatedAt)]
  }

  /// The document's compact text: its first members are at the same places in each.
  public var text: String { String(decoding: document.encoded(), as: UTF8.self) }

  fileprivate static func revision(_ revision: Int) -> JSON {
    // As many digits for each, so that all revisions are of the same length.
    .number(Numeric(Int64(10_000_000 + revision % 10_000_000)))
  }

  /// The table.
  public static let table = "bench_documents"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `bench_documents`.
  public struct Columns: BenchColumns {
    /// The key.
    public let id = Column<String>("id")
    /// Whose it is.
    public let accountID = Column<String>("account_id")
    /// The document.
    public let document = Column<JSON>("document")
    /// When it was last changed.
    public let updatedAt = Column<Timestamp>("updated_at")
  }

  /// Reads a row.
  public init(row: Row) throws(StoreError) {
    id = try row[Self.columns.id]
    accountID = try row[Self.columns.accountID]
    document = try row[Self.columns.document]
    updatedAt = try row[Self.columns.updatedAt]
  }

  /// Writes a row.
  public func write(to row: inout RowWriter) throws(StoreError) {
    try row.set(Self.columns.id, id)
    try row.set(Self.columns.accountID, accountID)
    try row.set(Self.columns.document, document)
    try row.set(Self.columns.updatedAt, updatedAt)
  }
}

/// What documents have beside their number and revision.
private struct Body {
  /// Made before any clock runs: to make one takes longer than to store it in memory.
  static let all = (0..<256).map { Body($0) }

  private let resources: JSON
  private let size: JSON

  init(_ place: Int) {
    var generator = SeededGenerator(seed: UInt64(place))
    // About 105 bytes each: 1 to 4 KiB together.
    let count = 10 + place * 26 / 256
    resources = .array(
      (0..<count).map { number in
        let word = String(generator.next(), radix: 36)
        return [
          "name": .string("resource \(number) \(word)"),
          "path": .string("/\(word)/{id}"),
          "fields": .array(["id", .string("field_\(word.prefix(5))"), "created_at"]),
        ]
      })
    // The length of a text with a size of four digits.
    let draft = Self.document(1_000, resources, 0, revision: 0)
    size = .number(Numeric(Int64(draft.encoded().count)))
  }

  func document(_ number: Int, revision: Int) -> JSON {
    Self.document(size, resources, number, revision: revision)
  }

  private static func document(
    _ size: JSON, _ resources: JSON, _ number: Int, revision: Int
  ) -> JSON {
    [
      "size": size, "number": .number(Numeric(Int64(1_000_000_000 + number))),
      "revision": BenchDocument.revision(revision), "resources": resources,
    ]
  }
}
