import RoostCore

/// What values of a type may be compared with.
enum ValueKind: Hashable {
  case boolean, number, text, bytes, uuid, date, timestamp, json
  case enumeration(String)
  indirect case array(ValueKind)

  init(_ type: ColumnType) {
    self =
      switch type {
      case .boolean: .boolean
      case .smallint, .integer, .bigint, .real, .double, .numeric, .unlimitedNumeric: .number
      case .text, .varchar: .text
      case .bytes: .bytes
      case .uuid: .uuid
      case .date: .date
      case .timestamp, .timestamptz: .timestamp
      case .json: .json
      case .enumeration(let type): .enumeration(type.name)
      case .array(let element): .array(ValueKind(element))
      }
  }
}

extension Expression {
  /// The expression with its literals turned into the types that they are compared with, as
  /// Postgres reads an untyped literal.
  /// - Throws: `undefinedColumn`, or `invalidQuery` when types do not fit each other.
  public func resolved(in table: TableDefinition) throws(StoreError) -> Expression {
    try Resolver(table: table).resolve(self).expression
  }

  /// As `resolved(in:)`, and the result must be a condition.
  /// - Throws: as `resolved(in:)`, and `invalidQuery` when it is not boolean.
  public func resolvedCondition(in table: TableDefinition) throws(StoreError) -> Expression {
    let (expression, type) = try Resolver(table: table).resolve(self)
    guard type == nil || type == .boolean else {
      throw StoreError(.invalidQuery, "a condition must be boolean", table: table.name)
    }
    return expression
  }

  /// The type of the expression's values, nil when only a NULL or untyped literal stands there.
  public func type(in table: TableDefinition) throws(StoreError) -> ColumnType? {
    try Resolver(table: table).resolve(self).type
  }
}

/// One walk over an expression that finds each part's type.
private struct Resolver {
  typealias Typed = (expression: Expression, type: ColumnType?)

  let table: TableDefinition

  func resolve(_ expression: Expression) throws(StoreError) -> Typed {
    switch expression {
    case .column(let name):
      let position = try table.requirePosition(of: name)
      return (expression, table.columns[position].type)
    case .literal(let value):
      if case .text(let text) = value, TextOrder.containsNull(text) {
        throw StoreError(.invalidValue, "a text holds U+0000, which no column can hold")
      }
      return (expression, Self.type(of: value))
    case .comparison(let comparison, let left, let right):
      let (a, b) = try pair(left, right)
      return (.comparison(comparison, a, b), .boolean)
    case .isNotDistinct(let left, let right):
      let (a, b) = try pair(left, right)
      return (.isNotDistinct(a, b), .boolean)
    case .isNull(let operand): return (.isNull(try resolve(operand).expression), .boolean)
    case .isTrue(let operand): return (.isTrue(try condition(operand)), .boolean)
    case .not(let operand): return (.not(try condition(operand)), .boolean)
    case .and(let operands): return (.and(try conditions(operands)), .boolean)
    case .or(let operands): return (.or(try conditions(operands)), .boolean)
    case .isIn(let operand, let candidates):
      let typed = try resolve(operand)
      var resolved: [Expression] = []
      resolved.reserveCapacity(candidates.count)
      for candidate in candidates { resolved.append(try fit(try resolve(candidate), to: typed)) }
      return (.isIn(typed.expression, resolved), .boolean)
    case .like(let operand, pattern: let pattern, ignoringCase: let ignoringCase):
      let (a, b) = (try text(operand), try text(pattern))
      return (.like(a, pattern: b, ignoringCase: ignoringCase), .boolean)
    case .arithmetic(let operation, let left, let right):
      let (a, b) = (try number(left), try number(right))
      return (
        .arithmetic(operation, a.expression, b.expression), Self.wider(a.type, b.type)
      )
    case .negative(let operand):
      let typed = try number(operand)
      return (.negative(typed.expression), typed.type)
    case .concatenation(let left, let right):
      return (.concatenation(try text(left), try text(right)), .text)
    case .function(let function, let arguments): return try resolve(function, arguments)
    case .cast(let operand, let type):
      let typed = try resolve(operand)
      if case .literal(let value) = typed.expression {
        let converted = try type.coerce(value, table: table.name, column: "cast")
        return (.literal(converted), type)
      }
      return (.cast(typed.expression, type), type)
    }
  }

