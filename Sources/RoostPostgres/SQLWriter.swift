import PostgresClient
import Roost
import RoostCore

/// Puts together a statement: text from the schema and the query's shape, every value a parameter.
struct SQLWriter {
  /// A list of candidates that is longer is joined instead of searched.
  private static let longListCount = 8

  private(set) var text: String
  private(set) var parameters = PostgresParameters()
  private let table: TableDefinition

  init(_ table: TableDefinition) {
    self.table = table
    text = ""
    // Most statements name all columns: as one piece, the text is not copied as it grows.
    text.reserveCapacity(64 + 24 * table.columns.count)
  }

  /// Appends SQL that holds nothing from outside.
  mutating func add(_ sql: String) {
    text += sql
  }

  mutating func add(identifier name: String) {
    // Every statement is full of names, and hardly one has a quote in it.
    guard !name.utf8.contains(UInt8(ascii: "\"")) else {
      text += PostgresQuery.quote(identifier: name)
      return
    }
    text += "\""
    text += name
    text += "\""
  }

  mutating func add(identifiers names: some Sequence<String>) {
    var separator = ""
    for name in names {
      text += separator
      add(identifier: name)
      separator = ", "
    }
  }

  /// Appends the names of all columns.
  mutating func addColumns() {
    add(identifiers: table.columns.lazy.map(\.name))
  }

  /// Appends a value as a parameter.
  mutating func add(_ value: Value, as type: ColumnType) throws(StoreError) {
    try encode { parameters throws(PostgresEncodingError) in
      try parameters.append(value, as: type)
    }
    text += "$\(parameters.count)"
  }

  /// Appends values as one array parameter with the cast that `unnest` and `ANY` need.
  mutating func add(_ values: [Value], elements: ColumnType) throws(StoreError) {
    try encode { parameters throws(PostgresEncodingError) in
      try parameters.append(values, elements: elements)
    }
    text += "$\(parameters.count)\(elements.arrayCast)"
  }

  private mutating func encode(
    _ body: (inout PostgresParameters) throws(PostgresEncodingError) -> Void
  ) throws(StoreError) {
    do {
      try body(&parameters)
    } catch {
      throw StoreError(.invalidValue, "\(error)", table: table.name)
    }
  }

  /// Appends `WHERE` and the condition, if there is one.
  mutating func addFilter(_ filter: Expression?) throws(StoreError) {
    guard let filter else { return }
    add(" WHERE ")
    try add(try filter.resolvedCondition(in: table))
  }

  /// Appends `ORDER BY`, completed by the primary key.
  mutating func addOrder(_ order: [OrderTerm]) throws(StoreError) {
    add(" ORDER BY ")
    let named = Set(order.map(\.expression))
    let missing = table.primaryKey.columns.map { OrderTerm(.column($0)) }
      .filter { !named.contains($0.expression) }
    for (index, term) in (order + missing).enumerated() {
      if index > 0 { add(", ") }
      try add(try term.expression.resolved(in: table))
      if term.isDescending { add(" DESC") }
      // Said only where it is not the default, so that plain indexes fit.
      if term.nullsFirst != term.isDescending {
        add(term.nullsFirst ? " NULLS FIRST" : " NULLS LAST")
      }
    }
  }
}

extension SQLWriter {
  /// Appends a resolved expression.
  mutating func add(_ expression: Expression) throws(StoreError) {
    switch expression {
    case .column(let name): try add(column: name)
    case .literal(let value): try add(literal: value)
    case .comparison(let comparison, let left, let right):
      try add(left, " \(comparison.rawValue) ", right)
    case .isNotDistinct(let operand, .literal(.null)): try add("", operand, " IS NULL")
    case .isNotDistinct(let operand, let value) where value.isConstant:
      // IS NOT DISTINCT FROM uses no index; this says the same and does.
      add("(")
      try add(operand, " = ", value)
      add(" AND ")
      try add("", operand, " IS NOT NULL")
      add(")")
    case .isNotDistinct(let left, let right): try add(left, " IS NOT DISTINCT FROM ", right)
    case .isNull(let operand): try add("", operand, " IS NULL")
    case .isTrue(let operand): try add("", operand, " IS TRUE")
    case .not(let operand): try add("NOT ", operand, "")
    case .and(let operands): try add(operands, " AND ", empty: "TRUE")
    case .or(let operands): try add(operands, " OR ", empty: "FALSE")
    case .isIn(let operand, let candidates): try add(operand, isIn: candidates)
    case .like(let operand, pattern: let pattern, ignoringCase: let ignoringCase):
      try add(operand, ignoringCase ? " ILIKE " : " LIKE ", pattern)
    case .arithmetic(let operation, let left, let right):
      try add(left, " \(operation.rawValue) ", right)
    case .negative(let operand): try add("- ", operand, "")
    case .concatenation(let left, let right): try add(left, " || ", right)
    case .function(let function, let arguments):
      add("\(function.rawValue)(")
      for (index, argument) in arguments.enumerated() {
        if index > 0 { add(", ") }
        try add(argument)
        if case .literal(.text) = argument { add(" COLLATE \"C\"") }
      }
      add(")")
    case .cast(let operand, let type):
      try add("CAST(", operand, " AS \(type.quotedSQL))")
    }
  }

