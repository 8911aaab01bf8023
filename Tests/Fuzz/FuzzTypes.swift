import PostgresWire

/// The types that values are decoded as: all that are built in, and some that a server could have
/// numbered itself.
enum FuzzTypes {
  static let composite = PostgresType(90_001)
  static let compositeArray = PostgresType(90_002)
  static let hstore = PostgresType(90_003)
  static let domain = PostgresType(90_004)
  static let enumeration = PostgresType(90_005)
  static let range = PostgresType(90_006)
  static let multirange = PostgresType(90_007)
  static let circle = PostgresType(90_008)
  static let hstoreArray = PostgresType(90_009)

  static let catalogue = PostgresTypeCatalogue([
    composite: PostgresTypeInfo(
      name: "item",
      kind: .composite([
        .init(name: "id", type: .int4), .init(name: "name", type: .text),
        .init(name: "parts", type: compositeArray),
      ])),
    compositeArray: PostgresTypeInfo(
      name: "item[]", kind: .array(composite, delimiter: UInt8(ascii: ","))),
    hstore: PostgresTypeInfo(name: "hstore", kind: .hstore),
    hstoreArray: PostgresTypeInfo(
      name: "hstore[]", kind: .array(hstore, delimiter: UInt8(ascii: ","))),
    domain: PostgresTypeInfo(name: "positive", kind: .domain(.int4)),
    enumeration: PostgresTypeInfo(name: "mood", kind: .enumeration),
    range: PostgresTypeInfo(name: "floatrange", kind: .range(.float8)),
    multirange: PostgresTypeInfo(name: "floatmultirange", kind: .multirange(range)),
    circle: PostgresTypeInfo(name: "circle", kind: .domain(circle)),
  ])

  /// Numbers of any length, and what can hold them: arrays and records say themselves of which
  /// types their elements are.
  static let expanding = all.filter { type in
    [1_700, 3_906, 4_532, 2_249].contains { type == PostgresType($0) } || type == composite
      || catalogue.elementType(of: type) != nil
  }

  /// Every type that the driver knows. Built-in types have numbers below 10,000.
  static let all: [PostgresType] =
    (0..<10_000).map { PostgresType($0) }.filter { $0.isBuiltIn }
    + [
      composite, compositeArray, hstore, domain, enumeration, range, multirange, circle,
      hstoreArray,
    ]
}
