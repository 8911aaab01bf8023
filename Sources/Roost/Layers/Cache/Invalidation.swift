import Foundation
import RoostCore

/// What of a cache may no longer hold, in the form in which stores tell each other: rows by the
/// digests of their keys, whole tables, or everything.
struct Invalidation: Sendable, Equatable {
  private(set) var rows: Set<UInt64> = []
  private(set) var tables: Set<String> = []
  private(set) var isEverything = false

  static let everything = Invalidation(.everything)

  var isEmpty: Bool { rows.isEmpty && tables.isEmpty && !isEverything }

  init(_ changes: RowChanges) {
    isEverything = changes.isEverything
    for (table, changed) in changes.tables {
      switch changed {
      case .all: tables.insert(table)
      case .keys(let keys):
        for key in keys {
          // A table whose keys have no digest is not cached.
          if let digest = RowDigest.of(table, key) { rows.insert(digest) }
        }
      }
    }
  }

  // The text: {"rows": ["0123456789abcdef"], "tables": ["books"]}, or {"all": true}.

  /// Reads what another store has announced; nil when it is not of this form.
  init?(_ text: String) {
    guard let json = try? JSON(parsing: text), json.object != nil else { return nil }
    if json["all"]?.bool == true { isEverything = true }
    for row in json["rows"]?.array ?? [] {
      guard let digest = row.string.flatMap({ UInt64($0, radix: 16) }) else { return nil }
      rows.insert(digest)
    }
    for table in json["tables"]?.array ?? [] {
      guard let name = table.string else { return nil }
      tables.insert(name)
    }
    if isEmpty { return nil }
  }

  /// What is announced, in no more bytes than that: less precise where it would be more.
  /// - Parameter changes: what the invalidation was made of.
  func text(of changes: RowChanges, byteLimit: Int) -> String {
    for precise in [self, Invalidation(tablesOf: changes)] where !precise.isEverything {
      let text = precise.json.description
      if text.utf8.count <= byteLimit { return text }
    }
    return JSON.object(.init([("all", true)])).description
  }

  private init(tablesOf changes: RowChanges) {
    isEverything = changes.isEverything
    tables = Set(changes.tables.keys)
  }

  private var json: JSON {
    var members: [(String, JSON)] = []
    if !rows.isEmpty {
      let digests = rows.sorted().map { JSON.string(String($0, radix: 16)) }
      members.append(("rows", .array(digests)))
    }
    if !tables.isEmpty {
      members.append(("tables", .array(tables.sorted().map { .string($0) })))
    }
    return .object(.init(members))
  }
}

/// A number for a row's table and key that is the same in every process. Two rows may have the
/// same one: then what is said of one is said of both, and a cache keeps one of them.
///
/// FNV-1a, 64 bits. Source: Fowler, Noll and Vo, RFC 9923.
struct RowDigest {
  private static let offset: UInt64 = 0xcbf2_9ce4_8422_2325
  private static let prime: UInt64 = 0x0000_0100_0000_01b3

  private var state = offset

  private mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes { state = (state ^ UInt64(byte)) &* Self.prime }
    // What ends one part is not in a text, and in a number or bytes it is but a collision more.
    state = (state ^ 0xff) &* Self.prime
  }

  private mutating func add(_ number: Int64) {
    for shift in stride(from: 0, to: 64, by: 8) {
      state = (state ^ (UInt64(bitPattern: number) >> UInt64(shift) & 0xff)) &* Self.prime
    }
  }

  private mutating func add(_ value: Value) -> Bool {
    switch value {
    case .bool(let flag): add(flag ? 1 : 0)
    case .int(let number): add(number)
    case .text(let text): add(text.utf8)
    case .label(let label): add(label.text.utf8)
    case .bytes(let bytes): add(bytes)
    case .uuid(let uuid): withUnsafeBytes(of: uuid.uuid) { add($0) }
    case .date(let date): add(Int64(date.daysSince2000))
    case .timestamp(let time): add(time.microsecondsSince2000)
    // Equal ones may be written in several ways.
    case .null, .double, .numeric, .json, .array: return false
    }
    return true
  }

  /// The digest of a row with a primary key as it is stored; nil when a value of it has none.
  static func of(_ table: String, _ key: [Value]) -> UInt64? {
    var digest = RowDigest()
    digest.add(table.utf8)
    for value in key where !digest.add(value) { return nil }
    return digest.state
  }

  /// Whether the rows of a table have digests.
  static func fits(_ table: TableDefinition) -> Bool {
    table.primaryKey.columns.allSatisfy { name in
      guard let position = table.position(of: name) else { return false }
      return switch table.columns[position].type {
      case .real, .double, .numeric, .unlimitedNumeric, .json, .array: false
      default: true
      }
    }
  }
}
