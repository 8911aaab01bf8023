import Foundation
import Roost
import RoostSystems
import Testing

/// What is stored is there when the store is opened again, engine by engine.
@Suite(.timeLimit(.minutes(15))) struct TraceabilityRestartTests {
  private func open(_ url: String, _ body: (Store) async throws -> Void) async throws {
    let store = try await TestBackend.open(url, [.traceability])
    try await body(store)
    await store.close()
  }

  @Test(arguments: [TestBackend.file, .postgres])
  func everyEngine(_ backend: TestBackend) async throws {
    let folder = try TemporaryFolder()
    let url = try await backend.freshURL(in: folder)
    let user = UUID()
    let hashing = PasswordHashing(iterations: 10)
    let password = Password("correct horse")
    var before: [String: [[Value]]] = [:]
    var (circuit, operation, key) = (UUID(), UUID(), "")
    let draft = ItemDraft(
      identifiers: [.canonical("bovine", "ear_tag", "1")], data: ["weight": 410])

    try await open(url) { store in
      try await ItemStore(store).create(draft)
      let circuits = CircuitStore(store)
      circuit = try await circuits.create(name: "Coffee", owner: user).circuitID
      try await circuits.add(UUID(), to: circuit, as: .viewer, permissions: [.pull], by: user)
      try await circuits.share("DFID-shared", in: circuit, by: user)
      operation = try await circuits.push(draft.dfid, to: circuit, by: user).operationID
      try await circuits.approve(operation, by: user)
      try await UserStore(store, hashing: hashing)
        .register(username: "ana", email: "a@b", password: password)
      let adapters = AdapterStore(store)
      try await adapters.setDefault(try await adapters.add(name: "s3", type: .s3).configID)
      try await StorageHistoryStore(store).append(
        dfid: draft.dfid, contentID: "bafy", adapter: .ipfs, location: "x", by: user)
      _ = try await MappingStore(store).getOrCreate("cow-1", in: user, dfid: draft.dfid)
      try await ReceiptStore(store).issue(for: [1, 2, 3], from: user)
      try await LogStore(store).append(.warning, "low", engine: "credits")
      try await DataLakeStore(store).submit(["raw": true], from: user)
      try await EventStore(store).record(.created, of: draft.dfid, source: "farm")
      try await NotificationStore(store).notify([user], .system, title: "Welcome")
      key = try await APIKeyStore(store).create(for: user, name: "k").secret.reveal()
      try await CreditStore(store).credit(10, to: user, reason: "grant", idempotencyKey: "g")
      before = try await everything(store)
    }

    try await open(url) { store in
      #expect(store.opening.migrated == [])
      #expect(try await everything(store) == before)
      for table in SampleRows.tables {
        #expect(before[table]?.isEmpty == false, "the test stores a row of each table: \(table)")
      }
      let items = ItemStore(store)
      #expect(try await items.find(canonical: "bovine", "ear_tag", "1")?.dfid == draft.dfid)
      let completed = try await CircuitStore(store).complete(operation, by: user)
      #expect(completed.status == .completed)
      let users = UserStore(store, hashing: hashing)
      #expect(try await users.signIn(username: "ANA", password: password) != nil)
      #expect(try await APIKeyStore(store).authenticate(key)?.userID == user)
      #expect(try await AdapterStore(store).defaultAdapter()?.name == "s3")
      #expect(try await DataLakeStore(store).claimNext(worker: "w")?.payload == ["raw": true])
      let credits = CreditStore(store)
      try await credits.credit(10, to: user, reason: "grant", idempotencyKey: "g")
      let debit = try await credits.debit(4, from: user, reason: "pull")
      #expect(debit.balanceAfter == 6, "the grant counts once")
      #expect(try await credits.transactions(of: user).records.first == debit)
      #expect(try await credits.isBalanced(user))
    }
  }

  private func everything(_ store: Store) async throws -> [String: [[Value]]] {
    var rows: [String: [[Value]]] = [:]
    for table in SampleRows.tables {
      rows[table] = try await store.backend.query(Query(table: table))
    }
    return rows
  }
}
