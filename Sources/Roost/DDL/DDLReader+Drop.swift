import RoostCore

extension DDLReader {
  /// `[IF EXISTS] name, ... [CASCADE | RESTRICT]`, after DROP TABLE.
  mutating func dropTables(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let (names, cascades) = try droppedNames(&parser, "a table") { schema.tables[$0] != nil }
    let dropped = Set(names.map(\.text))
    for name in names {
      for other in sortedTables where !dropped.contains(other.name) {
        let references = other.foreignKeys.filter { $0.referencedTable == name.text }
        guard let first = references.first else { continue }
        guard cascades else {
          throw errors.error(
            "constraint \"\(first.name)\" of table \"\(other.name)\" refers to table "
              + "\"\(name.text)\"; write CASCADE to drop it too", at: name.token)
        }
        var other = other
        other.foreignKeys.removeAll { $0.referencedTable == name.text }
        redefine(other)
      }
    }
    // Children first, so that no foreign key is ever without its table; a cycle is cut.
    let order = schema.tablesParentsFirst.reversed().map(\.name)
    for name in order where dropped.contains(name) {
      for other in sortedTables where other.name != name {
        var other = other
        other.foreignKeys.removeAll { $0.referencedTable == name }
        if other != schema.tables[other.name] { redefine(other) }
      }
      make(.dropTable(name))
    }
    return !names.isEmpty
  }

  /// `[IF EXISTS] name, ... [CASCADE | RESTRICT]`, after DROP TYPE.
  mutating func dropTypes(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let (names, _) = try droppedNames(&parser, "a type") { schema.enumerations[$0] != nil }
    for name in names {
      for table in sortedTables {
        for column in table.columns where column.type.enumeration?.name == name.text {
          throw errors.error(
            "column \"\(column.name)\" of table \"\(table.name)\" has type \"\(name.text)\"; drop "
              + "the column first", at: name.token)
        }
      }
      make(.dropEnumeration(name.text))
    }
    return !names.isEmpty
  }

  /// The names to drop that exist, and whether what depends on them goes too.
  private func droppedNames(
    _ parser: inout SQLParser, _ what: String, exists: (String) -> Bool
  ) throws(StoreError) -> (names: [SQLName], cascades: Bool) {
    let mayLack = parser.acceptIfExists()
    var names: [SQLName] = []
    repeat {
      let name = try parser.name(what)
      if exists(name.text) {
        names.append(name)
      } else if !mayLack {
        throw errors.error(
          "\(what.dropFirst(2)) \"\(name.text)\" does not exist", at: name.token)
      }
    } while parser.acceptSymbol(",")
    let cascades = parser.accept("cascade")
    if !cascades { _ = parser.accept("restrict") }
    try parser.expectEnd()
    return (names, cascades)
  }

  // MARK: Triggers

  /// `name {BEFORE | AFTER} event [OR ...] ON table FOR EACH ROW EXECUTE FUNCTION function()`,
  /// after CREATE TRIGGER.
  mutating func createTrigger(
    _ parser: inout SQLParser, isReplacing: Bool
  ) throws(StoreError) -> Bool {
    let name = try parser.name("a trigger")
    let isBefore = parser.accept("before")
    if !isBefore, !parser.accept("after") { throw parser.unexpected("BEFORE or AFTER") }
    var events: Set<TriggerDefinition.Event> = []
    repeat {
      let token = parser.current
      let event: TriggerDefinition.Event
      if parser.accept("insert") {
        event = .insert
      } else if parser.accept("update") {
        event = .update
        if parser.isWord("of") { throw parser.error("UPDATE OF columns is not supported") }
      } else if parser.accept("delete") {
        event = .delete
      } else {
        throw parser.unexpected("INSERT, UPDATE or DELETE")
      }
      guard events.insert(event).inserted else {
        throw errors.error("the event is there twice", at: token)
      }
    } while parser.accept("or")
    try parser.expect("on")
    var table = try table(try parser.name("a table"))
    guard parser.accept("for", "each", "row") || parser.accept("for", "row") else {
      throw parser.error("only triggers FOR EACH ROW are supported")
    }
    if parser.isWord("when") { throw parser.error("WHEN of a trigger is not supported") }
    try parser.expect("execute")
    if !parser.accept("function") { try parser.expect("procedure") }
    let function = try parser.name("a function")
    try parser.expectSymbol("(")
    guard parser.acceptSymbol(")") else {
      throw parser.error("arguments of a trigger's function are not supported")
    }
    try parser.expectEnd()
    let trigger = TriggerDefinition(
      name: name.text, isBefore: isBefore, events: events, function: function.text)
    if let index = table.triggers.firstIndex(where: { $0.name == name.text }) {
      guard isReplacing else {
        throw errors.error(
          "trigger \"\(name.text)\" of table \"\(table.name)\" exists already", at: name.token)
      }
      table.triggers[index] = trigger
    } else {
      table.triggers.append(trigger)
    }
    redefine(table)
    return true
  }

