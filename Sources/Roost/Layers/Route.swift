/// Tables that are kept in another place than a store's main one, so that an application moves
/// from one backend to another table by table.
///
/// Every place gets the whole schema; a table's rows are in the one place that it is routed to.
/// Tables that foreign keys connect stay together. So must those that a trigger writes to, which
/// cannot be seen from the SQL: a trigger finds the tables of its own place, and writes there
/// what nobody reads when they are routed elsewhere.
public struct Route: Sendable {
  /// The tables.
  public var tables: [String]
  /// The URL of the place, as `Store.open` takes it. Each route opens its own, so that tables of
  /// one place go into one route.
  public var url: String

  /// Sends tables to a place.
  public init(_ tables: [String], to url: String) {
    self.tables = tables
    self.url = url
  }
}

/// Which place each table of a schema is in.
package struct RoutedTables: Sendable {
  /// What the places are called, without passwords: the main one first, then one a route.
  let places: [String]
  private var numbers: [String: Int]

  /// Checks routes against a schema.
  /// - Throws: `undefinedTable`; `invalidConfiguration` for a table that is routed twice and for a
  ///   foreign key from one place to another.
  package init(
    _ routes: [(tables: [String], place: String)], main: String, _ schema: Schema
  ) throws(StoreError) {
    places = [main] + routes.map(\.place)
    numbers = schema.tables.mapValues { _ in 0 }
    for (number, route) in routes.enumerated() {
      for table in route.tables {
        _ = try schema.table(table)
        guard numbers[table] == 0 else {
          throw StoreError(
            .invalidConfiguration, "the table \"\(table)\" is routed twice", table: table)
        }
        numbers[table] = number + 1
      }
    }
    for table in schema.tablesParentsFirst {
      for key in table.foreignKeys { try require(key, of: table) }
    }
  }

  private func require(
    _ key: ForeignKey, of table: TableDefinition
  ) throws(StoreError) {
    let (from, to) = (try place(of: table.name), try place(of: key.referencedTable))
    guard from != to else { return }
    throw StoreError(
      .invalidConfiguration,
      "the tables of the foreign key \"\(key.name)\" must be in one place, but \"\(table.name)\" "
        + "is in \(places[from]) and \"\(key.referencedTable)\" in \(places[to])",
      table: table.name, constraint: key.name)
  }

  /// The number of the place that a table is in.
  /// - Throws: `undefinedTable`.
  func place(of table: String) throws(StoreError) -> Int {
    guard let number = numbers[table] else {
      throw StoreError(.undefinedTable, "there is no table \"\(table)\"", table: table)
    }
    return number
  }

  /// The number of the one place that all tables are in.
  /// - Throws: `unsupported` when they are in several; `undefinedTable`.
  func place(
    of first: String, and others: some Sequence<String>
  ) throws(StoreError) -> Int {
    let place = try place(of: first)
    for other in others { try require(other, in: place, as: first) }
    return place
  }

  /// - Throws: `unsupported` when a table is not in the place that another is in.
  func require(_ table: String, in place: Int, as other: String) throws(StoreError) {
    let own = try self.place(of: table)
    guard own != place else { return }
    throw StoreError(
      .unsupported,
      "a transaction or call stays in one place, but \"\(other)\" is in \(places[place]) and "
        + "\"\(table)\" in \(places[own])", table: table)
  }

  /// The tables of a place by name.
  func tables(in place: Int) -> [String] {
    numbers.filter { $0.value == place }.keys.sorted()
  }
}
