import Foundation

// How the simple types are written, and those that do not follow their own `encode(to:)`: the rules
// at the head of `JSON+Encoding.swift`.

extension JSONEncoding {
  /// Writes any value.
  func put<T: Encodable>(_ value: T, _ slot: Slot, at place: @autoclosure () -> Place) throws {
    if try !putSimple(value, slot, at: place()) { try encode(value, as: slot, at: place()) }
  }

  /// Writes the value of a text.
  func putRoot<T: Encodable>(_ value: T) throws {
    if try !putSimple(value, .single, at: .root) { try value.encode(to: self) }
  }

  /// Writes a value of those types; false, with nothing written, for any other. Types are compared
  /// first: asking a value what it is costs more than to write it.
  private func putSimple<T: Encodable>(
    _ value: T, _ slot: Slot, at place: @autoclosure () -> Place
  ) throws -> Bool {
    if T.self == String.self {
      try put(same(value) as String, slot, at: place())
    } else if T.self == Int.self {
      try put(same(value) as Int, slot)
    } else if T.self == Bool.self {
      try put(same(value) as Bool, slot)
    } else if T.self == Double.self {
      try put(same(value) as Double, slot, at: place())
    } else if T.self == [String].self {
      try put(same(value) as [String], slot, at: place())
    } else if T.self == JSON.self {
      let json: JSON = same(value)
      try put(slot) { $0.value(json) }
    } else if T.self == Numeric.self {
      try put(same(value) as Numeric, slot)
    } else if T.self == Decimal.self {
      let decimal: Decimal = same(value)
      try put(decimal.isNaN ? .nan : Numeric(decimal), slot)
    } else if T.self == Date.self {
      try plain(Timestamp(same(value) as Date).description, slot)
    } else if T.self == UUID.self {
      try plain((same(value) as UUID).uuidString.lowercased(), slot)
    } else if T.self == Data.self {
      try plain((same(value) as Data).base64EncodedString(), slot)
    } else if T.self == URL.self {
      try plain((same(value) as URL).absoluteString, slot)
    } else {
      return false
    }
    return true
  }

  /// A value as the type that it is known to have.
  private func same<A, B>(_ value: A) -> B {
    unsafeBitCast(value, to: B.self)
  }

  private func plain(_ text: String, _ slot: Slot) throws {
    try put(slot) { $0.string(text) }
  }

  func put(_ value: String, _ slot: Slot, at place: @autoclosure () -> Place) throws {
    try checkText(value, at: place())
    try put(slot) { $0.string(value) }
  }

  /// An array of strings, without a container.
  func put(_ values: [String], _ slot: Slot, at place: @autoclosure () -> Place) throws {
    for (index, value) in values.enumerated() where TextOrder.containsNull(value) {
      try checkText(value, at: .path(place().path + [JSONKey(index: index)]))
    }
    try put(slot) { text in
      text.beginArray()
      for value in values { text.string(value) }
      text.endArray()
    }
  }

  func put(_ value: Bool, _ slot: Slot) throws { try put(slot) { $0.bool(value) } }

  func put(_ value: some FixedWidthInteger, _ slot: Slot) throws {
    if let small = Int64(exactly: value) {
      try put(slot) { $0.integer(small) }
    } else {
      try put(Numeric(value.description) ?? .nan, slot)
    }
  }

  func put(_ value: Double, _ slot: Slot, at place: @autoclosure () -> Place) throws {
    let number = try Numeric(short: value) ?? number(value, at: place())
    try put(slot) { $0.number(number) }
  }

  func put(_ value: Float, _ slot: Slot, at place: @autoclosure () -> Place) throws {
    let number = try number(value, at: place())
    try put(slot) { $0.number(number) }
  }

  /// The number with the shortest text that reads back, without a fraction that is zero.
  func number(
    _ value: some BinaryFloatingPoint & LosslessStringConvertible,
    at place: @autoclosure () -> Place
  ) throws -> Numeric {
    guard value.isFinite, let number = Numeric(value.description) else {
      throw invalid(Double(value), at: place(), "JSON has no such number")
    }
    return number.reduced
  }

  private func put(_ value: Numeric, _ slot: Slot) throws {
    try put(slot) { text in
      if value.isFinite { text.number(value) } else { text.string(value.description) }
    }
  }
}
