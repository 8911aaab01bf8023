public import RoostCore

/// In what two stores differ.
public struct VerificationReport: Sendable, Codable {
  /// How a row differs.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    /// The second store lacks it.
    case missing
    /// Only the second store has it.
    case extra
    /// Both have it, with other values.
    case different
  }

  /// Some rows of a table that differ in the same way.
  public struct Difference: Sendable, Codable {
    /// How many there are.
    public var count = 0
    /// The primary keys of the first of them, as objects with a member a column.
    public var keys: [JSON] = []
  }

  /// A table's comparison.
  public struct Table: Sendable, Codable {
    /// The table.
    public var name: String
    /// How many rows the first store had as they were compared.
    public var rows = 0
    /// Rows that the second store lacks.
    public var missing = Difference()
    /// Rows that only the second store has.
    public var extra = Difference()
    /// Rows that have other values.
    public var different = Difference()
    /// How many rows differed when they were first looked at, and did not when they were again.
    public var settled = 0

    /// Whether all rows are exactly equal.
    public var isEqual: Bool { missing.count + extra.count + different.count == 0 }

    /// The rows that differ in one way.
    public subscript(kind: Kind) -> Difference {
      get {
        switch kind {
        case .missing: missing
        case .extra: extra
        case .different: different
        }
      }
      set {
        switch kind {
        case .missing: missing = newValue
        case .extra: extra = newValue
        case .different: different = newValue
        }
      }
    }
  }

  /// The store that is taken to be right; no secrets.
  public var from: String
  /// The store that was compared with it; no secrets.
  public var to: String
  /// The tables, by name.
  public var tables: [Table]

  /// Whether all rows of all tables are exactly equal.
  public var isEqual: Bool { tables.allSatisfy(\.isEqual) }
}

extension VerificationReport.Table {
  /// Counts a row, and lists its key while there are fewer than `limit`.
  mutating func note(_ difference: RowDifference, of table: TableDefinition, limit: Int) {
    self[difference.kind].count += 1
    guard self[difference.kind].keys.count < limit else { return }
    var json = JSONWriter()
    RowJSONWriter(table).write(key: difference.key, into: &json)
    if let key = try? JSON(parsing: json.bytes) { self[difference.kind].keys.append(key) }
  }
}