  /// `[IF EXISTS] name ON table [CASCADE | RESTRICT]`, after DROP TRIGGER.
  mutating func dropTrigger(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let mayLack = parser.acceptIfExists()
    let name = try parser.name("a trigger")
    try parser.expect("on")
    let tableName = try parser.name("a table")
    _ = parser.accept("cascade") || parser.accept("restrict")
    try parser.expectEnd()
    if mayLack, schema.tables[tableName.text] == nil { return false }
    var table = try table(tableName)
    guard let index = table.triggers.firstIndex(where: { $0.name == name.text }) else {
      if mayLack { return false }
      throw errors.error(
        "trigger \"\(name.text)\" of table \"\(table.name)\" does not exist", at: name.token)
    }
    table.triggers.remove(at: index)
    redefine(table)
    return true
  }

  // MARK: Rows

  /// `table [(column, ...)] VALUES (literal, ...), ... [ON CONFLICT DO NOTHING]`, after INSERT
  /// INTO.
  mutating func insert(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let tableName = try parser.name("a table")
    let draft = TableDraft(try table(tableName))
    let named = parser.isSymbol("(") ? try parser.nameList("a column") : []
    var positions: [Int] = []
    for name in named { positions.append(try position(name, in: draft)) }
    guard parser.accept("values") else {
      throw parser.error("only INSERT ... VALUES with literals is supported\(Self.hint)")
    }
    var rows: [[Value]] = []
    repeat {
      let token = parser.current
      let expressions = try rowLiteral(&parser)
      if named.isEmpty, rows.isEmpty {
        positions = Array(draft.table.columns.indices.prefix(expressions.count))
      }
      guard expressions.count == positions.count else {
        throw errors.error(
          "the row has \(expressions.count) values for \(positions.count) columns", at: token)
      }
      var row: [Value] = []
      for (expression, position) in zip(expressions, positions) {
        row.append(try constant(expression, as: draft.table.columns[position].type))
      }
      rows.append(row)
    } while parser.acceptSymbol(",")
    var conflict = Mutation.Insert.Conflict.fail
    if parser.accept("on", "conflict") {
      guard parser.accept("do", "nothing") else {
        throw parser.error("only ON CONFLICT DO NOTHING is supported")
      }
      conflict = .ignore
    }
    try parser.expectEnd()
    make(
      .insert(
        Mutation.Insert(
          table: tableName.text, columns: positions.map { draft.table.columns[$0].name },
          rows: rows, conflict: conflict)))
    return true
  }

  private func rowLiteral(
    _ parser: inout SQLParser
  ) throws(StoreError) -> [ExpressionSyntax] {
    try parser.expectSymbol("(")
    var values: [ExpressionSyntax] = []
    repeat {
      if parser.isWord("default") {
        throw parser.error("DEFAULT as a value is not supported; leave the column out")
      }
      values.append(try parser.expression())
    } while parser.acceptSymbol(",")
    try parser.expectSymbol(")")
    return values
  }
}
