extension PostgresType {
  /// `tid`, where a row is in its table.
  @inlinable public static var tid: PostgresType { PostgresType(27) }
  /// `xid`, a transaction's number, which wraps.
  @inlinable public static var xid: PostgresType { PostgresType(28) }
  /// `cid`, a command's number in its transaction.
  @inlinable public static var cid: PostgresType { PostgresType(29) }
  /// `xml`.
  @inlinable public static var xml: PostgresType { PostgresType(142) }
  /// `point`.
  @inlinable public static var point: PostgresType { PostgresType(600) }
  /// `lseg`.
  @inlinable public static var lineSegment: PostgresType { PostgresType(601) }
  /// `path`.
  @inlinable public static var path: PostgresType { PostgresType(602) }
  /// `box`.
  @inlinable public static var box: PostgresType { PostgresType(603) }
  /// `polygon`.
  @inlinable public static var polygon: PostgresType { PostgresType(604) }
  /// `line`.
  @inlinable public static var line: PostgresType { PostgresType(628) }
  /// `cidr`.
  @inlinable public static var cidr: PostgresType { PostgresType(650) }
  /// `circle`.
  @inlinable public static var circle: PostgresType { PostgresType(718) }
  /// `macaddr8`.
  @inlinable public static var macaddr8: PostgresType { PostgresType(774) }
  /// `money`.
  @inlinable public static var money: PostgresType { PostgresType(790) }
  /// `macaddr`.
  @inlinable public static var macaddr: PostgresType { PostgresType(829) }
  /// `inet`.
  @inlinable public static var inet: PostgresType { PostgresType(869) }
  /// `time without time zone`.
  @inlinable public static var time: PostgresType { PostgresType(1083) }
  /// `interval`.
  @inlinable public static var interval: PostgresType { PostgresType(1186) }
  /// `time with time zone`.
  @inlinable public static var timetz: PostgresType { PostgresType(1266) }
  /// `bit(n)`.
  @inlinable public static var bit: PostgresType { PostgresType(1560) }
  /// `bit varying(n)`.
  @inlinable public static var varbit: PostgresType { PostgresType(1562) }
  /// `refcursor`, the name of a cursor.
  @inlinable public static var refcursor: PostgresType { PostgresType(1790) }
  /// `record`, a row whose type has no name.
  @inlinable public static var record: PostgresType { PostgresType(2249) }
  /// `txid_snapshot`, the older name of `pg_snapshot`.
  @inlinable public static var txidSnapshot: PostgresType { PostgresType(2970) }
  /// `pg_lsn`, a place in the write-ahead log.
  @inlinable public static var pgLSN: PostgresType { PostgresType(3220) }
  /// `tsvector`.
  @inlinable public static var tsvector: PostgresType { PostgresType(3614) }
  /// `tsquery`.
  @inlinable public static var tsquery: PostgresType { PostgresType(3615) }
  /// `jsonpath`.
  @inlinable public static var jsonpath: PostgresType { PostgresType(4072) }
  /// `pg_snapshot`.
  @inlinable public static var pgSnapshot: PostgresType { PostgresType(5038) }
  /// `xid8`, a transaction's number, which does not wrap.
  @inlinable public static var xid8: PostgresType { PostgresType(5069) }
  /// `int4range`.
  @inlinable public static var int4range: PostgresType { PostgresType(3904) }
  /// `numrange`.
  @inlinable public static var numrange: PostgresType { PostgresType(3906) }
  /// `tsrange`.
  @inlinable public static var tsrange: PostgresType { PostgresType(3908) }
  /// `tstzrange`.
  @inlinable public static var tstzrange: PostgresType { PostgresType(3910) }
  /// `daterange`.
  @inlinable public static var daterange: PostgresType { PostgresType(3912) }
  /// `int8range`.
  @inlinable public static var int8range: PostgresType { PostgresType(3926) }
}

