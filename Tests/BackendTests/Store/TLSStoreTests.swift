import Foundation
import PostgresClient
import Roost
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// A store over TLS is a store.
@Suite(
  .enabled("needs a server with TLS") { try await ServerFeature.tls.isThere },
  .timeLimit(.minutes(15)))
struct TLSStoreTests {
  private func open(_ url: String) async throws -> Store {
    try await Store.open(
      url, backends: [.memory, .postgres], migrations: [Note.migrations], migrate: .auto,
      environment: [:])
  }

  @Test func aStore() async throws {
    let server = try await ThrowawayPostgres.sharedWithTLS()
    let root = server.certificates.path("root.crt")
    let url = server.url(database: try await server.createDatabase())
    let parameters = "?sslmode=verify-full&sslrootcert=\(root)&channel_binding=require"
    let store = try await open(url + parameters)
    try await store.insert(Note(id: 1, text: "x"))
    let isEncrypted = try await store.transaction { transaction in
      try await transaction.postgres { connection in
        #expect(connection.encryption != nil)
        return try await connection.queryOne(
          "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", as: Bool.self)
      }
    }
    #expect(isEncrypted)
    await store.close()
  }

  /// A certificate that is not to be believed is nothing that a store in memory could stand in for.
  @Test func noFallback() async throws {
    let server = try await ThrowawayPostgres.sharedWithTLS()
    let other = server.certificates.path("other.crt")
    let error = await #expect(throws: StoreError.self) {
      _ = try await open(
        server.url() + "?sslmode=verify-full&sslrootcert=\(other)&fallback=memory")
    }
    #expect(error?.code == .accessDenied)
    #expect(error?.message.contains("certificate verify failed") == true)
  }

  /// `sslrootcert=system` asks OpenSSL's own places, which its variable moves.
  @Test func theSystemsRoots() async throws {
    let server = try await ThrowawayPostgres.sharedWithTLS()
    let url =
      server.url().replacingOccurrences(of: "@127.0.0.1:", with: "@localhost:")
      + "?hostaddr=127.0.0.1&sslrootcert=system"
    let root = server.certificates.path("root.crt")
    let known = try await RoostProcess.run(
      ["ping", "--url", url], environment: ["SSL_CERT_FILE": root])
    #expect(known.code == 0, "\(known.errors)")
    let unknown = try await RoostProcess.run(["ping", "--url", url])
    #expect(unknown.code != 0)
    #expect(unknown.errors.contains("certificate verify failed"), "\(unknown.errors)")
  }
}
