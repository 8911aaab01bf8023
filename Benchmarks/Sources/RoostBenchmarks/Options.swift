import Foundation

/// What the command line asks for.
struct Options {
  /// The groups that make a page, in its order.
  static let groups = ["drivers", "backends", "embedded", "steady"]
  /// What must hold, whatever it takes; prints its own tables.
  private static let acceptances = ["moves", "outages"]
  private static let usage = """
    usage: Benchmarks/run [--quick] [--rounds N] [--only \(groups.joined(separator: "|"))]
                          [--peers NAME,NAME] [--into DIR] [--compare OLD.json] [--seconds N] [FILE]
           Benchmarks/run --only moves [FILE]
           Benchmarks/run --only outages
    """

  /// How often each contestant is measured.
  var rounds = 7
  /// Whether smaller counts are enough.
  var isQuick = false
  /// The only group that is measured; nil for all.
  var only: String?
  /// How long the steady load takes.
  var steadySeconds = 600
  /// The package list to index.
  var file = "\(Self.package)/../Sources/RoostCommand/Sample/packages.deb822"
  /// The results of an older run, to compare with; nil for none.
  var older: String?
  /// How far it is.
  let progress = ProgressBar()

  private var folder: String?
  private var chosen: [String]?
  private var hasRounds = false

  /// This package's folder.
  private static let package = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  /// Where the peers' programs are; nil when there are none.
  private static let peers = ProcessInfo.processInfo.environment["ROOST_PEERS"]

  init(_ words: [String]) throws {
    var words = words[...]
    while let word = words.popFirst() {
      switch word {
      case "--quick": isQuick = true
      case "--only":
        let names = Self.groups + Self.acceptances
        guard let name = words.popFirst(), names.contains(name) else {
          throw Failure("--only takes one of \(names.joined(separator: ", "))")
        }
        only = name
      case "--seconds": steadySeconds = try Self.number(after: word, &words)
      case "--rounds": (rounds, hasRounds) = (try Self.number(after: word, &words), true)
      case "--peers":
        chosen = try Self.text(after: word, &words).split(separator: ",").map(String.init)
      case "--into": folder = try Self.text(after: word, &words)
      case "--compare": older = try Self.text(after: word, &words)
      case _ where word.hasPrefix("-"): throw Failure(Self.usage)
      default: file = word
      }
    }
    // Fewer have no interval that noise could be told by.
    if isQuick && !hasRounds { rounds = older == nil ? 1 : 3 }
    guard older == nil || rounds > 2 else { throw Failure("--compare takes at least 3 rounds") }
    for path in [file, older].compactMap(\.self)
    where !FileManager.default.isReadableFile(atPath: path) {
      throw Failure("\(path) cannot be read")
    }
    for name in chosen ?? [] where !Self.built.contains(name) {
      throw Failure("there is no peer \(name); there are \(Self.built.joined(separator: ", "))")
    }
  }

  func measures(_ group: String) -> Bool {
    // Ten minutes at a steady rate are only taken when they are asked for.
    only.map { $0 == group } ?? (group != "steady")
  }

  /// Where the results are kept. Only a whole run replaces those of the package.
  var results: ResultsFolder {
    let isWhole = !isQuick && only == nil && chosen == nil && !hasRounds
    return ResultsFolder(
      path: folder ?? (isWhole ? Self.package : "\(Self.package)/.build/results"))
  }

  /// A peer, nil when its program could not be built or is not to take part.
  func peer(
    _ name: String, _ program: String, _ words: [String] = []
  ) -> SideBySide.Contestant? {
    guard let folder = Self.peers, Self.built.contains(program),
      chosen?.contains(program) ?? true
    else { return nil }
    return SideBySide.Contestant(name, ["\(folder)/\(program)"] + words)
  }

  /// What was measured: the commit and the compiler.
  static let revision = ProcessInfo.processInfo.environment["ROOST_REVISION"] ?? "unknown"

  /// The versions of Roost and of all peers that take part, by their programs' names.
  var versions: [String: String] {
    var versions = ["Roost": Self.revision]
    for program in Self.built where chosen?.contains(program) ?? true {
      guard let command = peer(program, program)?.command else { continue }
      let text = try? Child.output(of: command + ["version"])
      versions[program] = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
    }
    return versions
  }

  /// The names of the peers' programs.
  private static let built: [String] = {
    guard let peers, let names = try? FileManager.default.contentsOfDirectory(atPath: peers) else {
      return []
    }
    return names.sorted().filter { name in
      var isFolder: ObjCBool = false
      let path = "\(peers)/\(name)"
      return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: path)
    }
  }()

  private static func text(
    after option: String, _ words: inout ArraySlice<String>
  ) throws -> String {
    guard let text = words.popFirst(), !text.isEmpty, !text.hasPrefix("-") else {
      throw Failure("\(option) takes a value")
    }
    return text
  }

  private static func number(
    after option: String, _ words: inout ArraySlice<String>
  ) throws -> Int {
    guard let number = Int(try text(after: option, &words)), number > 0 else {
      throw Failure("\(option) takes a number of at least 1")
    }
    return number
  }
}

/// What stopped a measurement.
struct Failure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
