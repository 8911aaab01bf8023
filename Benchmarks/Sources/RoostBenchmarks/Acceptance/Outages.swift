import Foundation
import PostgresClient
import Roost
import RoostBench
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems
import RoostTesting
import Synchronization

/// Postgres falls silent, ends, crashes and gives way to its standby under load: what each policy
/// makes of it, and whether what was acknowledged is there.
struct Outages {
  /// What a URL asks for.
  private struct Policy {
    var name: String
    var parameters = ""
    var readsStandby = false
    /// Whether rows of the server are not seen meanwhile, as the policy says itself.
    var beginsEmpty = false
  }

  /// What happens, and how it ends.
  private enum Outage: String, CaseIterable {
    case paused, stopped, crashed, promoted
  }

  private static let policies = [
    Policy(name: "none"),
    Policy(name: "retry=4"),
    Policy(name: "timeout=1500"),
    Policy(name: "breaker=3&timeout=1500"),
    Policy(name: "cache=1000&timeout=1500"),
    Policy(name: "fallback=read-only&timeout=1500"),
    Policy(name: "fallback=memory&timeout=1500", beginsEmpty: true),
    Policy(name: "replicas, timeout=1500", readsStandby: true),
    Policy(name: "write_behind"),
  ]

  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws {
    var figures = Table([
      "policy", "Postgres", "written meanwhile", "read", "failed", "longest ms",
      "writes again after ms", "ready after ms", "stale",
    ])
    var sums = Table(["policy", "acknowledged", "handed back", "lost"])
    var broken: [String] = []
    for policy in Self.policies {
      let isKept = try await run(policy, &figures, &sums)
      if !isKept { broken.append(policy.name) }
    }
    print(
      "Four writers and two readers; paused for 12 s, stopped for 3 s, crashed and started again, "
        + "crashed and its standby promoted\n")
    print(figures)
    print("")
    print(sums)
    guard broken.isEmpty else {
      throw Failure("these did not keep their promise: \(broken.joined(separator: ", "))")
    }
  }

  /// Puts a policy through all outages.
  /// - Returns: whether what it promises held.
  private func run(
    _ policy: Policy, _ figures: inout Table, _ sums: inout Table
  ) async throws -> Bool {
    let scratch = try ScratchFolder()
    defer { scratch.remove() }
    let folder = scratch.path + "/behind"
    let primary = try await ThrowawayPostgres.start(
      .trust, isDurable: true, settings: ["synchronous_commit": "on"])
    defer { primary.stop() }
    let database = try await primary.createDatabase()
    let standby = try await primary.startStandby()
    defer { standby.stop() }
    let hosts = "127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)"
    let url =
      "postgres://roost@\(hosts)/\(database)?target_session_attrs=read-write&pool_timeout=2"
    let store = try await open(policy, url, folder, standby.url(database: database))
    var load = LedgerLoad(.tasks, WriteLedger())
    // One that begins empty has nothing to remove.
    load.removesOneIn = 0
    let isOver = Atomic(false)
    var acknowledged = 0
    var isKept = true
    async let loaded: Void = load.run(on: store) { isOver.load(ordering: .relaxed) }
    try await Task.sleep(for: .seconds(1))
    acknowledged += load.ledger.takeReport().acknowledged
    for outage in Outage.allCases {
      if outage == .promoted { try await replicateSynchronously(primary) }
      acknowledged += load.ledger.takeReport().acknowledged
      try await strike(outage, primary, standby)
      let meanwhile = load.ledger.takeReport()
      let lifted = ContinuousClock.now
      let ready = try await isBack(store, load.ledger)
      let after = load.ledger.takeReport()
      acknowledged += meanwhile.acknowledged + after.acknowledged
      let stale = meanwhile.faults.count + after.faults.count
      if stale > 0, !policy.beginsEmpty { isKept = false }
      let failed = meanwhile.failures.merging(after.failures, uniquingKeysWith: +)
        .sorted { $0.value > $1.value }.map { "\($0.value) \($0.key)" }
      func milliseconds(_ duration: Duration?) -> String {
        duration.map { ($0 / .milliseconds(1)).text(digits: 0) } ?? "never"
      }
      figures.add([
        policy.name, outage.rawValue, "\(meanwhile.acknowledged)", "\(meanwhile.reads)",
        failed.isEmpty ? "0" : failed.joined(separator: ", "),
        milliseconds(max(meanwhile.longest, after.longest)),
        milliseconds(after.first.map { $0 - lifted }), milliseconds(ready.map { $0 - lifted }),
        "\(stale)",
      ])
      if ready == nil { isKept = false }
    }
    isOver.store(true, ordering: .relaxed)
    await loaded
    acknowledged += load.ledger.takeReport().acknowledged
    let handedBack = store.takeLeftBehind()
    await store.close()
    let plain = try await open(Policy(name: "none"), url, folder, "")
    let lost = try await load.ledger.faults(in: plain, load.rows).count { fault in
      !handedBack.contains { $0.row.contains("\"own-\(fault.key)\"") }
    }
    await plain.close()
    sums.add([policy.name, "\(acknowledged)", "\(handedBack.count)", "\(lost)"])
    return isKept && lost == 0
  }

