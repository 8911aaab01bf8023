import Foundation
import RoostTesting
import Testing

@Suite struct ThrowawayPostgresTests {
  @Test(arguments: ThrowawayPostgres.Authentication.allCases)
  func starts(_ authentication: ThrowawayPostgres.Authentication) async throws {
    let server = try await ThrowawayPostgres.shared(authentication)
    let socket = "\(server.folder)/.s.PGSQL.\(server.port)"
    #expect(FileManager.default.fileExists(atPath: socket))
    #expect(socket.utf8.count <= 107)
  }
}
