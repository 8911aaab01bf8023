import Roost
import RoostCore

extension Command {
  static let backup = Command(
    name: "backup",
    usage: """
      FOLDER [--url URL] [--keep DAYS] [--gzip] [--system NAME...] [--migrations FOLDER]
             roost backup list FOLDER
             roost backup verify BACKUP

        FOLDER     write a backup of the store, all rows of one moment, as a new folder in FOLDER
        list       list the backups in FOLDER
        verify     check that every file of a backup is as it was written and can be read

      For a backup a day, kept 30 days, run it daily with --keep 30.
      """,
    summary: "write, list and check backups", operands: 1...2,
    options: [
      .init(
        name: "--keep", value: "DAYS",
        summary: "then remove backups older than that, but never the newest"),
      .init(name: "--gzip", value: nil, summary: "pack the files with the system's gzip"), .systems,
      .migrations, .from,
    ]
  ) { arguments in
    let words = arguments.operands
    let keep = try arguments.number("--keep")
    switch (words[0], words.count) {
    case ("list", 2), ("verify", 2):
      for option in ["--keep", "--gzip", "--from", "--system"] where arguments.has(option) {
        throw UsageError("roost backup \(words[0]) takes no \(option)")
      }
      if words[0] == "list" { return try BackupCommand.list(words[1], arguments) }
      return try await BackupCommand.verify(words[1], arguments)
    case ("list", _): throw UsageError("usage: roost backup list FOLDER")
    case ("verify", _): throw UsageError("usage: roost backup verify BACKUP")
    case (_, 1): return try await BackupCommand.write(words[0], keep: keep, arguments)
    default: throw UsageError("usage: roost backup FOLDER, list FOLDER or verify BACKUP")
    }
  }
}

/// What `roost backup` does.
private enum BackupCommand {
  static func write(
    _ folder: String, keep: Int?, _ arguments: Arguments
  ) async throws -> ExitCode {
    let (store, systems) = try await TransferStores(arguments: arguments).source(
      arguments.url, indexing: arguments.all("--from"))
    Terminal.note("roost: \(store.opening.location)")
    return try await closing([store]) {
      let run = TransferRun(arguments)
      let backup = try await run.run { shouldStop, progress in
        try await Backup.write(
          store, migrations: systems, into: folder, isCompressed: arguments.has("--gzip"),
          shouldStop: shouldStop, progress: progress)
      }
      guard let backup else { return .interrupted }
      let removed = try keep.map { try Backup.prune(folder, keeping: $0) } ?? []
      let seconds = run.seconds
      if arguments.wantsJSON {
        var json = JSONWriter(style: .spaced)
        json.beginObject()
        json.write(backup)
        json.key("removed")
        json.beginArray()
        for name in removed { json.string(name) }
        json.endArray()
        json.key("seconds")
        json.raw("\((seconds * 1_000).rounded() / 1_000)")
        json.endObject()
        Terminal.print(json.text)
      } else {
        Terminal.print(backup.path)
        Terminal.print(
          "\(backup.manifest.rows) rows, \(size(backup)), in "
            + "\((seconds * 1_000).rounded() / 1_000) s")
        for name in removed { Terminal.print("removed \(name)") }
      }
      return .success
    }
  }

  static func list(_ folder: String, _ arguments: Arguments) throws -> ExitCode {
    let entries = try Backup.list(in: folder)
    if arguments.wantsJSON {
      var json = JSONWriter(style: .spaced)
      json.beginArray()
      for entry in entries {
        json.beginObject()
        json.key("name")
        json.string(entry.name)
        if let backup = entry.backup { json.write(backup) }
        if let failure = entry.failure {
          json.key("failure")
          json.string(failure.message)
        }
        json.endObject()
      }
      json.endArray()
      Terminal.print(json.text)
    } else {
      for entry in entries {
        let text = entry.backup.map {
          "\($0.manifest.rows) rows  \(size($0))  \($0.manifest.source)"
        }
        Terminal.print("\(entry.name)  \(text ?? "unreadable: \(entry.failure?.message ?? "")")")
      }
      if entries.isEmpty { Terminal.print("no backups in \(folder)") }
    }
    return entries.contains { $0.failure != nil } ? .failure : .success
  }

  static func verify(_ path: String, _ arguments: Arguments) async throws -> ExitCode {
    let backup = try Backup(reading: path)
    let run = TransferRun(arguments)
    let done: Void? = try await run.run { shouldStop, progress in
      try await backup.verify(shouldStop: shouldStop, progress: progress)
    }
    guard done != nil else { return .interrupted }
    if arguments.wantsJSON {
      var json = JSONWriter(style: .spaced)
      json.beginObject()
      json.write(backup)
      json.key("isWhole")
      json.bool(true)
      json.endObject()
      Terminal.print(json.text)
    } else {
      Terminal.print("\(backup.manifest.rows) rows, \(size(backup)), whole")
    }
    return .success
  }

  private static func size(_ backup: Backup) -> String {
    let bytes = backup.manifest.tables.reduce(0) { $0 + $1.bytes }
    return bytes < 10 << 20 ? "\(bytes >> 10) KiB" : "\(bytes >> 20) MiB"
  }
}

extension JSONWriter {
  /// Writes the members of a backup.
  fileprivate mutating func write(_ backup: Backup) {
    key("path")
    string(backup.path)
    key("createdAt")
    string(backup.manifest.createdAt.description)
    key("source")
    string(backup.manifest.source)
    key("rows")
    integer(Int64(backup.manifest.rows))
    key("bytes")
    integer(backup.manifest.tables.reduce(0) { $0 + $1.bytes })
  }
}
