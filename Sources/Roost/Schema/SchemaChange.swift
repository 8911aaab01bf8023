/// One step of a migration as embedded backends understand it.
///
/// The DDL reader turns each statement into such steps; what Postgres executes is the statement
/// itself.
public enum SchemaChange: Sendable, Equatable {
  /// Where the values of a column come from when a table is redefined.
  public enum ColumnSource: Sendable, Equatable {
    /// The old row's value at a place, converted when the column's type is another now.
    case old(Int)
    /// The column's default.
    case defaultValue
  }

  /// A new table.
  case createTable(TableDefinition)
  /// The table is gone, with its rows.
  case dropTable(String)
  /// The table of a name has another definition now, also another name; `sources` has one entry
  /// for each column of the new definition. Its rows are checked against it again.
  case redefineTable(String, TableDefinition, sources: [ColumnSource])
  /// A new enum type, or another definition of one. Stored labels keep their text.
  case setEnumeration(Enumeration)
  /// The enum type is gone.
  case dropEnumeration(String)
  /// Literal rows of the migration itself.
  case insert(Mutation.Insert)
  /// The place of the Swift step that is registered for the migration's version.
  case step
}

extension Schema {
  /// Makes a change. The DDL reader has checked that it fits; rows are no concern of a schema.
  public mutating func apply(_ change: SchemaChange) {
    switch change {
    case .createTable(let table):
      tables[table.name] = table
      orderForeignKeys(renaming: nil, to: table)
    case .dropTable(let name):
      tables[name] = nil
      orderForeignKeys(renaming: nil, to: nil)
    case .redefineTable(let name, let table, sources: _):
      tables[name] = nil
      tables[table.name] = table
      orderForeignKeys(renaming: name, to: table)
    case .setEnumeration(let type): enumerations[type.name] = type
    case .dropEnumeration(let name): enumerations[name] = nil
    case .insert, .step: break
    }
  }
}
