import Foundation
import Roost
import RoostCore
import RoostSystems

/// What each of the three systems does all day, through its own stores.
///
/// Each worker has an account, items or tasks of its own, so that all of them see the same however
/// they interleave.
public enum SystemWorkload: String, Sendable, CaseIterable {
  /// Compilations are stored, read, listed and compared.
  case compilations
  /// Items get identifiers, events and credits.
  case traceability
  /// Tasks are created, claimed and completed; contributions are recorded and valued.
  case coherence

  var title: String {
    switch self {
    case .compilations: "compilations: 6 of 10 read, 3 stored, 1 listed"
    case .traceability: "traceability: items, identifiers, events, credits"
    case .coherence: "coherence: tasks created, claimed, completed; contributions valued"
    }
  }

  var migrations: MigrationSet {
    switch self {
    case .compilations: .compilations
    case .traceability: .traceability
    case .coherence: .coherence
    }
  }

  /// What a worker does next: the number of the operation, counted by each worker for itself.
  private struct Turn: Sendable {
    var worker: Int
    var number: Int
  }

  func run(on store: Store, _ scale: Scale) async throws -> Measurement {
    let workers = max(1, scale.workers)
    let turns = (0..<workers).map { worker in
      (0..<(scale.operations / workers)).map { Turn(worker: worker, number: $0) }
    }
    switch self {
    case .compilations:
      let work = try await CompilationsWork(store, workers)
      return try await Workers.run(turns, shouldStop: scale.shouldStop) {
        try await work.run($0.worker, $0.number)
      }
    case .traceability:
      let work = try await TraceabilityWork(store, workers)
      return try await Workers.run(turns, shouldStop: scale.shouldStop) {
        try await work.run($0.worker, $0.number)
      }
    case .coherence:
      let work = try await CoherenceWork(store, workers)
      return try await Workers.run(turns, shouldStop: scale.shouldStop) {
        try await work.run($0.worker, $0.number)
      }
    }
  }
}

/// Compilations of an account for each worker.
private struct CompilationsWork {
  /// How many compilations an account has.
  private static let perAccount = 200

  private let store: CompilationStore

  init(_ store: Store, _ workers: Int) async throws {
    self.store = CompilationStore(store)
    for worker in 0..<workers {
      for number in 0..<Self.perAccount {
        try await self.store.put(Self.compilation(worker, number, revision: 0))
      }
    }
  }

  private static func account(_ worker: Int) -> String { "account-\(worker)" }

  private static func id(_ worker: Int, _ number: Int) -> String {
    let digits = String(worker * perAccount + number, radix: 16)
    return String(repeating: "0", count: 12 - digits.count) + digits
  }

  private static func compilation(
    _ worker: Int, _ number: Int, revision: Int
  ) -> Compilation {
    let document = BenchDocument(number, revision: revision).document
    return Compilation(
      id: id(worker, number), accountID: account(worker), name: "compilation \(number)",
      specs: ["openapi": "3.1.0", "revision": .number(Numeric(Int64(revision)))],
      apiIR: document, openAPICanonicalHash: String(repeating: "0a", count: 32),
      resourceNames: ["orders", "customers"], resourceSlugs: ["orders", "customers"])
  }

  func run(_ worker: Int, _ turn: Int) async throws -> Double {
    let number = turn * 7 % Self.perAccount
    let account = Self.account(worker)
    switch turn % 10 {
    case 0..<5:
      let found = try await store.get(Self.id(worker, number), account: account)
      return Double(found.apiIR["size"]?.int64 ?? 0)
    case 5: return try await store.has(Self.id(worker, number)) ? 1 : 0
    case 6, 7:
      let stored = try await store.put(Self.compilation(worker, number, revision: turn))
      return Double(stored.apiIR["number"]?.int64 ?? 0)
    case 8:
      let stored = try await store.put(Self.compilation(worker, number, revision: turn)) {
        ["from": $0.specs["revision"] ?? .null]
      }
      return stored.diffFromPrevious == nil ? 0 : 1
    default:
      return Double(try await store.list(account: account, size: 20).records.count)
    }
  }
}

/// Items and credits of each worker.
private struct TraceabilityWork {
  private let items: ItemStore
  private let events: EventStore
  private let credits: CreditStore

