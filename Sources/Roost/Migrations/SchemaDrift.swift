/// One thing in which a store is not as its migrations say.
public struct SchemaDrift: Sendable, Equatable {
  /// What differs.
  public enum Kind: String, Sendable {
    /// A table is missing.
    case table
    /// A column is missing, or there is one more.
    case column
    /// A column's type.
    case type
    /// Whether a column may be NULL.
    case nullability
    /// A column's default, identity or generation.
    case defaultValue = "default"
    /// A column's collation.
    case collation
    /// A primary key, unique constraint, foreign key or check.
    case constraint
    /// An index of its own.
    case index
    /// An index that a failed CREATE INDEX CONCURRENTLY has left; no query uses it.
    case invalidIndex
    /// A trigger.
    case trigger
    /// The labels of an enum type.
    case enumeration
    /// A function's signature or body.
    case function
  }

  /// What differs.
  public var kind: Kind
  /// The table concerned; nil for a type or a function.
  public var table: String?
  /// The name of the column, constraint, index, trigger, type or function; the table's for one
  /// that is missing.
  public var object: String
  /// What the migrations say; nil when they say nothing of it.
  public var expected: String?
  /// What the store has; nil when it has none.
  public var found: String?

  /// Makes a difference.
  public init(
    _ kind: Kind, table: String? = nil, object: String, expected: String?, found: String?
  ) {
    self.kind = kind
    self.table = table
    self.object = object
    self.expected = expected
    self.found = found
  }
}

extension SchemaDrift: CustomStringConvertible {
  /// A line for people.
  public var description: String {
    let noun =
      switch kind {
      case .type, .nullability, .defaultValue, .collation: "column \"\(object)\": \(kind.rawValue)"
      case .invalidIndex: "index \"\(object)\""
      case .enumeration: "type \"\(object)\""
      default: "\(kind.rawValue) \"\(object)\""
      }
    let subject = table == nil || kind == .table ? noun : "table \"\(table ?? "")\", \(noun)"
    if kind == .invalidIndex {
      return "\(subject) is invalid, since building it failed; remove it with: \(found ?? "")"
    }
    return switch (expected.map(Self.line), found.map(Self.line)) {
    case (let expected?, let found?): "\(subject): expected \(expected), found \(found)"
    case (let expected?, nil): "\(subject) is missing: expected \(expected)"
    case (nil, let found?): "\(subject) is extra: \(found)"
    case (nil, nil): "\(subject) differs"
    }
  }

  /// How much of a definition is shown.
  private static let lineLimit = 300

  /// A definition, such as a function's body, on one line.
  private static func line(_ text: String) -> String {
    let line = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    return line.count > lineLimit ? line.prefix(lineLimit) + " ..." : line
  }
}
