import Foundation

/// Where the server's programs are: `initdb`, `postgres` and `pg_ctl` in one folder.
struct ServerBinaries {
  let folder: String

  /// The variable that names the folder, for tests against another server than the newest.
  static let variable = "ROOST_POSTGRES_BIN"

  /// The folder that the variable names; else the newest of the folders that distributions use,
  /// then PATH and what `pg_config` says.
  static func find() throws -> ServerBinaries {
    if let folder = ProcessInfo.processInfo.environment[variable], !folder.isEmpty {
      guard isComplete(folder) else {
        throw ThrowawayPostgresError(
          message: "\(variable) is \(folder), where initdb, postgres and pg_ctl are not")
      }
      return ServerBinaries(folder: folder)
    }
    var folders = packagedFolders()
    folders += (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .map(String.init)
    for folder in folders where isComplete(folder) {
      return ServerBinaries(folder: folder)
    }
    if let asked = askConfig(), isComplete(asked) { return ServerBinaries(folder: asked) }
    throw ThrowawayPostgresError(
      message: "no PostgreSQL server found (initdb, postgres, pg_ctl); install one, for example "
        + "with `apt-get install postgresql`; looked in \(folders.joined(separator: ", "))")
  }

  private static func isComplete(_ folder: String) -> Bool {
    ["initdb", "postgres", "pg_ctl"].allSatisfy {
      FileManager.default.isExecutableFile(atPath: "\(folder)/\($0)")
    }
  }

  /// Debian keeps one folder a version, which is not in PATH; the newest comes first.
  private static func packagedFolders() -> [String] {
    let roots = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr/local/pgsql"]
    var found: [(version: Int, folder: String)] = []
    for root in roots {
      if isComplete("\(root)/bin") { found.append((0, "\(root)/bin")) }
      let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
      for name in names {
        let digits = name.split(whereSeparator: { !$0.isNumber }).last.map(String.init) ?? ""
        guard let version = Int(digits), name.hasPrefix("postgresql") || "\(version)" == name else {
          continue
        }
        found.append((version, "\(root)/\(name)/bin"))
      }
    }
    return found.sorted { $0.version > $1.version }.map(\.folder)
  }

  private static func askConfig() -> String? {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["pg_config", "--bindir"]
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: data, as: UTF8.self)
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
