/// A point of the plane: SQL's `point`.
///
/// Source of the geometric types: the server's `src/backend/utils/adt/geo_ops.c`.
public struct PostgresPoint: PostgresScalar {
  /// The abscissa.
  public var x: Double
  /// The ordinate.
  public var y: Double

  /// A point.
  public init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }

  /// Reads `(1,2.5)`; nil when the text has another form.
  public init?(_ text: String) {
    guard let numbers = GeometricText.numbers(text, form: "(n,n)"), numbers.count == 2 else {
      return nil
    }
    self.init(x: numbers[0], y: numbers[1])
  }

  /// `(1,2.5)`.
  public var description: String { "(\(x.postgresNumber),\(y.postgresNumber))" }

  /// `point`.
  public static var postgresParameterType: PostgresType { .point }

  /// Two numbers.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    x = try reader.double()
    y = try reader.double()
  }

  /// Sixteen bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(x.bitPattern)
    writer.write(y.bitPattern)
  }
}

/// Reads the texts of geometric values as the server writes them.
enum GeometricText {
  /// The numbers of a text of this form, in which `n` stands for a number; nil when the text has
  /// another form.
  static func numbers(_ text: String, form: String) -> [Double]? {
    var rest = Substring(text)
    var numbers: [Double] = []
    for character in form {
      if character == "n" {
        guard let number = number(&rest) else { return nil }
        numbers.append(number)
      } else if rest.popFirst() != character {
        return nil
      }
    }
    return rest.isEmpty ? numbers : nil
  }

  /// The points of `(x,y),(x,y),...`; nil when the text has another form.
  static func points(_ text: Substring) -> [PostgresPoint]? {
    var rest = text
    var points: [PostgresPoint] = []
    while !rest.isEmpty {
      if !points.isEmpty, rest.popFirst() != "," { return nil }
      guard rest.popFirst() == "(", let x = number(&rest), rest.popFirst() == ",",
        let y = number(&rest), rest.popFirst() == ")"
      else { return nil }
      points.append(PostgresPoint(x: x, y: y))
    }
    return points
  }

  private static func number(_ rest: inout Substring) -> Double? {
    let text = rest.prefix { !"(),{}[]<>".contains($0) }
    rest = rest[text.endIndex...]
    return Double(postgresNumber: text)
  }

  static func text(_ points: [PostgresPoint]) -> String {
    points.map(\.description).joined(separator: ",")
  }
}

/// A line without ends, by the coefficients of ax + by + c = 0: SQL's `line`.
public struct PostgresLine: PostgresScalar {
  /// The coefficient of x.
  public var a: Double
  /// The coefficient of y.
  public var b: Double
  /// The constant.
  public var c: Double

  /// A line. The server refuses one whose `a` and `b` are both 0.
  public init(a: Double, b: Double, c: Double) {
    self.a = a
    self.b = b
    self.c = c
  }

  /// Reads `{1,-1,0}`; nil when the text has another form.
  public init?(_ text: String) {
    guard let numbers = GeometricText.numbers(text, form: "{n,n,n}"), numbers.count == 3 else {
      return nil
    }
    self.init(a: numbers[0], b: numbers[1], c: numbers[2])
  }

  /// `{1,-1,0}`.
  public var description: String {
    "{\(a.postgresNumber),\(b.postgresNumber),\(c.postgresNumber)}"
  }

  /// `line`.
  public static var postgresParameterType: PostgresType { .line }

  /// Three numbers.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    a = try reader.double()
    b = try reader.double()
    c = try reader.double()
  }

  /// Twenty-four bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    for number in [a, b, c] { writer.write(number.bitPattern) }
  }
}

/// A line from a point to another: SQL's `lseg`.
public struct PostgresLineSegment: PostgresScalar {
  /// Where it begins.
  public var start: PostgresPoint
  /// Where it ends.
  public var end: PostgresPoint

  /// A segment between two points.
  public init(start: PostgresPoint, end: PostgresPoint) {
    self.start = start
    self.end = end
  }

  /// Reads `[(0,0),(1,2)]`; nil when the text has another form.
  public init?(_ text: String) {
    guard let numbers = GeometricText.numbers(text, form: "[(n,n),(n,n)]"), numbers.count == 4
    else { return nil }
    start = PostgresPoint(x: numbers[0], y: numbers[1])
    end = PostgresPoint(x: numbers[2], y: numbers[3])
  }

  /// `[(0,0),(1,2)]`.
  public var description: String { "[\(start),\(end)]" }

  /// `lseg`.
  public static var postgresParameterType: PostgresType { .lineSegment }

  /// Two points.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    start = try PostgresPoint(from: &reader)
    end = try PostgresPoint(from: &reader)
  }

  /// Thirty-two bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    start.encode(into: &writer)
    end.encode(into: &writer)
  }
}

/// A rectangle along the axes: SQL's `box`.
public struct PostgresBox: PostgresScalar {
  /// The corner with the greater coordinates.
  public let high: PostgresPoint
  /// The corner with the lesser coordinates.
  public let low: PostgresPoint

  /// The rectangle that has these two opposite corners; they are sorted, as the server does.
  public init(_ corner: PostgresPoint, _ other: PostgresPoint) {
    // A NaN counts as greater than every number, as in the server.
    func isLess(_ a: Double, _ b: Double) -> Bool { b.isNaN ? !a.isNaN : a < b }
    let swapsX = isLess(corner.x, other.x)
    let swapsY = isLess(corner.y, other.y)
    high = PostgresPoint(x: swapsX ? other.x : corner.x, y: swapsY ? other.y : corner.y)
    low = PostgresPoint(x: swapsX ? corner.x : other.x, y: swapsY ? corner.y : other.y)
  }

  /// Reads `(1,2),(0,0)`; nil when the text has another form.
  public init?(_ text: String) {
    guard let points = GeometricText.points(text[...]), points.count == 2 else { return nil }
    self.init(points[0], points[1])
  }

  /// `(1,2),(0,0)`: the greater corner first.
  public var description: String { "\(high),\(low)" }

  /// A semicolon.
  public static var postgresDelimiter: Character { ";" }

  /// `box`.
  public static var postgresParameterType: PostgresType { .box }

  /// Two points.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let first = try PostgresPoint(from: &reader)
    self.init(first, try PostgresPoint(from: &reader))
  }

  /// Thirty-two bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    high.encode(into: &writer)
    low.encode(into: &writer)
  }
}

/// A circle: SQL's `circle`.
public struct PostgresCircle: PostgresScalar {
  /// The centre.
  public var center: PostgresPoint
  /// The radius. The server refuses a negative one.
  public var radius: Double

  /// A circle.
  public init(center: PostgresPoint, radius: Double) {
    self.center = center
    self.radius = radius
  }

  /// Reads `<(0,0),1.5>`; nil when the text has another form.
  public init?(_ text: String) {
    guard let numbers = GeometricText.numbers(text, form: "<(n,n),n>"), numbers.count == 3 else {
      return nil
    }
    center = PostgresPoint(x: numbers[0], y: numbers[1])
    radius = numbers[2]
  }

  /// `<(0,0),1.5>`.
  public var description: String { "<\(center),\(radius.postgresNumber)>" }

  /// `circle`.
  public static var postgresParameterType: PostgresType { .circle }

  /// A point and a number.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    center = try PostgresPoint(from: &reader)
    radius = try reader.double()
  }

  /// Twenty-four bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    center.encode(into: &writer)
    writer.write(radius.bitPattern)
  }
}
