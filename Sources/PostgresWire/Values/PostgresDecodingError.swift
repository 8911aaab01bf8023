/// Why a value of a result cannot be had as a Swift type.
public struct PostgresDecodingError: Error, Sendable, CustomStringConvertible {
  private final class Storage: Sendable {
    let reason: String
    let type: PostgresType
    let swiftType: String
    let column: String?

    init(reason: String, type: PostgresType, swiftType: String, column: String?) {
      self.reason = reason
      self.type = type
      self.swiftType = swiftType
      self.column = column
    }
  }

  // One pointer, so that functions which throw it stay cheap where they do not.
  private let storage: Storage

  /// An error that says why a value of `type` is no `swiftType`.
  public init(
    _ reason: String, type: PostgresType, swiftType: any Any.Type, column: String? = nil
  ) {
    storage = Storage(
      reason: reason, type: type, swiftType: String(describing: swiftType), column: column)
  }

  private init(_ storage: Storage) {
    self.storage = storage
  }

  /// What is wrong; it does not repeat the value.
  public var reason: String { storage.reason }

  /// The value's type in Postgres.
  public var type: PostgresType { storage.type }

  /// The Swift type that was wanted.
  public var swiftType: String { storage.swiftType }

  /// The column's name, nil when it is about no single column.
  public var column: String? { storage.column }

  /// The same error, about the column with this name.
  public func named(_ column: String) -> PostgresDecodingError {
    guard self.column == nil else { return self }
    return PostgresDecodingError(
      Storage(reason: reason, type: type, swiftType: swiftType, column: column))
  }

  /// One line: column, type, Swift type and what is wrong.
  public var description: String {
    let place = column.map { "column \"\($0)\" of type \(type)" } ?? "a value of type \(type)"
    return "\(place) cannot be read as \(swiftType): \(reason)"
  }
}
