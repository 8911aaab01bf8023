/// One statement of a migration, as it stands in the file.
public struct SQLStatement: Sendable, Equatable {
  /// The text without the closing semicolon.
  public var text: String
  /// The file's name.
  public var file: String
  /// The line of the first character, from 1.
  public var line: Int
  /// The column of the first character, from 1, in Unicode scalars.
  public var column: Int
  /// Whether embedded backends pass over it: `-- roost: only postgres` stands before it.
  public var isOnlyPostgres: Bool
  /// The extension without which Postgres passes over it: `-- roost: requires NAME`; nil for none.
  public var requiredExtension: String?

  /// Makes a statement.
  public init(
    text: String, file: String, line: Int, column: Int, isOnlyPostgres: Bool = false,
    requiredExtension: String? = nil
  ) {
    self.text = text
    self.file = file
    self.line = line
    self.column = column
    self.isOnlyPostgres = isOnlyPostgres
    self.requiredExtension = requiredExtension
  }
}
