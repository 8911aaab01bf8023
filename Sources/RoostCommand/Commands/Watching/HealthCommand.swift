import Roost

extension Command {
  static let health = Command(
    name: "health", usage: "",
    summary: "say whether the store is ready; exit code 0 ready, 4 degraded, 1 unavailable",
    operands: 0...0
  ) { arguments in
    let report = try await HealthCommand.report(arguments)
    if arguments.wantsJSON {
      try Terminal.print(json: report)
    } else {
      Terminal.print("\(report.state.rawValue)  \(report.backend)")
      for check in report.checks {
        Terminal.print(
          Readable.pad(check.state.rawValue, 10) + Readable.pad(check.name, 12) + check.text)
      }
    }
    switch report.state {
    case .ready: return .success
    case .degraded: return .degraded
    case .unavailable: return .failure
    }
  }
}

/// What `roost health` finds.
enum HealthCommand {
  /// How long all of it may take, connecting included.
  private static let timeout = Duration.seconds(5)

  static func report(_ arguments: Arguments) async throws -> HealthReport {
    let url = try BackendURL(arguments.url)
    let answer = await withinTime(timeout) {
      do {
        return Result<HealthReport, any Error>.success(
          try await arguments.withStore(
            migrations: [], migrate: .off, isReading: url.scheme == "file"
          ) { store in try await look(at: store) })
      } catch {
        return .failure(error)
      }
    }
    switch answer {
    case .success(let report): return report
    case .failure(let error as StoreError) where error.code != .invalidConfiguration:
      return unavailable(url, error.message)
    case .failure(let error): throw error
    case nil: return unavailable(url, "no answer within \(timeout)")
    }
  }

  private static func unavailable(_ url: BackendURL, _ reason: String) -> HealthReport {
    HealthReport(backend: "\(url)", checks: [HealthCheck("backend", .failed, reason)])
  }

  /// Asks the store, and compares its migrations with those of its systems that are compiled in.
  private static func look(at store: Store) async throws -> HealthReport {
    let report = await store.healthReport()
    guard report.isReady, let records = try? await store.appliedMigrations() else { return report }
    let systems = Set(records.map(\.system))
    let known = MigrationSet.compiledIn.filter { systems.contains($0.system) }
    guard !known.isEmpty else { return report }
    let check = HealthCheck.migrations(try MigrationPlan(known, now: .now()), records)
    return HealthReport(backend: report.backend, checks: report.checks + [check])
  }
}
