import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Testing

/// A store with routes behaves as one without: the conformance suite, with everything in the main
/// place, and with those tables elsewhere that no foreign key, trigger or transaction of a case
/// connects with others.
@Suite(.serialized, .timeLimit(.minutes(15))) struct RoutedConformanceTests {
  private func conforms(
    routes: [Route], _ url: () async throws -> String
  ) async throws {
    let failures = try await ConformanceSuite.run {
      try await Store.open(
        try await url(), backends: [.memory, .file, .postgres],
        migrations: [ConformanceSuite.migrations], routes: routes, migrate: .auto,
        environment: [:])
    }.map(\.description)
    #expect(failures == [], "\(failures.joined(separator: "\n"))")
  }

  /// The route has no table, but its place takes part in opening, health and closing.
  @Test(arguments: TestBackend.allCases)
  func everythingInTheMainPlace(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let shared = try await backend.freshURL(in: folder)
    try await conforms(routes: [Route([], to: "memory:")]) {
      // A database is emptied by each case; a file store would grow from case to case.
      backend == .postgres ? shared : try await backend.freshURL(in: folder)
    }
  }

  @Test func apartInMemory() async throws {
    let routes = [
      Route(["accounts"], to: "memory:"), Route(["rankings", "samples"], to: "memory:"),
    ]
    try await conforms(routes: routes) { "memory:" }
  }

  @Test func apartInMemoryFileAndPostgres() async throws {
    let folder = try TemporaryFolder()
    let url = try await TestBackend.postgres.freshURL(in: folder)
    let file = try await TestBackend.file.freshURL(in: folder)
    let routes = [Route(["accounts"], to: file), Route(["rankings", "samples"], to: "memory:")]
    try await conforms(routes: routes) { url }
  }
}
