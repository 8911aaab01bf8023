import Foundation
import PostgresClient
import Roost
import RoostPostgres
import RoostTesting
import Testing

/// What a store's URL may say beside one host, and how `roost ping --settings` shows it.
@Suite(.timeLimit(.minutes(15))) struct PostgresURLTests {
  /// The URL of a server with a host before it that nobody is at.
  private func url(_ server: ThrowawayPostgres) -> String {
    server.url().replacingOccurrences(of: "@127.0.0.1:", with: "@127.0.0.1:1,127.0.0.1:")
  }

  @Test func severalHosts() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    let url =
      url(server)
      + "?target_session_attrs=read-write&pool_max=2&migrate=off&application_name=several"
    for (given, environment) in [(url, [:]), (nil, ["DATABASE_URL": url])] {
      let store = try await Store.open(
        given, backends: [.postgres], migrations: [], environment: environment, log: { _ in })
      #expect(await store.health() == .ready)
      #expect(store.opening.location.contains("127.0.0.1:1,127.0.0.1:\(server.port)"))
      let name = try await store.transaction { transaction in
        try await transaction.postgres { connection in
          try await connection.queryOne("SHOW application_name", as: String.self)
        }
      }
      #expect(name == "several")
      await store.close()
    }
  }

  @Test func noHostIsWhatIsWanted() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    let error = await #expect(throws: StoreError.self) {
      _ = try await Store.open(
        url(server) + "?target_session_attrs=standby", backends: [.postgres], migrations: [],
        environment: [:], log: { _ in })
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("127.0.0.1:1: ") == true)
    #expect(error?.message.contains("target_session_attrs=standby") == true)
    #expect(error?.message.contains("p@ss") == false)
  }

  @Test func settings() throws {
    let settings = try BackendFactory.postgresSettings(
      of: "postgres://u:hunter2@/d?host=a,b&pool_max=3&pool_overflow=1&schema=s&fallback=memory"
        + "&migrate=auto&statement_cache=5&target_session_attrs=primary",
      environment: ["PGPORT": "7", "POSTGRES_POOL_SIZE": "9", "PGAPPNAME": ""])
    let texts = settings.map(\.description)
    for text in [
      "host=a,b", "port=7", "dbname=d", "user=u", "password=***", "target_session_attrs=primary",
      #"options='-c search_path="s"'"#,
    ] {
      #expect(texts.contains(text), "\(texts)")
    }
    #expect(settings.first { $0.keyword == "port" }?.origin == .environment("PGPORT"))
    #expect(!texts.contains { $0.contains("pool") || $0.contains("hunter2") })
    #expect(throws: StoreError.self) {
      _ = try BackendFactory.postgresSettings(of: "postgres://h?colour=red", environment: [:])
    }
  }

  private struct Report: Decodable {
    let ready: Bool
    let backend: String?
    let settings: [String: String]?
    let origins: [String: String]?
  }

  @Test func pingShowsTheSettings() async throws {
    let server = try await ThrowawayPostgres.shared(.scramSHA256)
    let environment = [
      "DATABASE_URL": url(server) + "?pool_max=2", "PGTARGETSESSIONATTRS": "primary",
    ]
    let json = try await RoostProcess.run(
      ["ping", "--settings", "--json"], environment: environment)
    #expect(json.code == 0, "\(json.errors)")
    let report = try JSONDecoder().decode(Report.self, from: Data(json.output.utf8))
    #expect(report.ready)
    #expect(report.settings?["host"] == "127.0.0.1,127.0.0.1")
    #expect(report.settings?["port"] == "1,\(server.port)")
    #expect(report.settings?["password"] == "***")
    #expect(report.settings?["target_session_attrs"] == "primary")
    #expect(report.origins?["target_session_attrs"] == "PGTARGETSESSIONATTRS")
    #expect(report.origins?["host"] == "connection string")
    let text = try await RoostProcess.run(["ping", "--settings"], environment: environment)
    #expect(text.output.contains("password=***  (connection string)\n"))
    #expect(text.output.contains("ready after"))
    for outcome in [json, text] { #expect(!(outcome.output + outcome.errors).contains("p@ss")) }
  }

  /// The settings are shown above all when they lead nowhere.
  @Test func pingShowsTheSettingsOfWhatCannotBeReached() async throws {
    let url = "postgres://u:hunter2@127.0.0.1:1/d"
    let outcome = try await RoostProcess.run(["ping", "--settings", "--json", "--url", url])
    #expect(outcome.code == 1)
    let report = try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
    #expect(!report.ready)
    #expect(report.settings?["port"] == "1")
    #expect(!(outcome.output + outcome.errors).contains("hunter2"))
    let text = try await RoostProcess.run(["ping", "--settings", "--url", url])
    #expect(text.output.contains("port=1  (connection string)\n"))
    let memory = try await RoostProcess.run(["ping", "--settings", "--url", "memory:"])
    #expect(memory.code == 2)
    #expect(memory.errors.contains("--settings"))
  }
}