  private func open(
    _ policy: Policy, _ url: String, _ folder: String, _ standby: String
  ) async throws -> Store {
    let parameters =
      switch policy.name {
      case "none": ""
      case "write_behind": "&write_behind=\(folder.replacing("/", with: "%2F"))"
      case _ where policy.readsStandby: "&timeout=1500"
      default: "&" + policy.name
      }
    let replicas = policy.readsStandby ? ["\(standby)?pool_timeout=2&timeout=1500"] : []
    return try await Store.open(
      url + parameters, backends: [.memory, .file, .postgres], migrations: [.coherence],
      replicas: ReplicaOptions(replicas), migrate: .auto, environment: [:])
  }

  /// Returns when the server, or the other one, takes writes again.
  private func strike(
    _ outage: Outage, _ primary: ThrowawayPostgres, _ standby: ThrowawayPostgres
  ) async throws {
    switch outage {
    case .paused:
      try primary.pause()
      try await Task.sleep(for: .seconds(12))
      try primary.resume()
    case .stopped:
      try await primary.halt()
      try await Task.sleep(for: .seconds(3))
      try await primary.restart()
    case .crashed:
      try primary.crash()
      try await primary.restart()
    case .promoted:
      try primary.crash()
      try await Task.sleep(for: .milliseconds(300))
      try await standby.promote()
    }
  }

  /// From now on a commit is acknowledged when the standby has it, too: else it may be lost with
  /// the primary.
  private func replicateSynchronously(_ primary: ThrowawayPostgres) async throws {
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(primary.url(), environment: [:]))
    try await connection.simple("ALTER SYSTEM SET synchronous_standby_names = '*'")
    try await connection.simple("SELECT pg_reload_conf()")
    for _ in 0..<600 {
      let isThere = try await connection.queryOne(
        "SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')", as: Bool.self)
      if isThere { return await connection.close() }
      try await Task.sleep(for: .milliseconds(50))
    }
    await connection.close()
    throw Failure("the standby does not follow")
  }

  /// Waits until writes are acknowledged again and the store is ready, or holds rows that its
  /// program is to take.
  /// - Returns: when it was; nil when it was not in time.
  private func isBack(_ store: Store, _ ledger: WriteLedger) async throws
    -> ContinuousClock.Instant?
  {
    var ready: ContinuousClock.Instant?
    for _ in 0..<6_000 {
      if ready == nil {
        switch await store.health() {
        case .ready: ready = .now
        // Rows are left for the program, or there is no replica any more.
        case .degraded(let reason)
        where reason.contains("were not taken") || reason.contains("replica"):
          ready = .now
        default: break
        }
      }
      if ready != nil, ledger.report.first != nil { break }
      try await Task.sleep(for: .milliseconds(10))
    }
    try await Task.sleep(for: .milliseconds(500))
    return ready
  }
}
