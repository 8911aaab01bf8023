/// A column of a result.
public struct PostgresColumn: Sendable, Hashable {
  /// The name; not necessarily unique in its result.
  public var name: String
  /// The type.
  public var type: PostgresType
  /// How its values are written.
  public var format: PostgresFormat
  /// The table that it comes from, by its `pg_class` number; 0 when it is computed.
  public var tableOID: UInt32
  /// Its number in that table; 0 when it is computed.
  public var attributeNumber: Int16
  /// Its type's length in bytes, negative for a variable length.
  public var typeLength: Int16
  /// Its type's modifier, as `pg_attribute.atttypmod`; -1 when it has none.
  public var typeModifier: Int32

  /// A computed column, unless more is said.
  public init(
    name: String, type: PostgresType, format: PostgresFormat = .binary, tableOID: UInt32 = 0,
    attributeNumber: Int16 = 0, typeLength: Int16 = -1, typeModifier: Int32 = -1
  ) {
    self.name = name
    self.type = type
    self.format = format
    self.tableOID = tableOID
    self.attributeNumber = attributeNumber
    self.typeLength = typeLength
    self.typeModifier = typeModifier
  }
}

/// The columns of a result, shared by all its rows.
public final class PostgresColumns: Sendable, RandomAccessCollection {
  private let columns: [PostgresColumn]
  private let indexByName: [String: Int]

  /// What is known of the types that are not built in.
  public let catalogue: PostgresTypeCatalogue

  /// The count and the format codes, as Bind asks for results.
  let encodedFormats: [UInt8]

  /// What a row starts with.
  let entries: [PostgresRow.Entry]

  /// No columns, which is what a statement that returns no rows has.
  public static let none = PostgresColumns([])

  /// Keeps these columns.
  public init(_ columns: [PostgresColumn], catalogue: PostgresTypeCatalogue = .builtIn) {
    self.columns = columns
    self.catalogue = catalogue
    // The last of equal names wins, as in Postgres's own row_to_json.
    indexByName = Dictionary(
      columns.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { $1 })
    var formats: [UInt8] = []
    // A result has at most `WireLimits.columnCount` columns, which fits.
    withUnsafeBytes(of: UInt16(truncatingIfNeeded: columns.count).bigEndian) {
      formats.append(contentsOf: $0)
    }
    for column in columns { formats += [0, column.format.rawValue] }
    encodedFormats = formats
    entries = columns.map { PostgresRow.Entry($0) }
  }

  /// Always 0.
  public var startIndex: Int { 0 }

  /// The number of columns.
  public var endIndex: Int { columns.count }

  /// The column at this place; traps outside of the indices, as an array does.
  public subscript(position: Int) -> PostgresColumn { columns[position] }

  /// The place of the column with this name, nil when there is none. The last of equal names wins.
  public func index(named name: String) -> Int? { indexByName[name] }

  /// The column at this place, nil outside of the indices.
  package func column(at index: Int) -> PostgresColumn? {
    columns.indices.contains(index) ? columns[index] : nil
  }

  /// These columns in the binary format, whatever their types.
  package var inBinary: PostgresColumns {
    PostgresColumns(
      columns.map { column in
        var column = column
        column.format = .binary
        return column
      }, catalogue: catalogue)
  }

  /// These columns in the formats that this driver prefers, knowing these types.
  package func preferringBinary(_ catalogue: PostgresTypeCatalogue) -> PostgresColumns {
    PostgresColumns(
      columns.map { column in
        var column = column
        column.format = catalogue.preferredFormat(of: column.type)
        return column
      }, catalogue: catalogue)
  }

  /// These columns, knowing these types.
  package func knowing(_ catalogue: PostgresTypeCatalogue) -> PostgresColumns {
    PostgresColumns(columns, catalogue: catalogue)
  }

  /// The types of the columns that have to be known to read them and are not.
  package func unknownTypes(_ catalogue: PostgresTypeCatalogue) -> Set<PostgresType> {
    catalogue.missing(columns.lazy.map(\.type))
  }
}
