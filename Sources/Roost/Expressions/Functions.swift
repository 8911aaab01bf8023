import RoostCore

extension Expression.Arithmetic {
  /// The result as Postgres has it; NULL when a side is.
  /// - Throws: `valueOutOfRange` when a bigint overflows.
  func apply(_ left: Value, _ right: Value) throws(StoreError) -> Value {
    switch (left, right) {
    case (.null, _), (_, .null): return .null
    case (.int(let a), .int(let b)):
      let (result, overflows) =
        switch self {
        case .add: a.addingReportingOverflow(b)
        case .subtract: a.subtractingReportingOverflow(b)
        case .multiply: a.multipliedReportingOverflow(by: b)
        }
      guard !overflows else { throw StoreError(.valueOutOfRange, "bigint out of range") }
      return .int(result)
    case (.double, _), (_, .double):
      guard let a = left.asDouble, let b = right.asDouble else { break }
      return .double(apply(a, b))
    default:
      guard let a = left.asNumeric, let b = right.asNumeric else { break }
      return .numeric(apply(a, b))
    }
    throw StoreError(.invalidQuery, "\(left) \(rawValue) \(right) is not arithmetic")
  }

  private func apply(_ left: Double, _ right: Double) -> Double {
    switch self {
    case .add: left + right
    case .subtract: left - right
    case .multiply: left * right
    }
  }

  private func apply(_ left: Numeric, _ right: Numeric) -> Numeric {
    switch self {
    case .add: left + right
    case .subtract: left - right
    case .multiply: left * right
    }
  }
}

extension Expression.Function {
  /// The function's value; NULL when an argument is, but for `coalesce`.
  /// - Throws: `valueOutOfRange` for the absolute value of the least bigint.
  func apply(_ arguments: [Value]) throws(StoreError) -> Value {
    if self == .coalesce { return arguments.first { !$0.isNull } ?? .null }
    if arguments.contains(where: \.isNull) { return .null }
    switch (self, arguments.first) {
    case (.lower, .text(let text)): return .text(TextOrder.lowercased(text))
    case (.upper, .text(let text)): return .text(TextOrder.uppercased(text))
    case (.length, .text(let text)): return .int(Int64(TextOrder.scalarCount(text)))
    case (.btrim, .text(let text)), (.ltrim, .text(let text)), (.rtrim, .text(let text)):
      var characters = Set<Unicode.Scalar>([" "])
      if arguments.count > 1, case .text(let named) = arguments[1] {
        characters = Set(named.unicodeScalars)
      }
      return .text(trim(text, characters))
    case (.abs, .int(let number)):
      guard number != .min else { throw StoreError(.valueOutOfRange, "bigint out of range") }
      return .int(Swift.abs(number))
    case (.abs, .double(let number)): return .double(Swift.abs(number))
    case (.abs, .numeric(let number)): return .numeric(number < 0 ? -number : number)
    default: throw StoreError(.invalidQuery, "\(rawValue) does not take \(arguments)")
    }
  }

  private func trim(_ text: String, _ characters: Set<Unicode.Scalar>) -> String {
    var scalars = text.unicodeScalars[...]
    if self != .rtrim { scalars = scalars.drop { characters.contains($0) } }
    if self != .ltrim {
      while let last = scalars.last, characters.contains(last) { scalars.removeLast() }
    }
    return String(scalars)
  }
}

extension Value {
  /// The number as an exact decimal, nil when this is no exact number.
  var asNumeric: Numeric? {
    switch self {
    case .int(let value): Numeric(value)
    case .numeric(let value): value
    default: nil
    }
  }
}
