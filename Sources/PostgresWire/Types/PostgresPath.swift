/// The points of a path or polygon: a count and two numbers each.
private enum Points {
  static let byteCount = 16

  static func read(
    _ reader: inout PostgresValueReader
  ) throws(PostgresDecodingError) -> [PostgresPoint] {
    let count = try reader.count(ofByteCount: byteCount)
    var points: [PostgresPoint] = []
    points.reserveCapacity(count)
    for _ in 0..<count { points.append(try PostgresPoint(from: &reader)) }
    return points
  }

  static func write(
    _ points: [PostgresPoint], into writer: inout PostgresValueWriter
  ) throws(PostgresEncodingError) {
    guard let count = Int32(exactly: points.count) else {
      throw PostgresEncodingError("there are more points than Postgres can hold")
    }
    writer.write(count)
    for point in points { point.encode(into: &writer) }
  }
}

/// A line along points: SQL's `path`.
public struct PostgresPath: PostgresScalar {
  /// Whether the last point is joined to the first.
  public var isClosed: Bool
  /// The points. The server refuses a path without any.
  public var points: [PostgresPoint]

  /// A path along these points.
  public init(_ points: [PostgresPoint], isClosed: Bool) {
    self.points = points
    self.isClosed = isClosed
  }

  /// Reads `((0,0),(1,1))`, which is closed, or `[(0,0),(1,1)]`; nil when the text has another
  /// form.
  public init?(_ text: String) {
    let isClosed = text.hasPrefix("(") && text.hasSuffix(")")
    guard text.count >= 2, isClosed || (text.hasPrefix("[") && text.hasSuffix("]")),
      let points = GeometricText.points(text.dropFirst().dropLast())
    else { return nil }
    self.init(points, isClosed: isClosed)
  }

  /// `((0,0),(1,1))` when it is closed, else `[(0,0),(1,1)]`.
  public var description: String {
    let text = GeometricText.text(points)
    return isClosed ? "(\(text))" : "[\(text)]"
  }

  /// `path`.
  public static var postgresParameterType: PostgresType { .path }

  /// Whether it is closed, and the points.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    isClosed = try reader.integer(UInt8.self) != 0
    points = try Points.read(&reader)
  }

  /// Five bytes, and sixteen a point.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    writer.write(UInt8(isClosed ? 1 : 0))
    try Points.write(points, into: &writer)
  }
}

/// An area within points: SQL's `polygon`.
public struct PostgresPolygon: PostgresScalar {
  /// The points. The server refuses a polygon without any.
  public var points: [PostgresPoint]

  /// The area within these points.
  public init(_ points: [PostgresPoint]) {
    self.points = points
  }

  /// Reads `((0,0),(1,1),(1,0))`; nil when the text has another form.
  public init?(_ text: String) {
    guard text.count >= 2, text.hasPrefix("("), text.hasSuffix(")"),
      let points = GeometricText.points(text.dropFirst().dropLast())
    else { return nil }
    self.init(points)
  }

  /// `((0,0),(1,1),(1,0))`.
  public var description: String { "(\(GeometricText.text(points)))" }

  /// `polygon`.
  public static var postgresParameterType: PostgresType { .polygon }

  /// The points.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    points = try Points.read(&reader)
  }

  /// Four bytes, and sixteen a point.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    try Points.write(points, into: &writer)
  }
}
