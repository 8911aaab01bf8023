import RoostCore

extension DDLReader {
  /// Postgres's limit. Source: PostgreSQL, INDEX_MAX_KEYS.
  static let maximumKeyColumns = 32

  /// Adds constraints to a table in Postgres's order, which decides about the names: checks, the
  /// primary key, unique constraints, foreign keys.
  func add(_ constraints: [ConstraintSyntax], to draft: inout TableDraft) throws(StoreError) {
    // What the statement has dropped from the table leaves its names free.
    var others = schema
    others.tables[draft.table.name] = nil
    var names = ConstraintNames(others)
    names.add(draft.table)
    for constraint in constraints {
      if case .check(let condition) = constraint.body {
        try addCheck(constraint, condition, &draft, &names)
      }
    }
    try addKeys(constraints, &draft, &names)
    for constraint in constraints {
      if case .foreignKey(let key) = constraint.body {
        try addForeignKey(constraint, key, &draft, &names)
      }
    }
  }

  private func addCheck(
    _ constraint: ConstraintSyntax, _ condition: ExpressionSyntax, _ draft: inout TableDraft,
    _ names: inout ConstraintNames
  ) throws(StoreError) {
    try checkCondition(condition, in: draft.table)
    // A check of one column is named after it, wherever it was written.
    var columns: [String] = []
    for column in condition.columns where !columns.contains(column.text) {
      columns.append(column.text)
    }
    let name = try name(constraint, draft) {
      names.chooseConstraint(draft.table.name, columns.count == 1 ? columns : [], label: "check")
    }
    names.constraints.insert(name)
    draft.table.checks.append(CheckConstraint(name: name, expression: condition.expression))
  }

  /// The name written, which must be free on its table, or one that is made.
  private func name(
    _ constraint: ConstraintSyntax, _ draft: TableDraft, _ make: () -> String
  ) throws(StoreError) -> String {
    guard let name = constraint.name else { return make() }
    guard !draft.constraintNames.contains(name.text) else {
      throw errors.error(
        "constraint \"\(name.text)\" of table \"\(draft.table.name)\" exists already",
        at: name.token)
    }
    return name.text
  }

  // MARK: Keys

  /// A primary key or unique constraint before it has its final name.
  private struct Key {
    var constraint: ConstraintSyntax
    var columns: [SQLName]
    var isPrimary: Bool
  }

  private func addKeys(
    _ constraints: [ConstraintSyntax], _ draft: inout TableDraft, _ names: inout ConstraintNames
  ) throws(StoreError) {
    for key in try keys(constraints, draft) {
      for column in key.columns {
        let position = try position(column, in: draft)
        if draft.table.columns[position].type == .json {
          // Postgres has an order for jsonb and none for json, which is the same type here.
          throw errors.error("a json column cannot be part of a key", at: column.token)
        }
        if key.isPrimary { draft.table.columns[position].isNullable = false }
      }
      let columns = key.columns.map(\.text)
      var name = key.constraint.name?.text
      if let written = key.constraint.name {
        _ = try self.name(key.constraint, draft) { written.text }
        guard !names.relations.contains(written.text) else {
          throw errors.error("relation \"\(written.text)\" exists already", at: written.token)
        }
        names.relations.insert(written.text)
        names.constraints.insert(written.text)
      }
      if name == nil {
        name = names.choose(
          draft.table.name, key.isPrimary ? [] : ConstraintNames.keyNames(columns),
          label: key.isPrimary ? "pkey" : "key", isConstraint: true)
      }
      let result = KeyConstraint(name: name ?? "", columns: columns)
      if key.isPrimary {
        draft.table.primaryKey = result
        draft.hasPrimaryKey = true
      } else {
        draft.table.uniqueConstraints.append(result)
      }
    }
  }

