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

/// How a value is written on the wire.
public enum PostgresFormat: UInt8, Sendable, Hashable {
  /// As SQL would show it.
  case text = 0
  /// As the type's send and receive functions have it.
  case binary = 1
}
