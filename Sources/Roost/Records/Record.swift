import RoostCore

/// A struct whose values are rows of one table.
///
/// A Codable struct needs no more than `table` and `columns`: its properties stand for the columns
/// in snake_case. Where speed matters, write `init(row:)` and `write(to:)` by hand.
public protocol Record: Codable, Sendable {
  /// A struct of `Column`s, for queries.
  associatedtype Columns: Sendable
  /// The table's name.
  static var table: String { get }
  /// The columns; they are checked against the schema when the record is first used.
  static var columns: Columns { get }
  /// Reads a row.
  /// - Throws: `invalidValue`, naming column and type.
  init(row: Row) throws(StoreError)
  /// Writes the values to store. A column that is not written takes its default; so does NULL in
  /// a NOT NULL column that has one.
  func write(to row: inout RowWriter) throws(StoreError)
}

/// A stored row with its columns' names.
public struct Row: Sendable {
  /// The values in the table's column order.
  public let values: [Value]
  let layout: RowLayout

  package init(_ values: [Value], _ layout: RowLayout) {
    self.values = values
    self.layout = layout
  }

  /// A column's value as a Swift type.
  /// - Throws: `undefinedColumn`; `invalidValue` when the value is not of the type.
  @inlinable
  public subscript<Value: ColumnValue>(_ column: Column<Value>) -> Value {
    get throws(StoreError) {
      guard let stored = try stored(column.name, column.hash), let value = Value(value: stored)
      else { throw mismatch(column.name, Value.self) }
      return value
    }
  }

  /// A column's value as a Swift type.
  /// - Throws: `undefinedColumn`; `invalidValue` when the value is not of the type.
  @inlinable
  public func decode<Value: ColumnValue>(
    _ column: String, as type: Value.Type
  ) throws(StoreError) -> Value {
    guard let stored = try stored(column), let value = Value(value: stored) else {
      throw mismatch(column, type)
    }
    return value
  }

  @usableFromInline
  func stored(_ column: String) throws(StoreError) -> Value? {
    try stored(column, NamePlaces.hash(column))
  }

  /// A column's value; nil when the row ends before it.
  @usableFromInline
  func stored(_ column: String, _ hash: Int) throws(StoreError) -> Value? {
    let position = try layout.requirePosition(of: column, hash)
    return position < values.count ? values[position] : nil
  }

  @usableFromInline
  func mismatch(_ column: String, _ type: Any.Type) -> StoreError {
    let position = layout.positions[column]
    let stored = position.map { layout.table.columns[$0].type.sql } ?? "nothing"
    return StoreError(
      .invalidValue, "column \"\(column)\" holds a \(stored), which is no \(type)",
      table: layout.table.name, column: column)
  }
}

/// Collects the values of a record.
public struct RowWriter: Sendable {
  let layout: RowLayout
  /// The value of each column of the table; NULL where none was written.
  package private(set) var values: [Value]
  private var isWritten: [Bool]
  private var missing: Int

  package init(_ layout: RowLayout) {
    self.layout = layout
    values = layout.blank
    isWritten = Array(repeating: false, count: values.count)
    missing = values.count
  }

  /// Whether each column was written with a value that it takes as it is.
  var isReady: Bool { missing == 0 && values.indices.allSatisfy { takes(values[$0], $0) } }

  /// Whether a column takes a value as it is: neither converted nor replaced by a default.
  func takes(_ value: Value, _ position: Int) -> Bool {
    value.isNull ? layout.isNullable[position] : layout.types[position].accepts(value)
  }

  /// What was written to a column; nil when nothing was.
  subscript(position: Int) -> Value? { isWritten[position] ? values[position] : nil }

  /// Makes it as new, for the next record.
  mutating func removeAll() {
    values = layout.blank
    for position in isWritten.indices { isWritten[position] = false }
    missing = values.count
  }

  /// Writes a column's value.
  /// - Throws: `undefinedColumn`.
  @inlinable
  public mutating func set<Value: ColumnValue>(
    _ column: Column<Value>, _ value: Value
  ) throws(StoreError) {
    try set(column.name, column.hash, value.value)
  }

  /// Writes a column's value.
  /// - Throws: `undefinedColumn`.
  public mutating func set(_ column: String, _ value: Value) throws(StoreError) {
    try set(column, NamePlaces.hash(column), value)
  }

  @usableFromInline
  mutating func set(_ column: String, _ hash: Int, _ value: Value) throws(StoreError) {
    let position = try layout.requirePosition(of: column, hash)
    values[position] = value
    if !isWritten[position] {
      isWritten[position] = true
      missing -= 1
    }
  }
}

/// A table's columns by name, made once for all its rows.
package final class RowLayout: Sendable {
  package let table: TableDefinition
  /// Places by column name, and by the camelCase form of it.
  let positions: NamePlaces
  /// The columns' names.
  package let names: [String]
  /// Their types, and whether they may be NULL.
  package let types: [ColumnType]
  let isNullable: [Bool]
  /// A row of NULLs.
  package let blank: [Value]

  package init(_ table: TableDefinition) {
    self.table = table
    names = table.columns.map(\.name)
    types = table.columns.map(\.type)
    isNullable = table.columns.map(\.isNullable)
    blank = Array(repeating: .null, count: table.columns.count)
    var positions: [String: Int] = [:]
    for (position, column) in table.columns.enumerated() {
      positions[Self.camelCase(column.name)] = position
    }
    for (position, column) in table.columns.enumerated() { positions[column.name] = position }
    self.positions = NamePlaces(positions)
  }

  func requirePosition(of column: String, _ hash: Int) throws(StoreError) -> Int {
    if let position = positions[column, hash] { return position }
    return try table.requirePosition(of: column)
  }

  /// The place of a property: `homepageURL` and `homepageUrl` both stand for `homepage_url`.
  func position(ofProperty name: String) -> Int? {
    positions[name] ?? positions[Self.snakeCase(name)]
  }

  static func camelCase(_ name: String) -> String {
    let parts = name.split(separator: "_")
    return parts.dropFirst().reduce(String(parts.first ?? "")) {
      $0 + $1.prefix(1).uppercased() + $1.dropFirst()
    }
  }

  static func snakeCase(_ name: String) -> String {
    var result = ""
    let characters = Array(name)
    for (index, character) in characters.enumerated() {
      if character.isUppercase && index > 0 {
        let isWordStart = !characters[index - 1].isUppercase
        let isAcronymEnd = index + 1 < characters.count && characters[index + 1].isLowercase
        if isWordStart || isAcronymEnd { result += "_" }
      }
      result += character.lowercased()
    }
    return result
  }
}
