import Foundation
import Roost
import RoostSystems
import Synchronization
import Testing

/// API keys: shown once, kept hashed, ended by time or by hand.
@Suite(.timeLimit(.minutes(15))) struct APIKeyStoreTests {
  private final class Clock: Sendable {
    private let time = Mutex(Timestamp(microsecondsSince2000: 800_000_000_000_000))

    var now: Timestamp { time.withLock { $0 } }

    func advance(seconds: Int64) {
      time.withLock { $0 = $0.advanced(byMicroseconds: seconds * 1_000_000) }
    }
  }

  @Test(arguments: TestBackend.allCases)
  func keys(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let clock = Clock()
      let keys = APIKeyStore(store, now: { clock.now })
      let user = UUID()
      let issued = try await keys.create(for: user, name: "sensor", scopes: ["items:read"])
      let text = issued.secret.reveal()
      #expect(text.wholeMatch(of: /rk_[0-9a-f]{13}\.[A-Za-z0-9_\-]{43}/) != nil, "32 bytes")
      let found = try #require(try await keys.authenticate(text))
      #expect(found.keyID == issued.key.keyID && found.scopes == ["items:read"])
      #expect(found.lastUsedAt == clock.now)
      let noted = clock.now
      clock.advance(seconds: 30)
      #expect(try await keys.authenticate(text)?.lastUsedAt == noted, "at most once a minute")
      clock.advance(seconds: 31)
      #expect(try await keys.authenticate(text)?.lastUsedAt == clock.now)
      #expect(try await keys.keys(of: user).map(\.lastUsedAt) == [clock.now])

      let second = try await keys.create(
        for: user, name: "trial", expiresAt: clock.now.advanced(byMicroseconds: 1_000_000))
      let trial = second.secret.reveal()
      #expect(try await keys.authenticate(trial)?.keyID == second.key.keyID)
      let prefix = issued.key.prefix
      let wrong = [
        "", ".", "rk_", prefix, "\(prefix).", "\(text)x", String(text.dropLast()),
        "\(prefix).\(trial.dropFirst(17))", "rk_0000000000000.\(text.dropFirst(17))",
        "\u{0}", "rk_\u{0}.x", text.uppercased(),
      ]
      for key in wrong { #expect(try await keys.authenticate(key) == nil, "\(key)") }
      clock.advance(seconds: 1)
      #expect(try await keys.authenticate(trial) == nil, "ended")

      let stranger = await Traceability.outcome {
        try await keys.revoke(issued.key.keyID, by: UUID())
      }
      #expect(stranger == "forbidden")
      #expect(try await keys.authenticate(text) != nil)
      let revoked = try await keys.revoke(issued.key.keyID, by: user)
      #expect(revoked.revokedAt == clock.now)
      #expect(try await keys.authenticate(text) == nil)
      clock.advance(seconds: 5)
      #expect(try await keys.revoke(issued.key.keyID, by: user).revokedAt == revoked.revokedAt)
      #expect(
        await Traceability.outcome { try await keys.revoke(UUID(), by: user) } == "notFound")
      #expect(try await keys.keys(of: user).map(\.name) == ["trial", "sensor"], "newest first")
      let past = await Traceability.outcome {
        _ = try await keys.create(for: user, name: "past", expiresAt: clock.now)
      }
      #expect(past == "checkViolation api_keys_expires_after_creation")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func nothingLeaks(_ backend: TestBackend) async throws {
    try await Traceability.withStore(backend) { store in
      let keys = APIKeyStore(store)
      let issued = try await keys.create(for: UUID(), name: "sensor")
      let secret = String(issued.secret.reveal().dropFirst(17))
      let rows = try await store.backend.query(Query(table: "api_keys"))
      let hash = try #require(rows.first?.compactMap { String(value: $0) }.first { $0.count == 64 })
      var dumped = ""
      dump(issued, to: &dumped)
      let json = String(decoding: try JSONEncoder().encode(issued.key), as: UTF8.self)
      #expect(dumped.contains(issued.key.prefix) && json.contains(issued.key.prefix))
      for text in [dumped, "\(issued)", String(reflecting: issued), "\(issued.secret)", json] {
        #expect(!text.contains(secret) && !text.contains(hash))
      }
      #expect(!"\(rows)".contains(secret), "the secret is not stored")
    }
  }
}
