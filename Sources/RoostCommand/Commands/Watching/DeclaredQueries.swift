import Foundation
import Roost
import RoostCore
import RoostMemory
import RoostSystems
import Synchronization

/// The queries that the stores of the compiled-in systems ask, found out by asking them of an empty
/// memory store and listening.
enum DeclaredQueries {
  /// Listens to the calls of a store.
  private final class Listener: StorageLayer {
    private let heard = Mutex<[String: Query]>([:])

    var place: LayerPlace { .tracing }

    /// One query of each form, ordered by it.
    var queries: [Query] {
      heard.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value)
    }

    func run<Result: Sendable>(
      _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
    ) async throws(StoreError) -> Result {
      if var query = call.query, query.filter != nil || query.limit != nil {
        query.lock = nil
        query.columns = nil
        let form = query.shape
        heard.withLock { $0[form] = $0[form] ?? query }
      }
      return try await next()
    }
  }

  /// The queries with a condition or a limit, of all systems.
  static func all() async throws -> [Query] {
    let listener = Listener()
    let store = try await Store.open(
      "memory:", backends: [.memory], migrations: MigrationSet.compiledIn, layers: [listener],
      environment: [:])
    // What the empty store answers, `notFound` for example, does not matter.
    await askCoherence(store)
    await askCompilations(store)
    await askTraceability(store)
    await askLists(store)
    await store.close()
    return listener.queries
  }

  private static func askCoherence(_ store: Store) async {
    let projects = ProjectStore(store)
    _ = try? await projects.find(ecosystem: "debian", name: "libc6")
    _ = try? await projects.search("ssl", limit: 50)
    let tasks = AgentTaskStore(store)
    _ = try? await tasks.list(status: .failed)
    _ = try? await tasks.list(type: .impl)
    _ = try? await tasks.list()
    _ = try? await tasks.attention()
    _ = try? await tasks.claimNext()
    let contributors = ContributorStore(store)
    _ = try? await contributors.find(githubUsername: "ada")
    _ = try? await contributors.find(email: "ada@example.org")
    _ = try? await contributors.list()
    let assets = AssetStore(store)
    _ = try? await assets.list()
    _ = try? await assets.list(type: "code")
    _ = try? await assets.mostCostly(10)
    let contributions = ContributionStore(store)
    _ = try? await contributions.list()
    _ = try? await contributions.list(asset: UUID())
    _ = try? await contributions.list(contributor: UUID())
    _ = try? await contributions.valuation(of: UUID())
  }

  private static func askCompilations(_ store: Store) async {
    _ = try? await CompilationStore(store).list(account: UUID().uuidString.lowercased())
    let mock = MockDataStore(store, fixtures: [])
    let resource = MockResource(
      accountID: UUID().uuidString.lowercased(), source: .predefined("demo"), slug: "users")
    _ = try? await mock.records(of: resource)
  }

  private static func askTraceability(_ store: Store) async {
    let (user, dfid) = (UUID(), "DFID-0")
    let items = ItemStore(store)
    _ = try? await items.find(canonical: "bovine", "ear_tag", "BR0042")
    _ = try? await items.items(contextual: "farm", "lot", "7")
    _ = try? await items.items(hash: "00")
    _ = try? await items.parts(of: dfid)
    _ = try? await items.identifiers(of: dfid)
    let circuits = CircuitStore(store)
    _ = try? await circuits.circuits(of: user)
    _ = try? await circuits.circuits(ownedBy: user)
    _ = try? await circuits.circuits(sharing: dfid)
    _ = try? await circuits.members(of: UUID())
    _ = try? await circuits.operations(on: dfid)
    let users = UserStore(store)
    _ = try? await users.find(username: "ana")
    _ = try? await users.find(email: "ana@example.org")
    _ = try? await APIKeyStore(store).keys(of: user)
    let credits = CreditStore(store)
    _ = try? await credits.balance(of: user)
    _ = try? await credits.transactions(of: user)
  }

  /// Lists of one user, item or time.
  private static func askLists(_ store: Store) async {
    let (user, dfid) = (UUID(), "DFID-0")
    let day = Timestamp.now()
    let events = EventStore(store)
    _ = try? await events.events(of: dfid)
    _ = try? await events.latest(of: dfid)
    _ = try? await events.events(in: day..<day.advanced(byMicroseconds: 1))
    let logs = LogStore(store)
    _ = try? await logs.entries(in: day..<day.advanced(byMicroseconds: 1))
    let notifications = NotificationStore(store)
    _ = try? await notifications.notifications(of: user)
    _ = try? await notifications.unreadCount(of: user)
    let receipts = ReceiptStore(store)
    _ = try? await receipts.receipts(about: dfid)
    _ = try? await receipts.receipts(of: user)
    let mappings = MappingStore(store)
    _ = try? await mappings.mappings(of: dfid)
    _ = try? await mappings.mappings(in: UUID())
    let history = StorageHistoryStore(store)
    _ = try? await history.latest(dfid)
    _ = try? await history.history(of: dfid)
    let lake = DataLakeStore(store)
    _ = try? await lake.entries(status: .pending)
    _ = try? await lake.claimNext(worker: "w")
  }
}
