import Roost
import RoostCore

/// The answers of `roost migrate` as text and as JSON.
struct MigrateReport {
  private let asJSON: Bool
  private let isDryRun: Bool
  private let location: String

  init(_ arguments: Arguments, location: String) {
    asJSON = arguments.wantsJSON
    isDryRun = arguments.has("--dry-run")
    self.location = location
  }

  /// What ran, or would run.
  func show(_ runs: [MigrationRun], passedOver: [String]) {
    let files = { (direction: PlannedMigration.Direction) in
      runs.filter { $0.direction == direction }.map(\.file)
    }
    if asJSON {
      document { json in
        json.key(isDryRun ? "wouldApply" : "applied")
        json.write(lines: files(.up))
        json.key(isDryRun ? "wouldUndo" : "undone")
        json.write(lines: files(.down))
        if isDryRun {
          json.key("sql")
          json.write(lines: runs.map(\.sql))
        }
        json.key("passedOver")
        json.write(lines: passedOver)
      }
      return
    }
    for run in runs {
      if isDryRun {
        Terminal.print("-- \(run.file)\n\(run.sql)\n")
      } else {
        Terminal.print("\(run.direction == .up ? "applied" : "undone ") \(run.file)")
      }
    }
    if runs.isEmpty { Terminal.print("nothing to do") }
    // A dry run's answer is a script.
    for line in passedOver {
      Terminal.print("\(isDryRun ? "-- " : "")passed over \(line)")
    }
  }

  /// How the migrations stand.
  func show(_ overview: MigrationOverview) {
    if asJSON {
      document { json in
        json.key("migrations")
        json.write(overview.migrations)
        json.key("invalidIndexes")
        json.write(overview.invalidIndexes)
        json.key("passedOver")
        json.write(lines: overview.passedOver)
      }
      return
    }
    for migration in overview.migrations { Terminal.print(Self.line(migration)) }
    if overview.migrations.isEmpty { Terminal.print("no migrations") }
    for index in overview.invalidIndexes { Terminal.print("\(index)") }
    for line in overview.passedOver { Terminal.print("passed over \(line)") }
  }

  /// In what the store is not as its migrations say.
  func show(_ verification: MigrationVerification) {
    if asJSON {
      document { json in
        json.key("clean")
        json.bool(verification.isClean)
        json.key("migrations")
        json.write(verification.migrations)
        json.key("drifts")
        json.write(verification.drifts)
        json.key("warnings")
        json.write(lines: verification.warnings)
      }
      return
    }
    for migration in verification.migrations { Terminal.print(Self.line(migration)) }
    for drift in verification.drifts { Terminal.print("drift      \(drift)") }
    for warning in verification.warnings { Terminal.print("warning    \(warning)") }
    if verification.isClean { Terminal.print("the store is as its migrations say") }
  }

  /// Lists of files by what was done with them.
  func show(lists: [(name: String, files: [String])]) {
    if asJSON {
      document { json in
        for (name, files) in lists {
          json.key(name)
          json.write(lines: files)
        }
      }
      return
    }
    for (name, files) in lists { for file in files { Terminal.print("\(name) \(file)") } }
    if lists.allSatisfy(\.files.isEmpty) { Terminal.print("nothing to do") }
  }

  private static func line(_ migration: MigrationStatus) -> String {
    let state = migration.state == .outOfOrder ? "late" : migration.state.rawValue
    let padding = String(repeating: " ", count: max(1, 11 - state.count))
    let time = migration.appliedAt.map { "  \($0)" } ?? ""
    return state + padding + migration.file + time
  }

  private func document(_ write: (inout JSONWriter) -> Void) {
    var json = JSONWriter()
    json.beginObject()
    json.key("backend")
    json.string(location)
    write(&json)
    json.endObject()
    Terminal.print(json.text)
  }
}

extension JSONWriter {
  fileprivate mutating func write(lines: [String]) {
    beginArray()
    for line in lines { string(line) }
    endArray()
  }

  fileprivate mutating func write(_ migrations: [MigrationStatus]) {
    beginArray()
    for migration in migrations {
      beginObject()
      key("system")
      string(migration.system)
      key("version")
      integer(Int64(migration.version))
      key("file")
      string(migration.file)
      key("state")
      string(migration.state.rawValue)
      key("appliedAt")
      write(migration.appliedAt?.description)
      key("canUndo")
      bool(migration.canUndo)
      endObject()
    }
    endArray()
  }

  fileprivate mutating func write(_ drifts: [SchemaDrift]) {
    beginArray()
    for drift in drifts {
      beginObject()
      key("kind")
      string(drift.kind.rawValue)
      key("table")
      write(drift.table)
      key("object")
      string(drift.object)
      key("expected")
      write(drift.expected)
      key("found")
      write(drift.found)
      endObject()
    }
    endArray()
  }

  private mutating func write(_ text: String?) {
    if let text { string(text) } else { null() }
  }
}
