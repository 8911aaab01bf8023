import Roost
import RoostFile
import RoostMemory
import RoostPostgres

extension Command {
  static let doctor = Command(
    name: "doctor", usage: "",
    summary: "look for what is wrong with the store or its server; exit code 1 when there is "
      + "something", operands: 0...0
  ) { arguments in
    let findings = try await Doctor(arguments: arguments).findings()
      .sorted { ($1.severity, $0.topic) < ($0.severity, $1.topic) }
    if arguments.wantsJSON {
      try Terminal.print(
        json: Diagnosis(backend: "\(try BackendURL(arguments.url))", findings: findings))
    } else {
      for finding in findings {
        let start = Readable.pad(finding.severity.rawValue, 9) + Readable.pad(finding.topic, 15)
        Terminal.print(start + finding.text)
        if let advice = finding.advice {
          Terminal.print(String(repeating: " ", count: start.count) + "-> " + advice)
        }
      }
      if findings.isEmpty { Terminal.print("nothing found") }
    }
    return findings.contains { $0.severity >= .warning } ? .failure : .success
  }

  private struct Diagnosis: Encodable {
    var backend: String
    var findings: [Finding]
  }
}

/// Looks at a store from all sides.
private struct Doctor {
  let arguments: Arguments

  func findings() async throws -> [Finding] {
    switch try arguments.place() {
    case .memory:
      return [Finding(.info, "store", "a memory: store is gone when its process ends")]
    case .file(let path):
      let folder = try FolderFigures(path)
      var findings = folder.findings()
      if try FolderFigures.isLocked(path) {
        findings.append(
          Finding(
            .info, "lock", "another process has the store open, so its rows were not looked at"))
      } else {
        findings += await migrationFindings()
      }
      return findings
    case .server:
      do {
        return try await serverFindings()
      } catch let error as StoreError where error.code != .invalidConfiguration {
        return [
          Finding(
            .error, "connection", error.message,
            advice: "look whether the server runs and the URL is right: roost ping --settings")
        ]
      }
    }
  }

  private func serverFindings() async throws -> [Finding] {
    let findings = try await arguments.withServer { store in
      let limit = Int(await store.metrics.greatest("roost_pool_connection_limit") ?? 0)
      let facts = try await store.postgres { connection in
        var facts = try await ServerFacts.read(connection)
        facts.poolLimit = limit
        return facts
      }
      let plans = try await plans(store, facts)
      var kept = facts
      kept.keep(plans.indexes)
      return kept.findings() + plans.findings
    }
    return findings + (await migrationFindings())
  }

  /// Whether indexes serve what the compiled-in systems ask of the tables that are there.
  private func plans(_ store: Store, _ facts: ServerFacts) async throws -> PlanCheck {
    let records = try await store.appliedMigrations()
    let systems = Set(records.map(\.system))
    let plan = try MigrationPlan(
      MigrationSet.compiledIn.filter { systems.contains($0.system) }, now: .now())
    let (_, schema) = try plan.applied(records)
    let queries = try await DeclaredQueries.all()
    return try await store.postgres { connection in
      try await PlanCheck(queries, schema, facts, connection)
    }
  }

  /// Whether the store's migrations are those that are compiled in, and its tables as they say.
  private func migrationFindings() async -> [Finding] {
    do {
      return try await compareMigrations()
    } catch {
      let text = (error as? StoreError)?.message ?? "\(error)"
      return [Finding(.error, "migrations", text)]
    }
  }

  private func compareMigrations() async throws -> [Finding] {
    let migrator = try await Migrator.open(
      arguments.url, backends: [.file, .postgres], migrations: MigrationSet.compiledIn)
    do {
      let findings = try await findings(of: migrator)
      await migrator.close()
      return findings
    } catch {
      await migrator.close()
      throw error
    }
  }

  private func findings(of migrator: Migrator) async throws -> [Finding] {
    let stored = Set(try await migrator.applied().map(\.system))
    let known = migrator.systems.filter { stored.contains($0) }
    if known.isEmpty {
      return [
        Finding(.info, "migrations", "the store has migrations of no system that is compiled in")
      ]
    }
    let migrator = try migrator.only(known)
    var findings = try await migrator.status().migrations.compactMap { status -> Finding? in
      switch status.state {
      case .applied: nil
      case .pending:
        Finding(.warning, "migrations", "\(status.file) is waiting", advice: "roost migrate")
      case .edited, .missing, .outOfOrder:
        Finding(
          .warning, "migrations", "\(status.file) is \(status.state.rawValue)",
          advice: "roost migrate status")
      }
    }
    do throws(StoreError) {
      findings += try await migrator.verify().drifts.map {
        Finding(.error, "drift", $0.description, advice: "roost migrate verify")
      }
    } catch {
      guard error.code == .accessDenied else { throw error }
      findings.append(Finding(.info, "drift", "not looked for: \(error.message)"))
    }
    return findings
  }
}