  init(_ store: Store, _ workers: Int) async throws {
    (items, events, credits) = (ItemStore(store), EventStore(store), CreditStore(store))
    for worker in 0..<workers {
      try await credits.credit(1_000_000, to: Self.user(worker), reason: "to begin with")
    }
  }

  private static func user(_ worker: Int) -> UUID {
    var generator = SeededGenerator(seed: UInt64(worker))
    let (high, low) = (generator.next(), generator.next())
    let bytes = [high, low].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return UUID(
      uuid: (
        bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8],
        bytes[9], bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]
      ))
  }

  func run(_ worker: Int, _ turn: Int) async throws -> Double {
    // Ten turns make an item's life, from 0 on.
    let number = turn / 10
    let dfid = "DFID-W\(worker)N\(number)"
    let tag = "\(worker)-\(number)"
    switch turn % 10 {
    case 0:
      let draft = ItemDraft(
        dfid: dfid,
        identifiers: [
          .canonical("bovine", "ear_tag", tag),
          .contextual("season", "lot", "\(worker)-\(number % 50)"),
        ], data: ["weight_kg": 412, "breed": "angus"])
      return Double(try await items.create(draft).dfid.utf8.count)
    case 1: return Double(try await items.get(dfid).itemHash.utf8.count)
    case 2:
      let found = try await items.find(canonical: "bovine", "ear_tag", tag)
      return Double(found?.dfid.utf8.count ?? 0)
    case 3:
      try await events.record(.inspected, of: dfid, source: "gate", payload: ["weight_kg": 415])
      return 1
    case 4: return Double(try await items.enrich(dfid, with: ["age": 30]).dfid.utf8.count)
    case 5: return Double(try await events.events(of: dfid).records.count)
    case 6:
      try await credits.debit(1, from: Self.user(worker), reason: "storage", reference: dfid)
      return 1
    case 7: return try await credits.balance(of: Self.user(worker)) > .zero ? 1 : 0
    case 8: return Double(try await items.identifiers(of: dfid).count)
    default:
      let page = try await items.items(status: .active, size: 10)
      return page.records.isEmpty ? 0 : 1
    }
  }
}

/// Tasks, and an asset for each worker.
private struct CoherenceWork {
  private let tasks: AgentTaskStore
  private let contributions: ContributionStore
  private let assetStore: AssetStore
  private let contributor: UUID
  private let assets: [UUID]

  init(_ store: Store, _ workers: Int) async throws {
    (tasks, contributions) = (AgentTaskStore(store), ContributionStore(store))
    assetStore = AssetStore(store)
    contributor = try Self.key(
      try await ContributorStore(store).create(Contributor(name: "Ada")).id)
    var assets: [UUID] = []
    for worker in 0..<workers {
      assets.append(
        try Self.key(
          try await assetStore.create(Asset(name: "asset \(worker)", assetType: "api")).id))
    }
    self.assets = assets
  }

  private static func key(_ id: UUID?) throws -> UUID {
    guard let id else { throw StoreError(.internal, "a stored record has no key") }
    return id
  }

  func run(_ worker: Int, _ turn: Int) async throws -> Double {
    // A task is created in one turn and claimed in a later one, perhaps by another worker: as many
    // are created as are claimed, so there is always one.
    let id = "task-\(worker)-\(turn / 10)"
    switch turn % 10 {
    case 0:
      let task = AgentTask(
        "describe part \(turn / 10)", type: .impl, model: "model-1", command: "build", id: id,
        context: ["part": 1])
      return Double(try await tasks.create(task).direction.utf8.count)
    case 1, 5: return Double(try await tasks.find(id)?.command.utf8.count ?? 0)
    case 2:
      guard let claimed = try await tasks.claimNext()?.id else { return 0 }
      try await tasks.progress(claimed, percent: 50, step: "half")
      return Double(try await tasks.complete(claimed, output: "done").progressPct ?? 0)
    case 3, 7:
      let contribution = Contribution(
        by: contributor, to: assets[worker], cost: 10, coherence: 1)
      return try await contributions.record(contribution).id == nil ? 0 : 1
    case 4: return try await tasks.list(status: .completed, size: 20).records.isEmpty ? 0 : 1
    case 6: return Double(try await contributions.valuation(of: assets[worker]).contributors.count)
    case 8: return Double(try await tasks.attention(size: 20).records.count)
    default: return try await assetStore.find(assets[worker])?.totalCost == nil ? 0 : 1
    }
  }
}
