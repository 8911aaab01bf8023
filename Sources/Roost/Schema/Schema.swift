/// What the migrations declare: tables and enum types, the same on every backend.
public struct Schema: Sendable, Equatable {
  /// The tables by name.
  public internal(set) var tables: [String: TableDefinition]
  /// The enum types by name.
  public internal(set) var enumerations: [String: Enumeration]
  /// The foreign keys in the order in which they were declared, whatever their tables: the order
  /// in which a statement that breaks several of them finds it out.
  package private(set) var foreignKeyOrder: [ForeignKeyName] = []

  /// A foreign key's table and name.
  package struct ForeignKeyName: Sendable, Hashable {
    package var table: String
    package var constraint: String
  }

  /// An empty schema.
  public init() {
    tables = [:]
    enumerations = [:]
  }

  /// Takes out of the order what is gone, and puts what is new at its end.
  mutating func orderForeignKeys(renaming old: String?, to table: TableDefinition?) {
    if let old, let table {
      for index in foreignKeyOrder.indices where foreignKeyOrder[index].table == old {
        foreignKeyOrder[index].table = table.name
      }
    }
    foreignKeyOrder.removeAll { name in
      guard let keys = tables[name.table]?.foreignKeys else { return true }
      return !keys.contains { $0.name == name.constraint }
    }
    let known = Set(foreignKeyOrder)
    for key in table?.foreignKeys ?? [] {
      let name = ForeignKeyName(table: table?.name ?? "", constraint: key.name)
      if !known.contains(name) { foreignKeyOrder.append(name) }
    }
  }

  /// The table with a name.
  /// - Throws: `undefinedTable`.
  public func table(_ name: String) throws(StoreError) -> TableDefinition {
    guard let table = tables[name] else {
      throw StoreError(.undefinedTable, "there is no table \"\(name)\"", table: name)
    }
    return table
  }

  /// The tables so that each comes after those that its foreign keys name; ties by name. Tables of
  /// a cycle come last.
  public var tablesParentsFirst: [TableDefinition] {
    var placed: Set<String> = []
    var result: [TableDefinition] = []
    var waiting = tables.values.sorted { $0.name < $1.name }
    while !waiting.isEmpty {
      let ready = waiting.filter { table in
        table.foreignKeys.allSatisfy {
          placed.contains($0.referencedTable) || $0.referencedTable == table.name
        }
      }
      guard !ready.isEmpty else { return result + waiting }
      placed.formUnion(ready.map(\.name))
      result += ready
      waiting.removeAll { placed.contains($0.name) }
    }
    return result
  }
}
