/// Something that is wrong in a file store's folder, and where.
package struct FileFinding: Sendable, Equatable, CustomStringConvertible, Codable {
  /// The file's name in the folder.
  package let file: String
  /// The line, from 1; 0 for the file as a whole.
  package let line: Int
  /// Where the line begins, in bytes.
  package let offset: Int
  /// What is wrong.
  package let reason: String

  init(_ path: String, _ line: Int, _ offset: Int, _ reason: String) {
    file = path.split(separator: "/").last.map(String.init) ?? path
    (self.line, self.offset, self.reason) = (line, offset, reason)
  }

  /// `journal-00000012.jsonl:7 (byte 1234): wrong checksum`
  package var description: String {
    line == 0 ? "\(file): \(reason)" : "\(file):\(line) (byte \(offset)): \(reason)"
  }
}

/// A row that a file store's folder has, and that breaks a constraint.
package struct RefusedRow: Sendable, Equatable, CustomStringConvertible, Codable {
  /// The table.
  package let table: String
  /// The row as JSON, as it stands in the folder.
  package let row: String
  /// What it breaks.
  package let reason: String

  /// What it breaks, the table and the row.
  package var description: String { "\(table): \(reason): \(row)" }
}
