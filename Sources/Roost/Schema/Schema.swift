/// What the migrations declare: tables and enum types, the same on every backend.
public struct Schema: Sendable, Equatable {
  /// The tables by name.
  public var tables: [String: TableDefinition]
  /// The enum types by name.
  public var enumerations: [String: Enumeration]

  /// An empty schema.
  public init() {
    tables = [:]
    enumerations = [:]
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
