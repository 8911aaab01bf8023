import RoostCore

extension DDLReader {
  /// Postgres's limit. Source: PostgreSQL, MaxHeapAttributeNumber.
  static let maximumColumns = 1600

  /// The names of Postgres's own columns, which every table has.
  private static let systemColumns: Set<String> = [
    "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid",
  ]

  /// `[IF NOT EXISTS] name (column | constraint, ...)`, after CREATE TABLE.
  mutating func createTable(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let mayExist = parser.acceptIfNotExists()
    let name = try parser.name("a table")
    if mayExist, schema.tables[name.text] != nil { return false }
    try requireFree(relation: name)
    try requireFree(type: name)
    try parser.expectSymbol("(")
    var draft = TableDraft(name: name.text)
    var constraints: [ConstraintSyntax] = []
    repeat {
      if let constraint = try parser.tableConstraint() {
        constraints.append(constraint)
      } else {
        if parser.isWord("like") { throw parser.error("LIKE in CREATE TABLE is not supported") }
        let column = try parser.column()
        try add(column, to: &draft)
        constraints += column.constraints
      }
    } while parser.acceptSymbol(",")
    try parser.expectSymbol(")")
    try parser.expectEnd()
    try add(constraints, to: &draft)
    guard draft.hasPrimaryKey else {
      throw errors.error(
        "table \"\(name.text)\" has no primary key, which is its order", at: name.token)
    }
    make(.createTable(draft.table))
    return true
  }

  /// Adds a column without its constraints.
  func add(_ column: ColumnSyntax, to draft: inout TableDraft) throws(StoreError) {
    let name = column.name.text
    guard draft.table.position(of: name) == nil else {
      throw errors.error("column \"\(name)\" is there twice", at: column.name.token)
    }
    guard !Self.systemColumns.contains(name) else {
      throw errors.error("\"\(name)\" is the name of a system column", at: column.name.token)
    }
    guard draft.table.columns.count < Self.maximumColumns else {
      throw errors.error(
        "a table has at most \(Self.maximumColumns) columns", at: column.name.token)
    }
    if column.collation != nil, !column.type.elementType.isText {
      throw errors.error(
        "\"\(name)\" is \(column.type.sql), which has no collation", at: column.name.token)
    }
    var value: ColumnDefault? = column.isGenerated ? .serial : nil
    if let syntax = column.defaultValue {
      value = try columnDefault(syntax, for: name, column.type)
    }
    draft.table.columns.append(
      ColumnDefinition(
        name: name, type: column.type, isNullable: column.isNullable ?? true,
        defaultValue: value, collation: column.collation))
    draft.sources.append(.defaultValue)
  }

  // MARK: Types

  func requireFree(type name: SQLName) throws(StoreError) {
    guard schema.enumerations[name.text] == nil, schema.tables[name.text] == nil else {
      throw errors.error("type \"\(name.text)\" exists already", at: name.token)
    }
  }

  /// `name AS ENUM ('label', ...)`, after CREATE TYPE.
  mutating func createType(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let name = try parser.name("a type")
    guard parser.accept("as", "enum") else {
      throw parser.error("only CREATE TYPE ... AS ENUM is supported\(Self.hint)")
    }
    try requireFree(type: name)
    try parser.expectSymbol("(")
    var labels: [String] = []
    if !parser.isSymbol(")") {
      repeat {
        let token = parser.current
        let label = try parser.string("a label")
        try check(label: label, among: labels, at: token)
        labels.append(label)
      } while parser.acceptSymbol(",")
    }
    try parser.expectSymbol(")")
    make(.setEnumeration(Enumeration(name: name.text, labels: labels)))
    return true
  }

  private func check(
    label: String, among labels: [String], at token: SQLToken
  ) throws(StoreError) {
    guard label.utf8.count <= SQLLexer.maximumNameBytes else {
      throw errors.error(
        "a label has at most \(SQLLexer.maximumNameBytes) bytes", at: token)
    }
    guard !labels.contains(where: { TextOrder.areEqual($0, label) }) else {
      throw errors.error("label '\(label)' is there twice", at: token)
    }
  }

  /// `name ADD VALUE [IF NOT EXISTS] 'label' [BEFORE | AFTER 'other']`, after ALTER TYPE.
  mutating func alterType(_ parser: inout SQLParser) throws(StoreError) -> Bool {
    let name = try parser.name("a type")
    guard var type = schema.enumerations[name.text] else {
      throw errors.error("type \"\(name.text)\" does not exist", at: name.token)
    }
    guard parser.accept("add", "value") else {
      throw parser.error("only ALTER TYPE ... ADD VALUE is supported\(Self.hint)")
    }
    let mayExist = parser.acceptIfNotExists()
    let token = parser.current
    let label = try parser.string("a label")
    if mayExist, type.label(label) != nil { return false }
    try check(label: label, among: type.labels.map(\.text), at: token)
    let place = try self.place(in: type, &parser)
    try parser.expectEnd()
    // Stored rows hold the other labels, whose positions therefore stay.
    let before = place > 0 ? type.labels[place - 1].position : nil
    let after = place < type.labels.count ? type.labels[place].position : nil
    let position: Double =
      switch (before, after) {
      case (nil, nil): 0
      case (let before?, nil): before + 1
      case (nil, let after?): after - 1
      case (let before?, let after?): (before + after) / 2
      }
    guard position != before, position != after else {
      throw errors.error("no place is left between the labels' positions", at: token)
    }
    type.labels.insert(EnumLabel(text: label, position: position), at: place)
    make(.setEnumeration(type))
    redefineColumns(of: type)
    return true
  }

  /// Where among the labels a new one goes.
  private func place(
    in type: Enumeration, _ parser: inout SQLParser
  ) throws(StoreError) -> Int {
    let isBefore = parser.accept("before")
    guard isBefore || parser.accept("after") else { return type.labels.count }
    let token = parser.current
    let label = try parser.string("a label")
    guard let index = type.labels.firstIndex(where: { TextOrder.areEqual($0.text, label) }) else {
      throw errors.error("type \"\(type.name)\" has no label '\(label)'", at: token)
    }
    return isBefore ? index : index + 1
  }

  /// Gives the tables that use an enum type its new definition.
  private mutating func redefineColumns(of type: Enumeration) {
    for table in schema.tables.values.sorted(by: { TextOrder.isLess($0.name, $1.name) }) {
      var table = table
      var isChanged = false
      for index in table.columns.indices {
        if let changed = table.columns[index].type.replacing(type) {
          table.columns[index].type = changed
          isChanged = true
        }
      }
      if isChanged { redefine(table) }
    }
  }
}

extension ColumnType {
  /// The type of an array's elements; of any other type, itself.
  var elementType: ColumnType {
    if case .array(let element) = self { return element }
    return self
  }

  /// The enum type of the column or its elements; nil for other types.
  var enumeration: Enumeration? {
    if case .enumeration(let type) = elementType { return type }
    return nil
  }

  /// The type with another definition of its enum type; nil when it is not of that type.
  fileprivate func replacing(_ type: Enumeration) -> ColumnType? {
    guard enumeration?.name == type.name else { return nil }
    if case .array = self { return .array(.enumeration(type)) }
    return .enumeration(type)
  }
}
