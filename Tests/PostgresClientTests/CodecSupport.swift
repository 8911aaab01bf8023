import PostgresClient
import RoostTesting
import Testing

/// A connection to the shared server whose time zone is UTC, so that the server's texts are those
/// that the values have.
enum CodecServer {
  static func connect(database: String = "postgres") async throws -> PostgresConnection {
    let server = try await ThrowawayPostgres.shared(.trust)
    var configuration = try PostgresConfiguration(
      server.url(database: database, tcp: false), environment: [:])
    configuration.runtimeParameters["TimeZone"] = "UTC"
    return try await PostgresConnection.connect(configuration)
  }

  /// A database of the test's own; the others' types are not in it.
  static func connectToOwnDatabase() async throws -> PostgresConnection {
    let server = try await ThrowawayPostgres.shared(.trust)
    return try await connect(database: try await server.createDatabase())
  }
}

extension PostgresConnection {
  /// Has the server make a table of these literals, and checks of each value that
  /// - the binary form is read, and shown as the server shows it;
  /// - as a parameter it comes back as the same value, text and all;
  /// - the text form is read as the same value.
  func checkRoundTrips<T: PostgresCodable & PostgresTextRepresentable & Equatable>(
    _ swiftType: T.Type, _ type: String, _ literals: [String], comparing: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await simple(
      "DROP TABLE IF EXISTS codec_values; CREATE TEMP TABLE codec_values (id int, v \(type))")
    for (index, literal) in literals.enumerated() {
      try await simple("INSERT INTO codec_values VALUES (\(index), \(literal)::\(type))")
    }
    let rows = try await query(
      "SELECT v, format('%s', v) FROM codec_values ORDER BY id", as: (T, String).self)
    #expect(rows.count == literals.count, sourceLocation: sourceLocation)
    let texts = try await simple("SELECT v FROM codec_values ORDER BY id")[0].decode(as: T.self)
    for (index, (value, text)) in rows.enumerated() {
      if comparing == nil { #expect(value.postgresText == text, sourceLocation: sourceLocation) }
      #expect(texts[index] == value, "\(text)", sourceLocation: sourceLocation)
      let compared: PostgresQuery =
        """
        SELECT format('%s', \(value)::\(unsafeSQL: type)), \(value)::\(unsafeSQL: type)
        FROM codec_values WHERE id = \(index)
        """
      let (shown, back) = try await queryOne(compared, as: (String, T).self)
      #expect(shown == text, sourceLocation: sourceLocation)
      #expect(back == value, "\(text)", sourceLocation: sourceLocation)
    }
  }
}
