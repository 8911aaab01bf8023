/// Why a value of a result cannot be had as a Swift type.
public struct PostgresDecodingError: Error, Sendable, CustomStringConvertible {
  private struct Fields: Sendable {
    var reason: String
    var type: PostgresType
    var typeName: String
    var swiftType: String
    var column: String?
    var columnIndex: Int?
  }

  private final class Storage: Sendable {
    let fields: Fields

    init(_ fields: Fields) {
      self.fields = fields
    }
  }

  // One pointer, so that functions which throw it stay cheap where they do not.
  private let storage: Storage

  /// An error that says why a value of `type` is no `swiftType`; the type's name is needed where
  /// the server has numbered the type itself.
  public init(
    _ reason: String, type: PostgresType, swiftType: any Any.Type, column: String? = nil,
    typeName: String? = nil
  ) {
    storage = Storage(
      Fields(
        reason: reason, type: type, typeName: typeName ?? type.description,
        swiftType: String(describing: swiftType), column: column))
  }

  private init(_ storage: Storage) {
    self.storage = storage
  }

  /// What is wrong; it does not repeat the value.
  public var reason: String { storage.fields.reason }

  /// The value's type in Postgres.
  public var type: PostgresType { storage.fields.type }

  /// The name of the value's type in Postgres, or `type 12345` when it is not known.
  public var typeName: String { storage.fields.typeName }

  /// The Swift type that was wanted.
  public var swiftType: String { storage.fields.swiftType }

  /// The column's name, nil when it is about no single column.
  public var column: String? { storage.fields.column }

  /// The column's place in its row, from 0; nil when it is about no single column.
  public var columnIndex: Int? { storage.fields.columnIndex }

  /// The same error, about the column with this name and, where it is known, this place.
  public func named(_ column: String, index: Int? = nil) -> PostgresDecodingError {
    guard self.column == nil else { return self }
    var fields = storage.fields
    fields.column = column
    fields.columnIndex = index
    return PostgresDecodingError(Storage(fields))
  }

  /// One line: column, type, Swift type and what is wrong.
  public var description: String {
    guard let column else {
      return "a value of type \(typeName) cannot be read as \(swiftType): \(reason)"
    }
    let place = columnIndex.map { "column \($0), " } ?? "column "
    return "\(place)\"\(column)\", of type \(typeName) cannot be read as \(swiftType): \(reason)"
  }
}
