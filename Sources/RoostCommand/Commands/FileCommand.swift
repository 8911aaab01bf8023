import Roost
import RoostCore
import RoostFile

extension Command {
  static let file = Command(
    name: "file",
    usage: """
      verify PATH
             roost file seal PATH
             roost file salvage PATH NEW
             roost file compact PATH
             roost file export DOCUMENT [--url URL] [--system NAME...] [--migrations FOLDER]
             roost file import DOCUMENT [--url URL] [--into-non-empty] [--migrations FOLDER]

        verify     read a file store, say what is wrong and where, change nothing
        seal       take what was edited by hand for right, if it keeps all constraints
        salvage    write what is as it was written into a new folder, say what was lost
        compact    replace the journals by a snapshot
        export     write any store's rows as one plain JSON document
        import     fill a store from such a document, in one transaction

      No process may have the store at PATH open.
      """,
    summary: "check, repair, export a file store", operands: 2...3,
    options: [.intoNonEmpty, .systems, .migrations, .from]
  ) { arguments in
    let words = arguments.operands
    switch (words[0], words.count) {
    case ("verify", 2): return try FileCommand.verify(words[1], arguments)
    case ("seal", 2): return try FileCommand.seal(words[1], arguments)
    case ("salvage", 3): return try FileCommand.salvage(words[1], words[2], arguments)
    case ("compact", 2): return try FileCommand.compact(words[1], arguments)
    case ("export", 2): return try await FileCommand.export(words[1], arguments)
    case ("import", 2): return try await FileCommand.load(words[1], arguments)
    default: throw UsageError("usage: roost file verify PATH; roost file --help says more")
    }
  }
}

/// What `roost file` does.
private enum FileCommand {
  /// The folder that a word names, as a path or as a URL.
  private static func path(_ word: String) throws -> String {
    try FileStore.path(of: try BackendURL(word.hasPrefix("file:") ? word : "file:\(word)"))
  }

  static func verify(_ word: String, _ arguments: Arguments) throws -> ExitCode {
    let report = try FolderTools(try path(word)).verify()
    try show(report, arguments) {
      if let problem = report.problem { Terminal.print("damaged: \(problem)") }
      for finding in report.findings { Terminal.print("  \(finding)") }
      for row in report.refused { Terminal.print("  \(row)") }
      if report.tornBytes > 0 {
        Terminal.print("\(report.tornBytes) bytes at the end were never acknowledged")
      }
      if report.isWhole { Terminal.print("whole: \(size(report))") }
    }
    return report.isWhole ? .success : .failure
  }

  static func seal(_ word: String, _ arguments: Arguments) throws -> ExitCode {
    let report = try FolderTools(try path(word)).seal()
    try show(report, arguments) {
      for finding in report.findings { Terminal.print("  \(finding)") }
      Terminal.print("sealed: \(size(report))")
    }
    return .success
  }

  static func salvage(_ word: String, _ new: String, _ arguments: Arguments) throws -> ExitCode {
    let report = try FolderTools(try path(word)).salvage(into: try path(new))
    try show(report, arguments) {
      for finding in report.findings { Terminal.print("lost: \(finding)") }
      for row in report.refused { Terminal.print("left out: \(row)") }
      Terminal.print("salvaged: \(size(report))")
    }
    return .success
  }

  static func compact(_ word: String, _ arguments: Arguments) throws -> ExitCode {
    let report = try FolderTools(try path(word)).compact()
    try show(report, arguments) { Terminal.print("compacted: \(size(report))") }
    return .success
  }

  static func export(_ document: String, _ arguments: Arguments) async throws -> ExitCode {
    let (store, systems) = try await TransferStores(arguments: arguments).source(
      arguments.url, indexing: arguments.all("--from"))
    return try await closing([store]) {
      let run = TransferRun(arguments)
      let count = try await run.run { shouldStop, progress in
        try await StoreExport.write(
          store, migrations: systems, to: document, shouldStop: shouldStop, progress: progress)
      }
      guard let count else { return .interrupted }
      if arguments.wantsJSON {
        Terminal.print(try JSON(encoding: ["rows": count]).description)
      } else {
        Terminal.print("\(document)\n\(count) rows from \(store.opening.location)")
      }
      return .success
    }
  }

  static func load(_ document: String, _ arguments: Arguments) async throws -> ExitCode {
    let export = try StoreExport(reading: document)
    let systems = try arguments.migrationSets().held(
      export.migrations, systems: nil, location: document)
    let store = try await TransferStores(arguments: arguments).target(arguments.url, systems)
    return try await closing([store]) {
      try await TransferRun(arguments).report("imported") { shouldStop, progress in
        try await export.load(
          into: store, intoNonEmpty: arguments.has("--into-non-empty"), shouldStop: shouldStop,
          progress: progress)
      }
    }
  }

  private static func size(_ report: FolderReport) -> String {
    let rows = report.tables.reduce(0) { $0 + $1.rows }
    return "\(rows) rows in \(report.tables.count) tables, \(report.lastSequence) commits"
  }

  private static func show(
    _ report: FolderReport, _ arguments: Arguments, _ text: () -> Void
  ) throws {
    if arguments.wantsJSON {
      Terminal.print(try JSON(encoding: report).description)
    } else {
      text()
    }
  }
}
