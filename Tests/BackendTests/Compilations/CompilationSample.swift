import Roost
import RoostSystems

/// Accounts and compilations for the tests.
enum CompilationSample {
  static let account = "11111111-1111-4111-8111-111111111111"
  static let other = "22222222-2222-4222-8222-222222222222"
  static let hash = String(repeating: "0123456789abcdef", count: 4)

  static func compilation(
    _ id: String = Compilation.newID(), account: String = account, name: String? = "shop",
    specs: JSON = ["openapi": "3.1.0", "paths": [:]]
  ) -> Compilation {
    Compilation(
      id: id, accountID: account, name: name, specs: specs,
      apiIR: ["resources": ["users", 1.50]], openAPICanonicalHash: hash,
      resourceNames: ["User"], resourceSlugs: ["users"])
  }

  /// Opens a store of its own with the compilations' tables, and closes it.
  static func withStore(
    _ backend: TestBackend, _ body: (Store) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let store = try await TestBackend.open(
      try await backend.freshURL(in: folder), [.compilations])
    do {
      try await body(store)
    } catch {
      await store.close()
      throw error
    }
    await store.close()
  }
}
