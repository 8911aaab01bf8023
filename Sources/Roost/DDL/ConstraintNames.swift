import RoostCore

/// The names that Postgres gives to constraints and indexes without one.
///
/// Source: PostgreSQL, makeObjectName, ChooseRelationName and ChooseIndexColumnNames in
/// indexcmds.c, ChooseConstraintName in pg_constraint.c.
struct ConstraintNames {
  /// Tables, indexes and sequences, which share one space of names.
  var relations: Set<String> = []
  /// Constraints of every table.
  var constraints: Set<String> = []

  init() {}

  /// The names taken in a schema.
  init(_ schema: Schema) {
    for table in schema.tables.values { add(table) }
  }

  /// Takes the names of a table and of everything that belongs to it.
  mutating func add(_ table: TableDefinition) {
    relations.insert(table.name)
    for column in table.columns where column.isSerial {
      relations.insert(Self.join(table.name, column.name, "seq"))
    }
    for key in [table.primaryKey] + table.uniqueConstraints where !key.columns.isEmpty {
      relations.insert(key.name)
      constraints.insert(key.name)
    }
    relations.formUnion(table.indexes.map(\.name))
    constraints.formUnion(table.checks.map(\.name))
    constraints.formUnion(table.foreignKeys.map(\.name))
  }

  /// A name for a primary key or unique constraint, or for an index: free among relations, and
  /// for a constraint also among constraints.
  mutating func choose(
    _ table: String, _ columns: [String], label: String, isConstraint: Bool
  ) -> String {
    let name = pick(table, columns, label) {
      !relations.contains($0) && !(isConstraint && constraints.contains($0))
    }
    relations.insert(name)
    if isConstraint { constraints.insert(name) }
    return name
  }

  /// A name for a check or a foreign key: free among constraints.
  mutating func chooseConstraint(_ table: String, _ columns: [String], label: String) -> String {
    let name = pick(table, columns, label) { !constraints.contains($0) }
    constraints.insert(name)
    return name
  }

  private func pick(
    _ table: String, _ columns: [String], _ label: String, _ isFree: (String) -> Bool
  ) -> String {
    let middle = columns.isEmpty ? nil : Self.addition(columns)
    var number = 0
    while true {
      let name = Self.join(table, middle, number == 0 ? label : "\(label)\(number)")
      if isFree(name) { return name }
      number += 1
    }
  }

  /// The columns joined by underscores, up to about a name's length.
  private static func addition(_ columns: [String]) -> String {
    var result = ""
    for column in columns {
      if !result.isEmpty { result += "_" }
      result += column
      if result.utf8.count > SQLLexer.maximumNameBytes { break }
    }
    return result
  }

  /// The parts joined by underscores, the longer of the first two cut until 63 bytes hold all.
  static func join(_ first: String, _ second: String?, _ label: String) -> String {
    let overhead = label.utf8.count + 1 + (second == nil ? 0 : 1)
    let available = SQLLexer.maximumNameBytes - overhead
    var firstCount = first.utf8.count
    var secondCount = second?.utf8.count ?? 0
    while firstCount + secondCount > available {
      if firstCount > secondCount { firstCount -= 1 } else { secondCount -= 1 }
    }
    var name = SQLLexer.clip(first, toBytes: firstCount)
    if let second { name += "_" + SQLLexer.clip(second, toBytes: secondCount) }
    return name + "_" + label
  }

  /// The names of an index's keys, made different from each other by a number.
  static func keyNames(_ wanted: [String]) -> [String] {
    var names: [String] = []
    for name in wanted {
      var candidate = name
      var number = 1
      while names.contains(candidate) {
        let digits = "\(number)"
        candidate =
          SQLLexer.clip(name, toBytes: SQLLexer.maximumNameBytes - digits.utf8.count) + digits
        number += 1
      }
      names.append(candidate)
    }
    return names
  }
}