extension PostgresType: CustomStringConvertible {
  /// The built-in types with a codec: number, SQL name, number of the array type of it (0: none).
  private static let builtIn: [(oid: UInt32, name: String, array: UInt32)] = [
    (16, "boolean", 1000), (17, "bytea", 1001), (18, "\"char\"", 1002), (19, "name", 1003),
    (20, "bigint", 1016), (21, "smallint", 1005), (23, "integer", 1007), (24, "regproc", 1008),
    (25, "text", 1009), (26, "oid", 1028), (27, "tid", 1010), (28, "xid", 1011),
    (29, "cid", 1012), (114, "json", 199), (142, "xml", 143), (600, "point", 1017),
    (601, "lseg", 1018), (602, "path", 1019), (603, "box", 1020), (604, "polygon", 1027),
    (628, "line", 629), (650, "cidr", 651), (700, "real", 1021), (701, "double precision", 1022),
    (705, "unknown", 0), (718, "circle", 719), (774, "macaddr8", 775), (790, "money", 791),
    (829, "macaddr", 1040), (869, "inet", 1041), (1042, "character", 1014),
    (1043, "character varying", 1015), (1082, "date", 1182), (1083, "time", 1183),
    (1114, "timestamp", 1115), (1184, "timestamptz", 1185), (1186, "interval", 1187),
    (1266, "timetz", 1270), (1560, "bit", 1561), (1562, "bit varying", 1563),
    (1700, "numeric", 1231), (1790, "refcursor", 2201), (2202, "regprocedure", 2207),
    (2203, "regoper", 2208), (2204, "regoperator", 2209), (2205, "regclass", 2210),
    (2206, "regtype", 2211), (2249, "record", 2287), (2278, "void", 0), (2950, "uuid", 2951),
    (2970, "txid_snapshot", 2949), (3220, "pg_lsn", 3221), (3614, "tsvector", 3643),
    (3615, "tsquery", 3645), (3734, "regconfig", 3735), (3769, "regdictionary", 3770),
    (3802, "jsonb", 3807), (3904, "int4range", 3905), (3906, "numrange", 3907),
    (3908, "tsrange", 3909), (3910, "tstzrange", 3911), (3912, "daterange", 3913),
    (3926, "int8range", 3927), (4072, "jsonpath", 4073), (4089, "regnamespace", 4090),
    (4096, "regrole", 4097), (4191, "regcollation", 4192), (4451, "int4multirange", 6150),
    (4532, "nummultirange", 6151), (4533, "tsmultirange", 6152),
    (4534, "tstzmultirange", 6153), (4535, "datemultirange", 6155),
    (4536, "int8multirange", 6157), (5038, "pg_snapshot", 5039), (5069, "xid8", 271),
  ]

  /// The types that name a thing of the catalogue and are its number: `regclass` and the like.
  static let catalogueNumbers: [UInt32] = [
    24, 2_202, 2_203, 2_204, 2_205, 2_206, 3_734, 3_769, 4_089, 4_096, 4_191,
  ]

  /// Arrays that are types of their own, with their elements.
  private static let vectors: [(oid: UInt32, name: String, element: UInt32, array: UInt32)] = [
    (22, "int2vector", 21, 1006), (30, "oidvector", 26, 1013),
  ]

  /// Ranges: their number, their bounds' type and the number of the multirange of it.
  private static let ranges: [(oid: UInt32, bound: UInt32, multirange: UInt32)] = [
    (3904, 23, 4451), (3906, 1700, 4532), (3908, 1114, 4533), (3910, 1184, 4534),
    (3912, 1082, 4535), (3926, 20, 4536),
  ]

  private static let names: [UInt32: String] = {
    var names: [UInt32: String] = [0: "unspecified"]
    for type in builtIn {
      names[type.oid] = type.name
      if type.array != 0 { names[type.array] = type.name + "[]" }
    }
    for vector in vectors {
      names[vector.oid] = vector.name
      names[vector.array] = vector.name + "[]"
    }
    return names
  }()

  private static let arrays = Dictionary(
    uniqueKeysWithValues: builtIn.filter { $0.array != 0 }.map { ($0.oid, $0.array) })

  private static let elements = Dictionary(
    uniqueKeysWithValues: builtIn.filter { $0.array != 0 }.map { ($0.array, $0.oid) }
      + vectors.flatMap { [($0.oid, $0.element), ($0.array, $0.oid)] })

  private static let bounds = Dictionary(uniqueKeysWithValues: ranges.map { ($0.oid, $0.bound) })

  private static let multiranges = Dictionary(
    uniqueKeysWithValues: ranges.map { ($0.oid, $0.multirange) })

  private static let rangesOfMultiranges = Dictionary(
    uniqueKeysWithValues: ranges.map { ($0.multirange, $0.oid) })

  /// The SQL name, or `type 12345` for a type that is not built in here.
  public var description: String { Self.names[rawValue] ?? "type \(rawValue)" }

  /// The array of this type, nil when it is not known here.
  public var arrayType: PostgresType? { Self.arrays[rawValue].map { PostgresType($0) } }

  /// The type of this array's elements, nil when it is not an array that is known here.
  public var elementType: PostgresType? { Self.elements[rawValue].map { PostgresType($0) } }

  /// The type of this range's bounds, nil when it is not a built-in range.
  public var boundType: PostgresType? { Self.bounds[rawValue].map { PostgresType($0) } }

  /// The multirange of this range, nil when it is not a built-in range.
  public var multirangeType: PostgresType? { Self.multiranges[rawValue].map { PostgresType($0) } }

  /// The type of this multirange's ranges, nil when it is not a built-in multirange.
  public var rangeType: PostgresType? {
    Self.rangesOfMultiranges[rawValue].map { PostgresType($0) }
  }

  /// Whether this driver has a codec for it without asking the server.
  package var isBuiltIn: Bool { Self.names[rawValue] != nil }

  /// Whether its arrays are `int2vector` and `oidvector`, whose text has blanks between elements.
  package var isVector: Bool { rawValue == 22 || rawValue == 30 }

  /// The format in which results of this type are asked for: binary where this driver has a codec.
  package var preferredFormat: PostgresFormat {
    !isBuiltIn || self == .unknown ? .text : .binary
  }
}