  private mutating func add(column name: String) throws(StoreError) {
    let column = table.columns[try table.requirePosition(of: name)]
    add(identifier: name)
    // Without the C collation, text would be ordered and folded by the database's language.
    if column.type.isText && column.collation != "C" { add(" COLLATE \"C\"") }
  }

  private mutating func add(literal value: Value) throws(StoreError) {
    switch value {
    case .null: add("NULL")
    case .bool(let bool): add(bool ? "TRUE" : "FALSE")
    case .array(let values): try add(values, elements: Self.elementType(of: values))
    default: try add(value, as: .text)
    }
    // Where the server cannot see the type from the other side.
    switch value {
    case .int: add("::bigint")
    case .text: add("::text")
    default: break
    }
  }

  /// The element type of an array that stands for itself.
  private static func elementType(of values: [Value]) -> ColumnType {
    switch values.first(where: { !$0.isNull }) {
    case .bool: .boolean
    case .int: .bigint
    case .double: .double
    case .numeric: .unlimitedNumeric
    case .bytes: .bytes
    case .uuid: .uuid
    case .date: .date
    case .timestamp: .timestamptz
    case .json: .json
    default: .text
    }
  }

  private mutating func add(
    _ operand: Expression, isIn candidates: [Expression]
  ) throws(StoreError) {
    guard !candidates.isEmpty else { return add("FALSE") }
    let values = candidates.compactMap { candidate -> Value? in
      if case .literal(let value) = candidate { return value }
      return nil
    }
    if values.count == candidates.count, let type = try operand.type(in: table),
      !type.isArray
    {
      add("(")
      try add(operand)
      // A long list is joined: in a generic plan `= ANY` may compare every row with every element.
      let isLong = values.count > Self.longListCount
      add(isLong ? " IN (SELECT unnest(" : " = ANY (")
      // As wide as the values are: a bigint beyond an integer column is just never equal.
      try add(values, elements: type.widestInteger)
      return add(isLong ? ")))" : "))")
    }
    add("(")
    try add(operand)
    add(" IN ")
    try add(candidates, ", ", empty: "")
    add(")")
  }

  private mutating func add(
    _ left: Expression, _ operation: String, _ right: Expression
  ) throws(StoreError) {
    add("(")
    try add(left, against: right)
    add(operation)
    try add(right, against: left)
    add(")")
  }

  /// Appends one side of a comparison. Arrays are only compared with arrays of the same type, and
  /// those that are given have the widest one.
  private mutating func add(
    _ side: Expression, against other: Expression
  ) throws(StoreError) {
    guard case .literal(.array) = other, case .array(let element)? = try side.type(in: table),
      element.widestInteger != element || element == .real
    else { return try add(side) }
    add("CAST(")
    try add(side)
    add(element == .real ? " AS double precision[])" : " AS bigint[])")
  }

  private mutating func add(
    _ before: String, _ operand: Expression, _ after: String
  ) throws(StoreError) {
    add("(" + before)
    try add(operand)
    add(after + ")")
  }

  private mutating func add(
    _ operands: [Expression], _ separator: String, empty: String
  ) throws(StoreError) {
    guard !operands.isEmpty else { return add(empty) }
    add("(")
    for (index, operand) in operands.enumerated() {
      if index > 0 { add(separator) }
      try add(operand)
    }
    add(")")
  }
}

extension Expression {
  fileprivate var isConstant: Bool {
    if case .literal = self { return true }
    return false
  }
}

extension ColumnType {
  fileprivate var isArray: Bool {
    if case .array = self { return true }
    return false
  }

  fileprivate var widestInteger: ColumnType {
    switch self {
    case .smallint, .integer: .bigint
    default: self
    }
  }
}
