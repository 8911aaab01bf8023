import Foundation
import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostSystems

extension Command {
  static let migrate = Command(
    name: "migrate",
    usage: """
      [up [--to N] | down [--to N] | status | verify | new NAME | baseline N | repair]
        [--system NAME] [--dry-run] [--migrations FOLDER]

        up         apply what is waiting, which is also what `roost migrate` alone does
        down       undo the migration applied last, or all beyond --to N; 0 undoes all
        status     list the migrations and how they stand
        verify     compare the store with what its migrations say; 1 when it differs or some wait
        new        write the files of the next migration
        baseline   note the versions up to N as applied without running them
        repair     accept edited files and forget missing ones

      The systems are those that the store has migrations of; coherence for an empty store.
      """,
    summary: "apply, undo and look at migrations", operands: 0...2,
    options: [
      .init(name: "--to", value: "N", summary: "the last version to apply, or to keep"),
      .init(name: "--system", value: "NAME", summary: "one system alone"),
      .init(name: "--dry-run", value: nil, summary: "show the SQL and run nothing"),
      .init(
        name: "--out-of-order", value: nil,
        summary: "up: apply files behind what is applied, too"),
      .init(
        name: "--migrations", value: "FOLDER",
        summary: "read a folder of systems' folders instead of what is compiled in"),
    ]
  ) { arguments in
    let verb = arguments.operands.first ?? "up"
    guard let action = MigrateAction(rawValue: verb) else {
      throw UsageError("roost migrate has no \"\(verb)\"; roost migrate --help lists what it has")
    }
    try action.check(arguments)
    if action == .new { return try MigrateNew.run(arguments) }
    return try await arguments.withMigrator(action) { migrator in
      try await action.run(migrator, arguments)
    }
  }
}

/// What `roost migrate` can do.
enum MigrateAction: String, CaseIterable {
  case up, down, status, verify, new, baseline, repair

  /// Refuses operands and options that mean nothing here.
  func check(_ arguments: Arguments) throws(UsageError) {
    let takesOperand = self == .new || self == .baseline
    guard arguments.operands.count <= (takesOperand ? 2 : 1) else {
      throw UsageError("roost migrate \(rawValue) takes no \"\(arguments.operands[1])\"")
    }
    if takesOperand, arguments.operands.count < 2 {
      throw UsageError("usage: roost migrate \(rawValue) \(self == .new ? "NAME" : "N")")
    }
    let allowed: [(option: String, actions: Set<MigrateAction>)] = [
      ("--to", [.up, .down]), ("--dry-run", [.up, .down]), ("--out-of-order", [.up]),
    ]
    for (option, actions) in allowed where arguments.has(option) && !actions.contains(self) {
      throw UsageError("roost migrate \(rawValue) takes no \(option)")
    }
    _ = try arguments.number("--to")
    if self == .baseline { _ = try version(arguments) }
  }

  private func version(_ arguments: Arguments) throws(UsageError) -> Int {
    guard let version = Int(arguments.operands[1]), version > 0 else {
      throw UsageError("baseline takes a version, not \"\(arguments.operands[1])\"")
    }
    return version
  }

  func run(_ migrator: Migrator, _ arguments: Arguments) async throws -> ExitCode {
    let report = MigrateReport(arguments, location: migrator.location)
    switch self {
    case .up:
      let version = try arguments.number("--to")
      let overview = try await migrator.status()
      if version != nil {
        try requireOneSystem(migrator, overview.migrations.filter { $0.appliedAt == nil })
      }
      let runs = try await migrator.up(
        to: version, allowingOutOfOrder: arguments.has("--out-of-order"),
        isDryRun: arguments.has("--dry-run"))
      report.show(runs, passedOver: overview.passedOver)
    case .down:
      let overview = try await migrator.status()
      try requireOneSystem(migrator, overview.migrations.filter { $0.appliedAt != nil })
      let runs = try await migrator.down(
        to: try arguments.number("--to"), isDryRun: arguments.has("--dry-run"))
      report.show(runs, passedOver: runs.flatMap(\.passedOver))
    case .status: report.show(try await migrator.status())
    case .verify:
      let verification = try await migrator.verify()
      report.show(verification)
      return verification.isClean ? .success : .failure
    case .baseline:
      let version = try version(arguments)
      try requireOneSystem(
        migrator, try await migrator.status().migrations.filter { $0.appliedAt == nil })
      report.show(lists: [("noted", try await migrator.baseline(version))])
    case .repair:
      let repair = try await migrator.repair()
      report.show(lists: [("accepted", repair.accepted), ("forgotten", repair.forgotten)])
    case .new: break
    }
    return .success
  }

