import Roost
import RoostSystems
import RoostTesting
import Testing

/// The URL parameter `schema`: stores of their own in one database.
@Suite struct SchemaParameterTests {
  /// The trigram indexes of the second need the extension that the first has installed elsewhere.
  @Test func storesInTwoSchemasAreApart() async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let url = server.url(database: try await server.createDatabase())
    let parameter = url.contains("?") ? "&schema=" : "?schema="
    let stores = try await [
      TestBackend.open(url, [.coherence]),
      TestBackend.open(url + parameter + "se\"cond", [.coherence]),
    ]
    for (index, store) in stores.enumerated() {
      #expect(store.opening.migrated.first == "coherence/V001__create_projects.sql")
      try await ProjectStore(store).upsert(Project(ecosystem: "debian", name: "in-\(index)"))
    }
    for (index, store) in stores.enumerated() {
      #expect(try await ProjectStore(store).search("in-").map(\.name) == ["in-\(index)"])
      await store.close()
    }
  }
}
