import RoostCore

/// The type of a column, as a migration declares it.
public indirect enum ColumnType: Sendable, Hashable {
  /// `boolean`.
  case boolean
  /// `smallint`, 16 bits.
  case smallint
  /// `integer`, 32 bits.
  case integer
  /// `bigint`, 64 bits.
  case bigint
  /// `real`, 32 bits.
  case real
  /// `double precision`, 64 bits.
  case double
  /// `numeric(precision, scale)`: digits in all, and digits after the point.
  case numeric(precision: Int, scale: Int)
  /// `numeric` without limits.
  case unlimitedNumeric
  /// `text`.
  case text
  /// `varchar(length)`: length in Unicode scalars.
  case varchar(length: Int)
  /// `bytea`.
  case bytes
  /// `uuid`.
  case uuid
  /// `date`.
  case date
  /// `timestamp without time zone`.
  case timestamp
  /// `timestamp with time zone`.
  case timestamptz
  /// `jsonb`.
  case json
  /// An enum type, by its name.
  case enumeration(Enumeration)
  /// An array with elements of a type.
  case array(ColumnType)

  /// The type as SQL spells it.
  public var sql: String {
    switch self {
    case .boolean: "boolean"
    case .smallint: "smallint"
    case .integer: "integer"
    case .bigint: "bigint"
    case .real: "real"
    case .double: "double precision"
    case .numeric(let precision, let scale): "numeric(\(precision),\(scale))"
    case .unlimitedNumeric: "numeric"
    case .text: "text"
    case .varchar(let length): "character varying(\(length))"
    case .bytes: "bytea"
    case .uuid: "uuid"
    case .date: "date"
    case .timestamp: "timestamp without time zone"
    case .timestamptz: "timestamp with time zone"
    case .json: "jsonb"
    case .enumeration(let type): type.name
    case .array(let element): element.sql + "[]"
    }
  }

  /// Whether values are text and so have a collation.
  public var isText: Bool {
    switch self {
    case .text, .varchar: true
    default: false
    }
  }

  /// Whether values are numbers.
  public var isNumber: Bool {
    switch self {
    case .smallint, .integer, .bigint, .real, .double, .numeric, .unlimitedNumeric: true
    default: false
    }
  }
}

/// An enum type with its labels in order.
public struct Enumeration: Sendable, Hashable {
  /// The type's name.
  public var name: String
  /// The labels in their order.
  public var labels: [EnumLabel]

  /// Makes a type from its labels in the order of declaration.
  public init(name: String, labels: [String]) {
    self.name = name
    self.labels = labels.enumerated().map { EnumLabel(text: $1, position: Double($0)) }
  }

  /// The label with a text, nil when the type has none; compared by bytes.
  public func label(_ text: String) -> EnumLabel? {
    labels.first { TextOrder.areEqual($0.text, text) }
  }

  /// Two types are equal when names and labels are.
  public static func == (left: Enumeration, right: Enumeration) -> Bool {
    left.name == right.name && left.labels.map(\.text) == right.labels.map(\.text)
  }

  /// Feeds the name.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
  }
}
