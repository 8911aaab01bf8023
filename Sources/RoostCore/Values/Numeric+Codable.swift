import Foundation

extension Numeric: Codable {
  /// Reads a number from its text, or from a number that the decoder offers.
  ///
  /// `JSON.decode` hands the exact value over; other decoders give integers exactly and fractions
  /// as a `Decimal`, which keeps 38 digits.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let text = try? container.decode(String.self) {
      guard let value = Numeric(text) else {
        throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a numeric")
      }
      self = value
    } else if let integer = try? container.decode(Int64.self) {
      self.init(integer)
    } else {
      self.init(try container.decode(Decimal.self))
    }
  }

  /// Writes the number's text, so that no digit is lost.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