  private func requireOneSystem(
    _ migrator: Migrator, _ candidates: [MigrationStatus]
  ) throws(UsageError) {
    if migrator.systems.count == 1 || Set(candidates.map(\.system)).count == 1 { return }
    throw UsageError("name one system: --system \(migrator.systems.joined(separator: " or "))")
  }
}

extension MigrationSet {
  /// The systems that are compiled in, in the order in which they are migrated.
  static let compiledIn: [MigrationSet] = [.coherence, .compilations, .traceability]
}

extension Arguments {
  /// The systems to choose from: those compiled in, or the folders in `--migrations`, which keep
  /// the Swift counterparts of a compiled-in system of the same name.
  func migrationSets() throws -> [MigrationSet] {
    guard let folder = value("--migrations") else { return MigrationSet.compiledIn }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      throw UsageError("the folder \(folder) cannot be read: \(error.localizedDescription)")
    }
    var sets: [MigrationSet] = []
    for name in names where !name.hasPrefix(".") {
      var isFolder: ObjCBool = false
      let path = "\(folder)/\(name)"
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue
      else { continue }
      let known = MigrationSet.compiledIn.first { $0.system == name }
      sets.append(
        try MigrationSet(folder: path, triggers: known?.triggers ?? [], steps: known?.steps ?? []))
    }
    guard !sets.isEmpty else {
      throw UsageError(
        "\(folder) holds no system's folder; V001__name.sql belongs into \(folder)/SYSTEM")
    }
    return sets
  }

  /// Opens the store, chooses the systems and runs the body.
  func withMigrator(
    _ action: MigrateAction, _ body: (Migrator) async throws -> ExitCode
  ) async throws -> ExitCode {
    var url = url
    if try BackendURL(url).scheme == "file", action != .up || has("--dry-run") {
      url += url.contains("?") ? "&create=no" : "?create=no"
    }
    var sets = try migrationSets()
    if let system = value("--system") {
      sets = sets.filter { $0.system == system }
      guard !sets.isEmpty else { throw UsageError("there is no system \"\(system)\"") }
    }
    let migrator = try await Migrator.open(
      url, backends: [.memory, .file, .postgres], migrations: sets,
      log: { line in if line.level == .warning { Terminal.note("roost: \(line)") } })
    Terminal.note("roost: \(migrator.location)")
    do {
      let code = try await body(try await chosen(migrator))
      await migrator.close()
      return code
    } catch {
      await migrator.close()
      throw error
    }
  }

  /// The migrator for the systems that the store holds.
  private func chosen(_ migrator: Migrator) async throws -> Migrator {
    if has("--system") { return migrator }
    let stored = Set(try await migrator.applied().map(\.system))
    if stored.isEmpty {
      if migrator.systems.count == 1 { return migrator }
      guard migrator.systems.contains("coherence") else {
        throw UsageError(
          "the store is empty: name one system: --system "
            + migrator.systems.joined(separator: " or "))
      }
      return try migrator.only("coherence")
    }
    let known = migrator.systems.filter { stored.contains($0) }
    guard !known.isEmpty else {
      throw UsageError(
        "the store has migrations of \(stored.sorted().joined(separator: ", ")), which are not "
          + "among these: name a folder of them with --migrations, or a system with --system")
    }
    return try migrator.only(known)
  }
}
