package import RoostCore

/// An expression whose columns are places in a row, ready to be evaluated.
///
/// Evaluation is linear in the size of the expression.
package indirect enum BoundExpression: Sendable {
  case column(Int)
  case literal(Value)
  case comparison(Expression.Comparison, BoundExpression, BoundExpression)
  case isNotDistinct(BoundExpression, BoundExpression)
  case isNull(BoundExpression)
  case isTrue(BoundExpression)
  case and([BoundExpression])
  case or([BoundExpression])
  case not(BoundExpression)
  case isIn(BoundExpression, [BoundExpression])
  case isInSet(BoundExpression, Set<Value>, hasNull: Bool)
  case like(BoundExpression, LikePattern)
  case likeExpression(BoundExpression, pattern: BoundExpression, ignoringCase: Bool)
  case arithmetic(Expression.Arithmetic, BoundExpression, BoundExpression)
  case negative(BoundExpression)
  case concatenation(BoundExpression, BoundExpression)
  case function(Expression.Function, [BoundExpression])
  case cast(BoundExpression, ColumnType)

  /// Resolves an expression's types and columns against a table.
  /// - Throws: `undefinedColumn` or `invalidQuery`.
  package init(_ expression: Expression, in table: TableDefinition) throws(StoreError) {
    try self.init(resolved: try expression.resolved(in: table), in: table)
  }

  private init(resolved expression: Expression, in table: TableDefinition) throws(StoreError) {
    func bind(_ operand: Expression) throws(StoreError) -> BoundExpression {
      try BoundExpression(resolved: operand, in: table)
    }
    func bind(_ operands: [Expression]) throws(StoreError) -> [BoundExpression] {
      var bound: [BoundExpression] = []
      bound.reserveCapacity(operands.count)
      for operand in operands { bound.append(try bind(operand)) }
      return bound
    }
    switch expression {
    case .column(let name): self = .column(try table.requirePosition(of: name))
    case .literal(let value): self = .literal(value)
    case .comparison(let comparison, let left, let right):
      self = .comparison(comparison, try bind(left), try bind(right))
    case .isNotDistinct(let left, let right):
      self = .isNotDistinct(try bind(left), try bind(right))
    case .isNull(let operand): self = .isNull(try bind(operand))
    case .isTrue(let operand): self = .isTrue(try bind(operand))
    case .and(let operands): self = .and(try bind(operands))
    case .or(let operands): self = .or(try bind(operands))
    case .not(let operand): self = .not(try bind(operand))
    case .isIn(let operand, let candidates):
      self = Self.membership(try bind(operand), try bind(candidates))
    case .like(let operand, pattern: .literal(.text(let text)), ignoringCase: let ignoringCase):
      self = .like(try bind(operand), try Self.pattern(text, ignoringCase))
    case .like(let operand, pattern: let pattern, ignoringCase: let ignoringCase):
      self = .likeExpression(
        try bind(operand), pattern: try bind(pattern), ignoringCase: ignoringCase)
    case .arithmetic(let operation, let left, let right):
      self = .arithmetic(operation, try bind(left), try bind(right))
    case .negative(let operand): self = .negative(try bind(operand))
    case .concatenation(let left, let right):
      self = .concatenation(try bind(left), try bind(right))
    case .function(let function, let arguments): self = .function(function, try bind(arguments))
    case .cast(let operand, let type): self = .cast(try bind(operand), type)
    }
  }

  /// A set when every candidate is a constant of the same kind, so that long lists stay cheap.
  private static func membership(
    _ operand: BoundExpression, _ candidates: [BoundExpression]
  ) -> BoundExpression {
    var values: Set<Value> = []
    var hasNull = false
    for candidate in candidates {
      switch candidate {
      case .literal(.null): hasNull = true
      case .literal(let value):
        // Numbers of different types may be equal with different hashes.
        if case .double = value { return .isIn(operand, candidates) }
        if case .numeric = value { return .isIn(operand, candidates) }
        values.insert(value)
      default: return .isIn(operand, candidates)
      }
    }
    return .isInSet(operand, values, hasNull: hasNull)
  }

  fileprivate static func pattern(
    _ text: String, _ ignoringCase: Bool
  ) throws(StoreError) -> LikePattern {
    do {
      return try LikePattern(text, caseInsensitive: ignoringCase)
    } catch {
      throw StoreError(.invalidQuery, "\(error)")
    }
  }
}

