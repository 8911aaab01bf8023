import PostgresClient
import RoostCore

/// What not every build of the server has; a test that needs it is enabled where it is there.
package enum ServerFeature: Sendable {
  /// TLS, with OpenSSL.
  case tls
  /// The type `xml`, with libxml.
  case xml
  /// An extension of this name.
  case `extension`(String)
  /// At least this major version.
  case version(Int)

  /// Whether the server that the tests run against has it.
  ///
  /// Throws `ThrowawayPostgresError` when there is no server or it does not start.
  package var isThere: Bool {
    get async throws {
      let server = try await ThrowawayPostgres.shared(.trust)
      let connection = try await PostgresConnection.connect(
        try PostgresConfiguration(server.url(tcp: false), environment: [:]))
      let result = try await isThere(connection)
      await connection.close()
      return result
    }
  }

  private func isThere(_ connection: PostgresConnection) async throws -> Bool {
    switch self {
    case .tls:
      return try await connection.queryOne(
        "SELECT current_setting('ssl_library') <> ''", as: Bool.self)
    case .xml:
      do throws(PostgresError) {
        try await connection.execute("SELECT '<a/>'::xml")
        return true
      } catch {
        guard error.sqlState == .featureNotSupported else { throw error }
        return false
      }
    case .extension(let name):
      return try await connection.queryOne(
        "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = \(name))", as: Bool.self)
    case .version(let version):
      return try await connection.queryOne(
        "SELECT current_setting('server_version_num')::int >= \(version * 10_000)", as: Bool.self)
    }
  }
}