  private func resolve(
    _ function: Expression.Function, _ arguments: [Expression]
  ) throws(StoreError) -> Typed {
    switch function {
    case .lower, .upper, .length, .btrim, .ltrim, .rtrim:
      var texts: [Expression] = []
      for argument in arguments { texts.append(try text(argument)) }
      let most = [.btrim, .ltrim, .rtrim].contains(function) ? 2 : 1
      guard (1...most).contains(texts.count) else { throw wrongCount(function) }
      return (.function(function, texts), function == .length ? .integer : .text)
    case .abs:
      guard arguments.count == 1 else { throw wrongCount(function) }
      let typed = try number(arguments[0])
      return (.function(.abs, [typed.expression]), typed.type)
    case .coalesce:
      guard !arguments.isEmpty else { throw wrongCount(function) }
      var typed: [Typed] = []
      for argument in arguments { typed.append(try resolve(argument)) }
      let lead =
        typed.first { !$0.expression.isLiteral && $0.type != nil }
        ?? typed.first { $0.type != nil } ?? typed[0]
      var fitted: [Expression] = []
      for argument in typed { fitted.append(try fit(argument, to: lead)) }
      return (.function(.coalesce, fitted), lead.type)
    }
  }

  private func wrongCount(_ function: Expression.Function) -> StoreError {
    StoreError(.invalidQuery, "wrong number of arguments for \(function.rawValue)")
  }

  private func condition(_ operand: Expression) throws(StoreError) -> Expression {
    try fit(try resolve(operand), to: (.literal(.bool(true)), .boolean))
  }

  private func conditions(_ operands: [Expression]) throws(StoreError) -> [Expression] {
    var result: [Expression] = []
    for operand in operands { result.append(try condition(operand)) }
    return result
  }

  private func text(_ operand: Expression) throws(StoreError) -> Expression {
    let typed = try resolve(operand)
    // A literal is read as a text; anything else must be one, as Postgres has it.
    if let type = typed.type, !type.isText, !typed.expression.isLiteral {
      throw StoreError(.invalidQuery, "\(type.sql) is not text", table: table.name)
    }
    return try fit(typed, to: (.literal(.text("")), .text))
  }

  private func number(_ operand: Expression) throws(StoreError) -> Typed {
    let typed = try resolve(operand)
    guard let type = typed.type else { return typed }
    guard type.isNumber else {
      throw StoreError(.invalidQuery, "\(type.sql) is not a number", table: table.name)
    }
    return typed
  }

  private func pair(
    _ left: Expression, _ right: Expression
  ) throws(StoreError) -> (Expression, Expression) {
    let (a, b) = (try resolve(left), try resolve(right))
    return (try fit(a, to: b), try fit(b, to: a))
  }

  /// The operand as something that can be compared with the other; a literal text is read as the
  /// other's type.
  private func fit(_ operand: Typed, to other: Typed) throws(StoreError) -> Expression {
    guard let type = operand.type, let wanted = other.type else { return operand.expression }
    if ValueKind(type) == ValueKind(wanted) { return operand.expression }
    if case .literal(let value) = operand.expression {
      switch value {
      case .text, .date, .label, .array:
        do {
          return .literal(try wanted.widest.coerce(value, table: table.name, column: "literal"))
        } catch {
          throw StoreError(
            .invalidQuery, "\(value) cannot be compared with a \(wanted.sql)", table: table.name)
        }
      default: break
      }
    }
    // A literal on the other side is turned into this one's type, or refused, when it is its turn.
    switch other.expression {
    case .literal(.text), .literal(.label), .literal(.date), .literal(.array([])):
      return operand.expression
    default: break
    }
    throw StoreError(
      .invalidQuery, "\(type.sql) cannot be compared with \(wanted.sql)", table: table.name)
  }

  private static func wider(_ left: ColumnType?, _ right: ColumnType?) -> ColumnType? {
    guard let left, let right else { return left ?? right }
    let ranks: [ColumnType] = [.smallint, .integer, .bigint, .unlimitedNumeric, .real, .double]
    let a = ranks.firstIndex(of: left.widestNumber) ?? 3
    let b = ranks.firstIndex(of: right.widestNumber) ?? 3
    return ranks[max(a, b)]
  }

  private static func type(of value: Value) -> ColumnType? {
    switch value {
    case .null: nil
    case .bool: .boolean
    case .int: .bigint
    case .double: .double
    case .numeric: .unlimitedNumeric
    case .text: .text
    case .bytes: .bytes
    case .uuid: .uuid
    case .date: .date
    case .timestamp: .timestamptz
    case .json: .json
    case .label(let label): .enumeration(Enumeration(name: "", labels: [label.text]))
    case .array(let values): .array(values.lazy.compactMap(type(of:)).first ?? .text)
    }
  }
}

extension Expression {
  fileprivate var isLiteral: Bool {
    if case .literal = self { return true }
    return false
  }
}

extension ColumnType {
  /// The type without limits, so that a literal is neither cut nor rounded before a comparison.
  fileprivate var widest: ColumnType {
    switch self {
    case .varchar: .text
    case .numeric: .unlimitedNumeric
    case .smallint, .integer: .bigint
    case .real: .double
    case .array(let element): .array(element.widest)
    default: self
    }
  }

  fileprivate var widestNumber: ColumnType {
    if case .numeric = self { return .unlimitedNumeric }
    return self
  }
}
