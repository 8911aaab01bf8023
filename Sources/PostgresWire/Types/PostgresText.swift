public import Foundation
public import RoostCore

extension Double {
  /// The shortest text that is read as the same number, as the server writes it. Source:
  /// `float8out` with `extra_float_digits` above 0, its default: an exponent of at least two digits
  /// from 1e+15 on and below 1e-04.
  var postgresNumber: String { Self.postgresNumber(description, smallestFixed: 15) }

  /// As the server writes a number that Swift writes so.
  fileprivate static func postgresNumber(_ text: String, smallestFixed limit: Int) -> String {
    switch text {
    case "inf": return "Infinity"
    case "-inf": return "-Infinity"
    case "nan", "-nan": return "NaN"
    default: break
    }
    let isNegative = text.hasPrefix("-")
    let parts = text.drop { $0 == "-" }.split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    var digits = String(mantissa[0])
    var point = digits.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    if mantissa.count > 1 { digits += mantissa[1] }
    let leading = digits.prefix { $0 == "0" }.count
    digits.removeFirst(leading)
    point -= leading
    while digits.last == "0" { digits.removeLast() }
    let sign = isNegative ? "-" : ""
    guard !digits.isEmpty else { return sign + "0" }
    let exponent = point - 1
    if exponent < -4 || exponent >= limit {
      let rest = digits.dropFirst()
      let size = exponent.magnitude
      return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest)
        + (exponent < 0 ? "e-" : "e+") + (size < 10 ? "0" : "") + "\(size)"
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if digits.count <= point {
      return sign + digits + String(repeating: "0", count: point - digits.count)
    }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// The number of a text as the server writes it, nil when it is none.
  init?(postgresNumber text: some StringProtocol) {
    guard let first = text.utf8.first, first > UInt8(ascii: " ") else { return nil }
    self.init(String(text))
  }
}

extension Double: PostgresTextRepresentable {
  /// The shortest text that is read as the same number.
  public var postgresText: String? { postgresNumber }
}

extension Float: PostgresTextRepresentable {
  /// The shortest text that is read as the same number. Source: `float4out`, which writes an
  /// exponent from 1e+06 on.
  public var postgresText: String? { Double.postgresNumber(description, smallestFixed: 6) }
}

extension Optional: PostgresTextRepresentable where Wrapped: PostgresTextRepresentable {
  /// The wrapped value's, nil for nil.
  public var postgresText: String? { self?.postgresText }

  /// The wrapped type's.
  public static var postgresDelimiter: Character { Wrapped.postgresDelimiter }
}

extension Bool: PostgresTextRepresentable {
  /// `t` or `f`.
  public var postgresText: String? { self ? "t" : "f" }
}

extension Int: PostgresTextRepresentable {}
extension Int64: PostgresTextRepresentable {}
extension Int32: PostgresTextRepresentable {}
extension Int16: PostgresTextRepresentable {}
extension UInt32: PostgresTextRepresentable {}
extension String: PostgresTextRepresentable {}
extension Numeric: PostgresTextRepresentable {}
extension CalendarDate: PostgresTextRepresentable {}
extension Decimal: PostgresTextRepresentable {
  /// As numeric.
  public var postgresText: String? { Numeric(self).description }
}

extension UUID: PostgresTextRepresentable {
  /// In lower case.
  public var postgresText: String? { uuidString.lowercased() }
}

extension JSON: PostgresTextRepresentable {
  /// The value's text.
  public var postgresText: String? { String(decoding: encoded(), as: UTF8.self) }
}

extension Data: PostgresTextRepresentable {
  /// In hexadecimal, as `bytea_output` has it unless it is changed.
  public var postgresText: String? { postgresHexadecimal(self) }
}

extension Array: PostgresTextRepresentable where Element: PostgresTextRepresentable {
  /// An array of one dimension; nested arrays are its dimensions.
  public var postgresText: String? {
    var writer = ArrayTextWriter(delimiter: Element.postgresDelimiter)
    writer.open()
    for element in self {
      writer.append(element.postgresText, isNested: Element.self is any NestedText.Type)
    }
    writer.close()
    return writer.text
  }

  /// The elements'.
  public static var postgresDelimiter: Character { Element.postgresDelimiter }
}

/// Marks arrays, whose text stands unquoted inside of another array's.
private protocol NestedText {}
extension Array: NestedText where Element: PostgresTextRepresentable {}

/// `\x` and two hexadecimal digits a byte.
func postgresHexadecimal(_ bytes: some Collection<UInt8>) -> String {
  let digits = Array("0123456789abcdef".utf8)
  var text = Array("\\x".utf8)
  text.reserveCapacity(2 + bytes.count * 2)
  for byte in bytes {
    text.append(digits[Int(byte >> 4)])
    text.append(digits[Int(byte & 15)])
  }
  return String(decoding: text, as: UTF8.self)
}

extension Timestamp: PostgresTextRepresentable {
  /// As the server writes it in a session whose time zone is UTC: `2026-11-20 11:35:00.5+00`.
  public var postgresText: String? { postgresText(zone: "+00") }

  /// Date and time as the server writes them, the zone as given.
  func postgresText(zone: String) -> String {
    let text = description
    guard isFinite, let t = text.firstIndex(of: "T"), let z = text.firstIndex(of: "Z") else {
      return text
    }
    var time = text[text.index(after: t)..<z]
    while time.last == "0" { time.removeLast() }
    if time.last == "." { time.removeLast() }
    return text[..<t] + " " + time + zone + text[text.index(after: z)...]
  }
}

extension Date: PostgresTextRepresentable {
  /// As `Timestamp`'s.
  public var postgresText: String? { Timestamp(self).postgresText }
}
