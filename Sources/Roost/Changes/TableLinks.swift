/// How the tables of a schema hang together by foreign keys and triggers: which other rows the
/// change of a row may touch, and in which order rows can be written.
package struct TableLinks: Sendable {
  /// How many rows one call reads or writes.
  static let batch = 500

  /// A foreign key, seen from both of its tables.
  struct Link: Sendable {
    /// The table that refers.
    let child: String
    let childColumns: [String]
    let childPositions: [Int]
    /// The table that is referred to.
    let parent: String
    let parentColumns: [String]
    let parentPositions: [Int]
    /// Where each column of the parent's primary key is among the link's; nil when the link refers
    /// to another unique constraint.
    let keyOrder: [Int]?
  }

  /// A table with its links.
  struct Node: Sendable {
    let definition: TableDefinition
    let keyPositions: [Int]
    /// Writes the table's rows and keys.
    let json: RowJSONWriter
    /// Behind all tables that it refers to.
    let rank: Int
    var parents: [Link] = []
    var children: [Link] = []
    /// Whether the values of some column can be equal and yet not the same, such as 1.0 and 1.00.
    let hasInexactEquality: Bool

    var name: String { definition.name }
    /// Triggers may change the rows that a row refers to.
    var hasTriggers: Bool { !definition.triggers.isEmpty }
    var refersToItself: Bool { parents.contains { $0.parent == name } }
    var columns: [String] { definition.columns.map(\.name) }
    /// The columns outside of the primary key.
    var dataColumns: [String] {
      columns.filter { !definition.primaryKey.columns.contains($0) }
    }

    func reference(_ row: [Value]) -> RowReference {
      RowReference(name, keyPositions.map { row[$0] })
    }

    /// The rows of a condition, in the order of their keys.
    func query(_ filter: Expression?, lock: RowLock? = nil, limit: Int? = nil) -> Query {
      Query(
        table: name, filter: filter,
        order: definition.primaryKey.columns.map { OrderTerm(.column($0)) }, limit: limit,
        lock: lock)
    }
  }

  private let nodes: [String: Node]
  /// The tables, each behind those that it refers to.
  let parentsFirst: [Node]

  /// Reads a schema; Roost's own tables are left out.
  /// - Throws: `unsupported` for foreign keys of several tables that form a circle: there is no
  ///   order in which their rows could be written.
  package init(_ schema: Schema) throws(StoreError) {
    let tables = schema.tablesParentsFirst.filter { !ChangeJournal.isOwn($0.name) }
    var nodes: [String: Node] = [:]
    for (rank, table) in tables.enumerated() {
      nodes[table.name] = Node(
        definition: table,
        keyPositions: try table.requirePositions(of: table.primaryKey.columns),
        json: RowJSONWriter(table), rank: rank,
        hasInexactEquality: table.columns.contains { $0.type.hasInexactEquality })
      for key in table.foreignKeys {
        guard let parent = nodes[key.referencedTable]?.definition else {
          throw StoreError(
            .unsupported,
            "the foreign key \"\(key.name)\" of \"\(table.name)\" is part of a circle of tables",
            table: table.name, constraint: key.name)
        }
        let link = Link(
          child: table.name, childColumns: key.columns,
          childPositions: try table.requirePositions(of: key.columns),
          parent: parent.name, parentColumns: key.referencedColumns,
          parentPositions: try parent.requirePositions(of: key.referencedColumns),
          keyOrder: Self.keyOrder(key, parent))
        nodes[table.name]?.parents.append(link)
        nodes[parent.name]?.children.append(link)
      }
    }
    self.nodes = nodes
    parentsFirst = nodes.values.sorted { $0.rank < $1.rank }
  }

  private static func keyOrder(_ key: ForeignKey, _ parent: TableDefinition) -> [Int]? {
    let order = parent.primaryKey.columns.compactMap { key.referencedColumns.firstIndex(of: $0) }
    return order.count == parent.primaryKey.columns.count && order.count == key.columns.count
      ? order : nil
  }

  /// The table with its links.
  /// - Throws: `undefinedTable`.
  func node(_ table: String) throws(StoreError) -> Node {
    guard let node = nodes[table] else {
      throw StoreError(.undefinedTable, "there is no table \"\(table)\"", table: table)
    }
    return node
  }

  /// The condition that the columns have one of these combinations of values.
  static func condition(_ columns: [String], among values: some Sequence<[Value]>) -> Expression {
    if columns.count == 1 {
      return .isIn(.column(columns[0]), values.map { .literal($0[0]) })
    }
    return .or(
      values.map { values in
        .and(zip(columns, values).map { .comparison(.equal, .column($0), .literal($1)) })
      })
  }

  /// The rows that rows of a table refer to.
  func parents(
    of rows: [[Value]], in node: Node, _ session: any StorageSession
  ) async throws(StoreError) -> Set<RowReference> {
    var found: Set<RowReference> = []
    for link in node.parents {
      var unknown: Set<[Value]> = []
      for row in rows {
        let values = link.childPositions.map { row[$0] }
        if values.contains(where: \.isNull) { continue }
        if let order = link.keyOrder {
          found.insert(RowReference(link.parent, order.map { values[$0] }))
        } else {
          unknown.insert(values)
        }
      }
      let parent = try self.node(link.parent)
      for part in Array(unknown).parts(of: Self.batch) {
        let condition = Self.condition(link.parentColumns, among: part)
        for row in try await session.query(parent.query(condition)) {
          found.insert(parent.reference(row))
        }
      }
    }
    return found
  }

  /// The rows that refer to rows of a table by a link.
  func children(
    of rows: [[Value]], by link: Link, _ session: any StorageSession, lock: RowLock? = nil
  ) async throws(StoreError) -> [[Value]] {
    let values = Set(rows.map { row in link.parentPositions.map { row[$0] } })
      .filter { !$0.contains(where: \.isNull) }
    let child = try node(link.child)
    var found: [[Value]] = []
    for part in Array(values).parts(of: Self.batch) {
      let condition = Self.condition(link.childColumns, among: part)
      found += try await session.query(child.query(condition, lock: lock))
    }
    return found
  }
}

extension ColumnType {
  /// Whether two values can be equal and yet not the same: 1.0 and 1.00, 0 and -0.
  fileprivate var hasInexactEquality: Bool {
    switch self {
    case .numeric, .unlimitedNumeric, .real, .double, .json: true
    case .array(let element): element.hasInexactEquality
    default: false
    }
  }
}
