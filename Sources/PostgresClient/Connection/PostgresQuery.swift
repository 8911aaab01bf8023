public import PostgresWire

/// A statement's text with its parameters.
///
/// Written as a string, every interpolated value becomes a parameter (`$1`, ...), never text:
///
///     let query: PostgresQuery = "SELECT name FROM person WHERE id = \(id)"
///
/// `\(identifier:)` quotes a name, and `\(unsafeSQL:)` inserts SQL text as it is.
public struct PostgresQuery: Sendable, ExpressibleByStringInterpolation {
  /// The text, with `$1`, ... for parameters.
  public var sql: String
  /// The parameters.
  public var parameters: PostgresParameters
  /// How long it may take; nil for the configuration's `queryTimeout`.
  public var timeout: Duration?
  /// Why a value could not be encoded; running the query throws it.
  var encodingError: PostgresEncodingError?

  /// A text that is complete, or has `$1`, ... for the parameters.
  public init(
    unsafeSQL sql: String, parameters: PostgresParameters = PostgresParameters(),
    timeout: Duration? = nil
  ) {
    self.sql = sql
    self.parameters = parameters
    self.timeout = timeout
  }

  /// A text without parameters.
  public init(stringLiteral value: String) {
    self.init(unsafeSQL: value)
  }

  /// A text with parameters.
  public init(stringInterpolation: StringInterpolation) {
    self.init(unsafeSQL: stringInterpolation.sql, parameters: stringInterpolation.parameters)
    encodingError = stringInterpolation.encodingError
  }

  /// The same query with a time limit of its own.
  public func timeout(_ timeout: Duration) -> PostgresQuery {
    var query = self
    query.timeout = timeout
    return query
  }

  /// Collects the text and the parameters of an interpolated string.
  public struct StringInterpolation: StringInterpolationProtocol, Sendable {
    var sql = ""
    var parameters = PostgresParameters()
    var encodingError: PostgresEncodingError?

    /// Begins with nothing.
    public init(literalCapacity: Int, interpolationCount: Int) {
      sql.reserveCapacity(literalCapacity + interpolationCount * 3)
    }

    /// Appends SQL text.
    public mutating func appendLiteral(_ literal: String) {
      sql += literal
    }

    /// Binds a value.
    public mutating func appendInterpolation(_ value: some PostgresEncodable) {
      do throws(PostgresEncodingError) {
        try parameters.append(value)
      } catch {
        encodingError = encodingError ?? error
        return
      }
      sql += "$"
      sql += String(parameters.count)
    }

    /// Inserts SQL text as it is. Never give it what came from outside.
    public mutating func appendInterpolation(unsafeSQL text: String) {
      sql += text
    }

    /// Inserts a name, quoted.
    public mutating func appendInterpolation(identifier name: String) {
      sql += PostgresQuery.quote(identifier: name)
    }

    /// Inserts names, each quoted, with commas.
    public mutating func appendInterpolation(identifiers names: [String]) {
      sql += names.map { PostgresQuery.quote(identifier: $0) }.joined(separator: ", ")
    }
  }

  /// A name in double quotes, with its own doubled.
  public static func quote(identifier name: String) -> String {
    var quoted = "\""
    for scalar in name.unicodeScalars {
      if scalar == "\"" { quoted.unicodeScalars.append(scalar) }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }
}
