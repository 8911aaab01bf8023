import RoostCore

/// A column of a record, for queries: `static let columns` of a record holds one for each.
///
/// `Value` is the type of the record's property, optional where NULL may stand.
public struct Column<Value: ColumnValue>: Sendable, NamedColumn {
  /// The column's name in the table.
  public let name: String
  /// Where the name is looked for, worked out once.
  @usableFromInline let hash: Int

  /// Names a column.
  public init(_ name: String) {
    self.name = name
    hash = NamePlaces.hash(name)
  }

  var expression: Expression { .column(name) }
}

/// A column whatever its type.
public protocol NamedColumn: Sendable {
  /// The column's name in the table.
  var name: String { get }
  /// Whether NULL is a value of the Swift type.
  static var isOptional: Bool { get }
}

extension Column {
  /// Whether NULL is a value of the Swift type.
  public static var isOptional: Bool { Value.isOptional }
}

/// A condition over a record's columns.
public struct Filter: Sendable {
  /// The condition.
  public var expression: Expression

  /// Wraps a condition.
  public init(_ expression: Expression) {
    self.expression = expression
  }

  /// Both are true.
  public static func && (left: Filter, right: Filter) -> Filter {
    Filter(.and([left.expression, right.expression]))
  }

  /// One is true.
  public static func || (left: Filter, right: Filter) -> Filter {
    Filter(.or([left.expression, right.expression]))
  }

  /// It is false; unknown stays unknown.
  public static prefix func ! (filter: Filter) -> Filter {
    Filter(.not(filter.expression))
  }
}

extension Column {
  /// Equality. On an optional column it is `IS NOT DISTINCT FROM`: nil equals NULL.
  public static func == (column: Column, value: Value) -> Filter {
    Value.isOptional
      ? Filter(.isNotDistinct(column.expression, .literal(value.value)))
      : column.compare(.equal, value)
  }

  /// The opposite of `==`, NULL included.
  public static func != (column: Column, value: Value) -> Filter {
    Value.isOptional
      ? Filter(.not(.isNotDistinct(column.expression, .literal(value.value))))
      : column.compare(.notEqual, value)
  }

  /// Less than; unknown for NULL.
  public static func < (column: Column, value: Value) -> Filter { column.compare(.less, value) }

  /// At most; unknown for NULL.
  public static func <= (column: Column, value: Value) -> Filter {
    column.compare(.lessOrEqual, value)
  }

  /// Greater than; unknown for NULL.
  public static func > (column: Column, value: Value) -> Filter { column.compare(.greater, value) }

  /// At least; unknown for NULL.
  public static func >= (column: Column, value: Value) -> Filter {
    column.compare(.greaterOrEqual, value)
  }

  private func compare(_ comparison: Expression.Comparison, _ value: Value) -> Filter {
    Filter(.comparison(comparison, expression, .literal(value.value)))
  }

  /// It is one of some values; false when there are none.
  public func isIn(_ values: some Sequence<Value>) -> Filter {
    Filter(.isIn(expression, values.map { .literal($0.value) }))
  }

  /// It is NULL.
  public var isNull: Filter { Filter(.isNull(expression)) }

  /// It is not NULL.
  public var isNotNull: Filter { Filter(.not(.isNull(expression))) }

  /// Smaller values first, NULLs last.
  public var ascending: OrderTerm { OrderTerm(expression) }

  /// Greater values first, NULLs first.
  public var descending: OrderTerm { OrderTerm(expression, isDescending: true) }

  /// Gives the column a new value.
  public func set(to value: Value) -> Mutation.Assignment {
    Mutation.Assignment(name, .literal(value.value))
  }

  /// Adds to the stored number, atomically; NULL stays NULL.
  public func increment(by value: Value) -> Mutation.Assignment {
    Mutation.Assignment(name, .arithmetic(.add, expression, .literal(value.value)))
  }
}

/// A type whose values are text in the store.
public protocol TextColumnValue: ColumnValue {}
extension String: TextColumnValue {}
extension Optional: TextColumnValue where Wrapped: TextColumnValue {}

/// What a text condition is about: a column or its lower-case form.
public protocol TextOperand: Sendable {
  /// The text.
  var textExpression: Expression { get }
}

extension Column: TextOperand where Value: TextColumnValue {
  /// The column.
  public var textExpression: Expression { expression }

  /// The column in lower case, ASCII letters only; an index on `lower(column)` serves it.
  public var lowercased: LowercasedColumn {
    LowercasedColumn(textExpression: .function(.lower, [expression]))
  }
}

/// A text column in lower case.
public struct LowercasedColumn: TextOperand {
  /// The column's lower-case form.
  public let textExpression: Expression
}

extension TextOperand {
  /// It matches a LIKE pattern, in which `%` is any text, `_` one Unicode scalar and a backslash
  /// the escape.
  public func like(_ pattern: String, ignoringCase: Bool = false) -> Filter {
    Filter(.like(textExpression, pattern: .literal(.text(pattern)), ignoringCase: ignoringCase))
  }

  /// It contains a text, taken literally. Only ASCII letters lose their case.
  public func contains(_ text: String, ignoringCase: Bool = false) -> Filter {
    like("%\(LikePattern.escaped(text))%", ignoringCase: ignoringCase)
  }

  /// It starts with a text, taken literally. Only ASCII letters lose their case.
  public func hasPrefix(_ text: String, ignoringCase: Bool = false) -> Filter {
    like("\(LikePattern.escaped(text))%", ignoringCase: ignoringCase)
  }
}
