import Roost

/// - Throws: `ConformanceFailure` when the two differ.
func expect<T: Equatable>(
  _ actual: T, _ expected: T, _ what: String = "", file: StaticString = #fileID,
  line: UInt = #line
) throws {
  if actual == expected { return }
  throw ConformanceFailure("\(file):\(line): \(what) expected \(expected), got \(actual)")
}

/// - Throws: `ConformanceFailure` when the condition is false.
func expect(
  _ condition: Bool, _ what: String, file: StaticString = #fileID, line: UInt = #line
) throws {
  if condition { return }
  throw ConformanceFailure("\(file):\(line): expected that \(what)")
}

/// - Returns: the error.
/// - Throws: `ConformanceFailure` when the body throws no store error with the code, or one with
///   another constraint or column.
@discardableResult
func expectError(
  _ code: StoreError.Code, constraint: String? = nil, column: String? = nil, _ what: String = "",
  file: StaticString = #fileID, line: UInt = #line, _ body: () async throws -> Void
) async throws -> StoreError {
  do {
    try await body()
  } catch let error as StoreError {
    guard error.code == code, constraint == nil || error.constraint == constraint,
      column == nil || error.column == column
    else {
      throw ConformanceFailure(
        "\(file):\(line): \(what) expected \(code) \(constraint ?? "") \(column ?? ""), got "
          + "\(error) (constraint \(error.constraint ?? "none"), column \(error.column ?? "none"))")
    }
    return error
  } catch {
    throw ConformanceFailure("\(file):\(line): \(what) expected \(code), got \(error)")
  }
  throw ConformanceFailure("\(file):\(line): \(what) expected \(code), got no error")
}

/// An error that no backend throws, to see that a body's own error comes back unchanged.
struct OwnError: Error, Equatable {
  var number = 1
}

extension Store {
  /// All rows of a table in primary-key order, as text that shows every difference.
  func lines(_ table: String) async throws -> [String] {
    try await backend.query(Query(table: table)).map { ValueText.exact($0) }
  }
}