  /// The keys as Postgres keeps them: the primary key first, and of several over the same columns
  /// only one, which takes the name of another when it has none.
  private func keys(
    _ constraints: [ConstraintSyntax], _ draft: TableDraft
  ) throws(StoreError) -> [Key] {
    var primary: [Key] = []
    var unique: [Key] = []
    for constraint in constraints {
      switch constraint.body {
      case .primaryKey(let columns):
        guard primary.isEmpty, !draft.hasPrimaryKey else {
          throw errors.error(
            "table \"\(draft.table.name)\" has a primary key already", at: constraint.token)
        }
        primary.append(Key(constraint: constraint, columns: columns, isPrimary: true))
      case .unique(let columns):
        unique.append(Key(constraint: constraint, columns: columns, isPrimary: false))
      default: continue
      }
    }
    var kept = primary
    for key in unique {
      let same = kept.firstIndex { $0.columns.map(\.text) == key.columns.map(\.text) }
      if let same {
        if kept[same].constraint.name == nil { kept[same].constraint.name = key.constraint.name }
      } else {
        kept.append(key)
      }
    }
    for key in kept where key.columns.count > Self.maximumKeyColumns {
      throw errors.error(
        "a key has at most \(Self.maximumKeyColumns) columns", at: key.constraint.token)
    }
    return kept
  }

  // MARK: Foreign keys

  private func addForeignKey(
    _ constraint: ConstraintSyntax, _ key: ForeignKeySyntax, _ draft: inout TableDraft,
    _ names: inout ConstraintNames
  ) throws(StoreError) {
    let target =
      key.table.text == draft.table.name ? draft : TableDraft(try table(key.table))
    var referenced = key.referenced
    if referenced.isEmpty {
      guard target.hasPrimaryKey else {
        throw errors.error(
          "table \"\(key.table.text)\" has no primary key to refer to", at: key.table.token)
      }
      referenced = target.table.primaryKey.columns.map {
        SQLName(text: $0, token: key.table.token)
      }
    }
    guard referenced.count == key.columns.count else {
      throw errors.error(
        "the foreign key has \(key.columns.count) columns and refers to \(referenced.count)",
        at: constraint.token)
    }
    for (column, wanted) in zip(key.columns, referenced) {
      let from = draft.table.columns[try position(column, in: draft)].type
      let to = target.table.columns[try position(wanted, in: target)].type
      guard Self.canRefer(from, to) else {
        throw errors.error(
          "\"\(column.text)\" is \(from.sql) and refers to \"\(wanted.text)\", which is \(to.sql)",
          at: column.token)
      }
    }
    let referencedColumns = referenced.map(\.text)
    guard target.isKey(referencedColumns) else {
      throw errors.error(
        "no primary key or unique constraint of table \"\(key.table.text)\" has the columns "
          + "(\(referencedColumns.joined(separator: ", ")))",
        at: key.referenced.first?.token ?? key.table.token)
    }
    let columns = key.columns.map(\.text)
    let name = try name(constraint, draft) {
      names.chooseConstraint(draft.table.name, columns, label: "fkey")
    }
    names.constraints.insert(name)
    draft.table.foreignKeys.append(
      ForeignKey(
        name: name, columns: columns, referencedTable: key.table.text,
        referencedColumns: referencedColumns, onDelete: key.onDelete))
  }

  /// Whether values of both types can be equal: the same type but for its length or precision, or
  /// two integers of different widths.
  static func canRefer(_ from: ColumnType, _ to: ColumnType) -> Bool {
    switch (from, to) {
    case (.smallint, .smallint), (.smallint, .integer), (.smallint, .bigint), (.integer, .smallint),
      (.integer, .integer), (.integer, .bigint), (.bigint, .smallint), (.bigint, .integer),
      (.bigint, .bigint):
      true
    case (.numeric, .numeric), (.numeric, .unlimitedNumeric), (.unlimitedNumeric, .numeric): true
    case (.text, .varchar), (.varchar, .text), (.varchar, .varchar): true
    default: from == to
    }
  }
}
