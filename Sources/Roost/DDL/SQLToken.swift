/// One word, string, number or symbol of SQL text, with its place.
struct SQLToken: Sendable, Equatable {
  enum Kind: Sendable, Equatable {
    /// An unquoted identifier or keyword, ASCII letters folded to lower case.
    case word(String)
    /// A quoted identifier, as it is.
    case quoted(String)
    /// A string's content, escapes resolved; also of a dollar-quoted string.
    case string(String)
    /// A number without a sign, as written.
    case number(String)
    /// An operator or a punctuation mark.
    case symbol(String)
    /// The end of the statement.
    case end
  }

  var kind: Kind
  /// The scalar offsets of the first character and past the last.
  var range: Range<Int>
  /// The line of the first character, from 1.
  var line: Int
  /// The column of the first character, from 1, in Unicode scalars.
  var column: Int

  /// The token as a message shows it.
  var shown: String {
    switch kind {
    case .word(let text), .number(let text), .symbol(let text): "\"\(text)\""
    case .quoted(let text): "\"\(text)\""
    case .string: "a string"
    case .end: "the end of the statement"
    }
  }
}

/// Makes the errors of one file.
struct SQLErrors: Sendable {
  let file: String

  func error(_ message: String, line: Int, column: Int) -> StoreError {
    StoreError(.invalidMigration, "\(file):\(line):\(column): \(message)")
  }

  func error(_ message: String, at token: SQLToken) -> StoreError {
    error(message, line: token.line, column: token.column)
  }
}

/// The words that Postgres takes as names only when they are quoted.
///
/// Source: PostgreSQL 15, pg_get_keywords(), categories R and T.
enum SQLKeywords {
  static let reserved = words(
    """
    all analyse analyze and any array as asc asymmetric both case cast check collate column
    constraint create current_catalog current_date current_role current_time current_timestamp
    current_user default deferrable desc distinct do else end except false fetch for foreign from
    grant group having in initially intersect into lateral leading limit localtime localtimestamp
    not null offset on only or order placing primary references returning select session_user some
    symmetric table then to trailing true union unique user using variadic when where window with
    """)

  /// Words that may name a function or type but neither a table nor a column.
  static let functionsOnly = words(
    """
    authorization binary collation concurrently cross current_schema freeze full ilike inner is
    isnull join left like natural notnull outer overlaps right similar tablesample verbose
    """)

  private static func words(_ text: String) -> Set<String> {
    Set(text.split { $0 == " " || $0 == "\n" }.map(String.init))
  }
}
