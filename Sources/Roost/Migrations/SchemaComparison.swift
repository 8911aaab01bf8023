import RoostCore

/// Compares schemas as the migrations' reader knows them.
package enum SchemaComparison {
  /// In what the tables and types of one schema are otherwise in another. Tables that only `found`
  /// has are no difference; the order of columns and constraints is none either.
  package static func drifts(expected: Schema, found: Schema) -> [SchemaDrift] {
    var drifts: [SchemaDrift] = []
    for (name, type) in expected.enumerations.sorted(by: { $0.key < $1.key }) {
      let labels = found.enumerations[name].map { text(of: $0) }
      if labels != text(of: type) {
        drifts.append(
          SchemaDrift(.enumeration, object: name, expected: text(of: type), found: labels))
      }
    }
    for (name, table) in expected.tables.sorted(by: { $0.key < $1.key }) {
      if let other = found.tables[name] {
        drifts += compare(table, other)
      } else {
        let columns = table.columns.map(\.name).joined(separator: ", ")
        drifts.append(
          SchemaDrift(.table, table: name, object: name, expected: "(\(columns))", found: nil))
      }
    }
    return drifts
  }

  private static func compare(_ table: TableDefinition, _ other: TableDefinition) -> [SchemaDrift] {
    var drifts: [SchemaDrift] = []
    for column in table.columns {
      if let position = other.position(of: column.name) {
        drifts += compare(column, other.columns[position], in: table.name)
      } else {
        drifts.append(
          SchemaDrift(
            .column, table: table.name, object: column.name, expected: column.type.sql, found: nil))
      }
    }
    for column in other.columns where table.position(of: column.name) == nil {
      drifts.append(
        SchemaDrift(
          .column, table: table.name, object: column.name, expected: nil, found: column.type.sql))
    }
    drifts += compare(
      .constraint, constraints(of: table), constraints(of: other), in: table.name)
    drifts += compare(
      .index, table.indexes.map { Part($0.name, text(of: $0), .index($0)) },
      other.indexes.map { Part($0.name, text(of: $0), .index($0)) }, in: table.name)
    drifts += compare(
      .trigger, table.triggers.map { Part($0.name, $0.function, .trigger($0)) },
      other.triggers.map { Part($0.name, $0.function, .trigger($0)) }, in: table.name)
    return drifts
  }

  private static func compare(
    _ column: ColumnDefinition, _ other: ColumnDefinition, in table: String
  ) -> [SchemaDrift] {
    var drifts: [SchemaDrift] = []
    func note(_ kind: SchemaDrift.Kind, _ expected: String, _ found: String) {
      drifts.append(
        SchemaDrift(kind, table: table, object: column.name, expected: expected, found: found))
    }
    if column.type != other.type { note(.type, column.type.sql, other.type.sql) }
    if column.isNullable != other.isNullable {
      note(
        .nullability, column.isNullable ? "NULL" : "NOT NULL",
        other.isNullable ? "NULL" : "NOT NULL")
    }
    if column.defaultValue != other.defaultValue {
      note(.defaultValue, text(of: column.defaultValue), text(of: other.defaultValue))
    }
    if column.collation != other.collation {
      note(.collation, column.collation ?? "none", other.collation ?? "none")
    }
    return drifts
  }

  // MARK: Constraints, indexes and triggers

  /// A named part of a table.
  private struct Part {
    enum Definition: Equatable {
      case key(KeyConstraint, isPrimary: Bool)
      case foreignKey(ForeignKey)
      case check(CheckConstraint)
      case index(IndexDefinition)
      case trigger(TriggerDefinition)
    }

    var name: String
    var text: String
    var definition: Definition

    init(_ name: String, _ text: String, _ definition: Definition) {
      self.name = name
      self.text = text
      self.definition = definition
    }
  }

  private static func compare(
    _ kind: SchemaDrift.Kind, _ parts: [Part], _ others: [Part], in table: String
  ) -> [SchemaDrift] {
    var drifts: [SchemaDrift] = []
    for part in parts {
      let other = others.first { $0.name == part.name }
      if part.definition == other?.definition { continue }
      // Conditions have no text here; that they differ is all there is to say.
      let found = other.map { $0.text == part.text ? "another definition" : $0.text }
      drifts.append(
        SchemaDrift(kind, table: table, object: part.name, expected: part.text, found: found))
    }
    for other in others where !parts.contains(where: { $0.name == other.name }) {
      drifts.append(
        SchemaDrift(kind, table: table, object: other.name, expected: nil, found: other.text))
    }
    return drifts
  }

  private static func constraints(of table: TableDefinition) -> [Part] {
    func list(_ columns: [String]) -> String { "(\(columns.joined(separator: ", ")))" }
    var parts = [
      Part(
        table.primaryKey.name, "PRIMARY KEY \(list(table.primaryKey.columns))",
        .key(table.primaryKey, isPrimary: true))
    ]
    for key in table.uniqueConstraints {
      parts.append(Part(key.name, "UNIQUE \(list(key.columns))", .key(key, isPrimary: false)))
    }
    for key in table.foreignKeys {
      parts.append(
        Part(
          key.name,
          "FOREIGN KEY \(list(key.columns)) REFERENCES \(key.referencedTable) "
            + "\(list(key.referencedColumns)) ON DELETE \(key.onDelete.rawValue)",
          .foreignKey(key)))
    }
    for check in table.checks {
      let columns = check.expression.columns.sorted()
      parts.append(Part(check.name, "CHECK over \(list(columns))", .check(check)))
    }
    return parts
  }

  private static func text(of index: IndexDefinition) -> String {
    let keys = index.keys.map { key in
      let columns = key.expression.columns.sorted().joined(separator: ", ")
      if case .column(let name) = key.expression { return name + (key.isDescending ? " DESC" : "") }
      return "an expression over \(columns)"
    }
    return "\(index.isUnique ? "UNIQUE " : "")(\(keys.joined(separator: ", ")))"
      + (index.predicate == nil ? "" : " with a condition")
  }

  private static func text(of type: Enumeration) -> String {
    type.labels.map { "'\($0.text)'" }.joined(separator: ", ")
  }

  private static func text(of value: ColumnDefault?) -> String {
    switch value {
    case nil: "none"
    case .value(let value): value.description
    case .now: "now()"
    case .randomUUID: "gen_random_uuid()"
    case .serial: "a sequence"
    }
  }
}

extension Schema {
  /// The changes that give tables the order of columns and constraints that they have in another
  /// schema; nil when the two differ in more than order.
  func reordering(to expected: Schema) -> [SchemaChange]? {
    guard tables.keys == expected.tables.keys, enumerations.keys == expected.enumerations.keys,
      SchemaComparison.drifts(expected: expected, found: self).isEmpty
    else { return nil }
    var changes: [SchemaChange] = []
    for (name, table) in tables.sorted(by: { $0.key < $1.key }) {
      guard let wanted = expected.tables[name], wanted != table else { continue }
      let sources = wanted.columns.compactMap { column in
        table.position(of: column.name).map { SchemaChange.ColumnSource.old($0) }
      }
      changes.append(.redefineTable(name, wanted, sources: sources))
    }
    return changes
  }
}