extension BoundExpression {
  /// Whether a condition is true for a row: neither false nor unknown.
  /// - Throws: `valueOutOfRange` when arithmetic overflows.
  package func isTrue(_ row: [Value]) throws(StoreError) -> Bool {
    if case .bool(true) = try evaluate(row) { return true }
    return false
  }

  /// The value for a row; an unknown condition is NULL.
  /// - Throws: `valueOutOfRange` when arithmetic overflows.
  package func evaluate(_ row: [Value]) throws(StoreError) -> Value {
    switch self {
    case .column(let position): return row[position]
    case .literal(let value): return value
    case .comparison(let comparison, let left, let right):
      let (a, b) = (try left.evaluate(row), try right.evaluate(row))
      if a.isNull || b.isNull { return .null }
      return .bool(comparison.holds(Value.order(a, b)))
    case .isNotDistinct(let left, let right):
      return .bool(try left.evaluate(row) == right.evaluate(row))
    case .isNull(let operand): return .bool(try operand.evaluate(row).isNull)
    case .isTrue(let operand): return .bool(try operand.isTrue(row))
    case .and(let operands): return try Self.combine(operands, row, decisive: false)
    case .or(let operands): return try Self.combine(operands, row, decisive: true)
    case .not(let operand):
      if case .bool(let value) = try operand.evaluate(row) { return .bool(!value) }
      return .null
    case .isIn(let operand, let candidates):
      return try Self.isIn(try operand.evaluate(row), candidates, row)
    case .isInSet(let operand, let values, let hasNull):
      let value = try operand.evaluate(row)
      if value.isNull { return values.isEmpty && !hasNull ? .bool(false) : .null }
      return values.contains(value.hashedAlike) ? .bool(true) : (hasNull ? .null : .bool(false))
    case .like(let operand, let pattern):
      guard case .text(let text) = try operand.evaluate(row) else { return .null }
      return .bool(pattern.matches(text))
    case .likeExpression(let operand, let pattern, let ignoringCase):
      guard case .text(let text) = try operand.evaluate(row),
        case .text(let pattern) = try pattern.evaluate(row)
      else { return .null }
      return .bool(try Self.pattern(pattern, ignoringCase).matches(text))
    case .concatenation(let left, let right):
      guard case .text(let a) = try left.evaluate(row), case .text(let b) = try right.evaluate(row)
      else { return .null }
      return .text(a + b)
    case .arithmetic(let operation, let left, let right):
      return try operation.apply(try left.evaluate(row), try right.evaluate(row))
    case .negative(let operand):
      return try Expression.Arithmetic.subtract.apply(.int(0), try operand.evaluate(row))
    case .function(let function, let arguments):
      var values: [Value] = []
      for argument in arguments { values.append(try argument.evaluate(row)) }
      return try function.apply(values)
    case .cast(let operand, let type):
      return try type.coerce(try operand.evaluate(row), table: "", column: "cast")
    }
  }

  /// AND and OR: the decisive value wins, else NULL when one is unknown.
  private static func combine(
    _ operands: [BoundExpression], _ row: [Value], decisive: Bool
  ) throws(StoreError) -> Value {
    var isUnknown = false
    for operand in operands {
      switch try operand.evaluate(row) {
      case .bool(decisive): return .bool(decisive)
      case .null: isUnknown = true
      default: break
      }
    }
    return isUnknown ? .null : .bool(!decisive)
  }

  private static func isIn(
    _ value: Value, _ candidates: [BoundExpression], _ row: [Value]
  ) throws(StoreError) -> Value {
    if candidates.isEmpty { return .bool(false) }
    if value.isNull { return .null }
    var isUnknown = false
    for candidate in candidates {
      let other = try candidate.evaluate(row)
      if other.isNull { isUnknown = true } else if other == value { return .bool(true) }
    }
    return isUnknown ? .null : .bool(false)
  }
}

extension Value {
  /// The value as the integers of a set hash it: equal numbers of different types do not hash
  /// alike.
  fileprivate var hashedAlike: Value {
    switch self {
    case .numeric(let number): number.int64.map { .int($0) } ?? self
    case .double(let number): Int64(exactly: number).map { .int($0) } ?? self
    default: self
    }
  }
}

extension Expression.Comparison {
  /// Whether the comparison is true for two values in this order.
  @inlinable
  package func holds(_ order: ValueOrdering) -> Bool {
    switch self {
    case .equal: order == .same
    case .notEqual: order != .same
    case .less: order == .before
    case .lessOrEqual: order != .after
    case .greater: order == .after
    case .greaterOrEqual: order != .before
    }
  }
}
