import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// What an operator sees and gets when a store comes up, with a server and without.
@Suite(.timeLimit(.minutes(15))) struct FallbackTests {
  private let log = LogCollector()

  private func open(
    _ url: String, backends: [BackendFactory] = [.memory, .postgres],
    _ environment: [String: String] = [:]
  ) async throws -> Store {
    try await Store.open(
      url, backends: backends, migrations: [Note.migrations], migrate: .auto,
      environment: environment, log: { log.add($0) })
  }

  private func failure(_ url: String, _ environment: [String: String] = [:]) async -> StoreError? {
    await #expect(throws: StoreError.self) { _ = try await open(url, environment) }
  }

  /// Nothing listens on port 1, which is reserved.
  private static let nowhere = "postgres://me:hunter2@127.0.0.1:1/app"

  @Test(arguments: ["", "?fallback=none"])
  func noFallback(_ parameter: String) async {
    let error = await failure(Self.nowhere + parameter)
    #expect(error?.code == .unavailable)
    #expect(error?.isRetryable == true)
    #expect(log.warnings == [])
    #expect(!"\(String(describing: error))".contains("hunter2"))
  }

  @Test func memoryInstead() async throws {
    let store = try await open(Self.nowhere + "?fallback=memory&migrate=check")
    #expect(store.opening.location == "postgres://me@127.0.0.1:1/app")
    #expect(store.opening.degradation?.hasPrefix("in memory only") == true)
    #expect(store.opening.migrated == ["notes/V001__notes.sql"], "an empty memory has no table yet")
    try await store.insert(Note(id: 1, text: "x"))
    guard case .degraded(let reason) = await store.health() else {
      Issue.record("the health hides that the server is away")
      return
    }
    #expect(reason.hasPrefix("in memory only, in place of postgres://me@127.0.0.1:1/app: "))
    #expect(log.warnings.count == 1)
    #expect(log.warnings.first?.contains("records are kept in memory only") == true)
    #expect(log.messages.first == "connecting to postgres://me@127.0.0.1:1/app")
    #expect(!log.messages.joined().contains("hunter2"))
    await store.close()
    guard case .unavailable = await store.health() else {
      Issue.record("a closed store is not available")
      return
    }
  }

  @Test func onlyForWhatCannotBeReached() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    let url = "postgres://\(server.user):wrong@127.0.0.1:\(server.port)/postgres"
    #expect(await failure(url + "?fallback=memory")?.code == .accessDenied)
    #expect(await failure(Self.nowhere + "?fallback=maybe")?.code == .invalidConfiguration)
    #expect(
      await failure(Self.nowhere + "?fallback=memory&what=1")?.code == .invalidConfiguration)
    let error = await #expect(throws: StoreError.self) {
      _ = try await open(Self.nowhere + "?fallback=memory", backends: [.postgres])
    }
    #expect(error?.code == .invalidConfiguration)
    #expect(log.warnings == [])
  }

  @Test func linesOfANormalStart() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    let store = try await open(url + "?fallback=memory")
    #expect(await store.health() == .ready)
    let place = store.opening.location
    await store.close()
    #expect(
      log.messages == [
        "connecting to \(place)", "connected to \(place)", "migrated 1: notes/V001__notes.sql",
        "opened \(place)",
      ])
  }

  @Test func poolVariables() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    /// Whether a second connection is to be had while a transaction holds one.
    func hasSecond(_ url: String, _ environment: [String: String]) async throws -> Bool {
      let store = try await open(url, environment)
      let other = try await open(url)
      let result = try await store.transaction { _ in
        // A task of its own: a store inside its own transaction is refused.
        await Task.detached { (try? await store.select(Note.self).count()) != nil }.value
      }
      await store.close()
      await other.close()
      return result
    }
    let one = ["POSTGRES_POOL_SIZE": "1"]
    #expect(try await !hasSecond(url + "?pool_timeout=5", one))
    #expect(try await hasSecond(url + "?pool_max=2", one), "the URL beats the variable")
    #expect(
      try await hasSecond(url, ["POSTGRES_POOL_SIZE": "1", "POSTGRES_MAX_OVERFLOW": "1"]))
    let wrong = await failure(url, ["POSTGRES_POOL_SIZE": "many"])
    #expect(wrong?.code == .invalidConfiguration)
    #expect(wrong?.message.contains("POSTGRES_POOL_SIZE=many") == true)
    #expect(await failure(url, ["POSTGRES_POOL_SIZE": "0"])?.code == .invalidConfiguration)
    #expect(await failure(url, ["POSTGRES_MAX_OVERFLOW": "-1"])?.code == .invalidConfiguration)
  }
}
