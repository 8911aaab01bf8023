import Roost
import RoostCore
import RoostMemory

extension RowJSONReader {
  /// Reads the values of the primary key's columns.
  func key(_ json: inout JSONScanner) throws(JSONError) -> [Value] {
    key(of: try row(&json)).values
  }

  /// A row's primary key.
  func key(of row: [Value]) -> RowKey {
    RowKey(keyPositions.map { row[$0] })
  }
}
