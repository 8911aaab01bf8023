/// A condition or value over the columns of one table, with SQL's three-valued logic.
///
/// The one expression type of the package: CHECK constraints, partial indexes' conditions and
/// queries' filters. The embedded backends evaluate it, the Postgres backend renders it as SQL
/// with bound parameters.
public indirect enum Expression: Sendable, Hashable {
  /// A comparison; unknown when either side is NULL.
  public enum Comparison: String, Sendable, Hashable {
    /// `=`
    case equal = "="
    /// `<>`
    case notEqual = "<>"
    /// `<`
    case less = "<"
    /// `<=`
    case lessOrEqual = "<="
    /// `>`
    case greater = ">"
    /// `>=`
    case greaterOrEqual = ">="
  }

  /// Arithmetic between two numbers, NULL when either side is.
  public enum Arithmetic: String, Sendable, Hashable {
    /// `+`
    case add = "+"
    /// `-`
    case subtract = "-"
    /// `*`
    case multiply = "*"
  }

  /// A function that every backend knows.
  public enum Function: String, Sendable, Hashable {
    /// `lower(text)`, ASCII letters only.
    case lower
    /// `upper(text)`, ASCII letters only.
    case upper
    /// `length(text)`, in Unicode scalars.
    case length
    /// `btrim(text [, characters])`: cut from both ends; spaces when no characters are named.
    case btrim
    /// `ltrim(text [, characters])`.
    case ltrim
    /// `rtrim(text [, characters])`.
    case rtrim
    /// `coalesce(value, ...)`: the first that is not NULL.
    case coalesce
    /// `abs(number)`.
    case abs
  }

  /// A column of the table.
  case column(String)
  /// A constant; rendered as a bound parameter.
  case literal(Value)
  /// `left = right` and its kin.
  case comparison(Comparison, Expression, Expression)
  /// `left IS NOT DISTINCT FROM right`: equality in which NULL equals NULL; never unknown.
  case isNotDistinct(Expression, Expression)
  /// `operand IS NULL`; never unknown.
  case isNull(Expression)
  /// `operand IS TRUE`; never unknown.
  case isTrue(Expression)
  /// All are true; true when empty.
  case and([Expression])
  /// One is true; false when empty.
  case or([Expression])
  /// `NOT operand`; unknown stays unknown.
  case not(Expression)
  /// `operand IN (candidates)`; false when there are none, also for NULL.
  case isIn(Expression, [Expression])
  /// `operand LIKE pattern`, or ILIKE, which folds ASCII letters only. The escape is a backslash.
  case like(Expression, pattern: Expression, ignoringCase: Bool)
  /// `left + right` and its kin.
  case arithmetic(Arithmetic, Expression, Expression)
  /// `-operand`.
  case negative(Expression)
  /// `left || right` of two texts.
  case concatenation(Expression, Expression)
  /// A function's value.
  case function(Function, [Expression])
  /// `operand::type`.
  case cast(Expression, ColumnType)
}

extension Expression {
  /// The columns that the expression names.
  public var columns: Set<String> {
    switch self {
    case .column(let name): [name]
    case .literal: []
    case .comparison(_, let left, let right), .isNotDistinct(let left, let right),
      .arithmetic(_, let left, let right), .concatenation(let left, let right),
      .like(let left, pattern: let right, ignoringCase: _):
      left.columns.union(right.columns)
    case .isNull(let operand), .isTrue(let operand), .not(let operand), .negative(let operand),
      .cast(let operand, _):
      operand.columns
    case .and(let operands), .or(let operands), .function(_, let operands):
      operands.reduce(into: []) { $0.formUnion($1.columns) }
    case .isIn(let operand, let candidates):
      candidates.reduce(into: operand.columns) { $0.formUnion($1.columns) }
    }
  }
}
