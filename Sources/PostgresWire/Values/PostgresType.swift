/// A data type, by its object identifier in `pg_type`.
///
/// Source: the server's `src/include/catalog/pg_type.dat`; these numbers never change.
public struct PostgresType: RawRepresentable, Sendable, Hashable {
  /// The object identifier.
  public let rawValue: UInt32

  /// The type with this object identifier.
  @inlinable
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// The type with this object identifier.
  @inlinable
  public init(_ oid: UInt32) {
    self.rawValue = oid
  }

  /// No type: the server finds it out, as for a quoted literal in SQL.
  @inlinable public static var unspecified: PostgresType { PostgresType(0) }
  /// `boolean`.
  @inlinable public static var bool: PostgresType { PostgresType(16) }
  /// `bytea`.
  @inlinable public static var bytea: PostgresType { PostgresType(17) }
  /// `"char"`, one byte.
  @inlinable public static var char: PostgresType { PostgresType(18) }
  /// `name`.
  @inlinable public static var name: PostgresType { PostgresType(19) }
  /// `bigint`.
  @inlinable public static var int8: PostgresType { PostgresType(20) }
  /// `smallint`.
  @inlinable public static var int2: PostgresType { PostgresType(21) }
  /// `integer`.
  @inlinable public static var int4: PostgresType { PostgresType(23) }
  /// `text`.
  @inlinable public static var text: PostgresType { PostgresType(25) }
  /// `oid`.
  @inlinable public static var oid: PostgresType { PostgresType(26) }
  /// `json`.
  @inlinable public static var json: PostgresType { PostgresType(114) }
  /// `real`.
  @inlinable public static var float4: PostgresType { PostgresType(700) }
  /// `double precision`.
  @inlinable public static var float8: PostgresType { PostgresType(701) }
  /// `unknown`, a literal that nothing has given a type.
  @inlinable public static var unknown: PostgresType { PostgresType(705) }
  /// `character(n)`.
  @inlinable public static var bpchar: PostgresType { PostgresType(1042) }
  /// `character varying(n)`.
  @inlinable public static var varchar: PostgresType { PostgresType(1043) }
  /// `date`.
  @inlinable public static var date: PostgresType { PostgresType(1082) }
  /// `timestamp without time zone`.
  @inlinable public static var timestamp: PostgresType { PostgresType(1114) }
  /// `timestamp with time zone`.
  @inlinable public static var timestamptz: PostgresType { PostgresType(1184) }
  /// `numeric`.
  @inlinable public static var numeric: PostgresType { PostgresType(1700) }
  /// `void`, what a function that returns nothing returns.
  @inlinable public static var void: PostgresType { PostgresType(2278) }
  /// `uuid`.
  @inlinable public static var uuid: PostgresType { PostgresType(2950) }
  /// `jsonb`.
  @inlinable public static var jsonb: PostgresType { PostgresType(3802) }
}

extension PostgresType: CustomStringConvertible {
  /// The built-in types: number, SQL name, and the number of the array type of it (0: none).
  private static let builtIn: [(oid: UInt32, name: String, array: UInt32)] = [
    (16, "boolean", 1000), (17, "bytea", 1001), (18, "\"char\"", 1002), (19, "name", 1003),
    (20, "bigint", 1016), (21, "smallint", 1005), (23, "integer", 1007), (25, "text", 1009),
    (26, "oid", 1028), (114, "json", 199), (700, "real", 1021), (701, "double precision", 1022),
    (705, "unknown", 0), (1042, "character", 1014), (1043, "character varying", 1015),
    (1082, "date", 1182), (1114, "timestamp", 1115), (1184, "timestamptz", 1185),
    (1700, "numeric", 1231), (2278, "void", 0), (2950, "uuid", 2951), (3802, "jsonb", 3807),
  ]

  private static let names: [UInt32: String] = {
    var names: [UInt32: String] = [0: "unspecified"]
    for type in builtIn {
      names[type.oid] = type.name
      if type.array != 0 { names[type.array] = type.name + "[]" }
    }
    return names
  }()

  private static let arrays = Dictionary(
    uniqueKeysWithValues: builtIn.filter { $0.array != 0 }.map { ($0.oid, $0.array) })

  private static let elements = Dictionary(
    uniqueKeysWithValues: builtIn.filter { $0.array != 0 }.map { ($0.array, $0.oid) })

  /// The SQL name, or `type 12345` for a type that is not built in here.
  public var description: String { Self.names[rawValue] ?? "type \(rawValue)" }

  /// The array of this type, nil when it is not known here.
  public var arrayType: PostgresType? { Self.arrays[rawValue].map { PostgresType($0) } }

  /// The type of this array's elements, nil when it is not an array that is known here.
  public var elementType: PostgresType? { Self.elements[rawValue].map { PostgresType($0) } }

  /// The format in which results of this type are asked for: binary where this driver has a codec.
  package var preferredFormat: PostgresFormat {
    Self.names[rawValue] == nil || self == .unknown ? .text : .binary
  }
}

/// How a value is written on the wire.
public enum PostgresFormat: UInt8, Sendable, Hashable {
  /// As SQL would show it.
  case text = 0
  /// As the type's send and receive functions have it.
  case binary = 1
}
