import Foundation
import Roost

/// The `roost` command: the package graph in whatever backend a URL names.
@main
enum RoostCommand {
  static func main() async {
    let code = await run(Array(CommandLine.arguments.dropFirst()))
    exit(code.rawValue)
  }

  /// Runs a command line and says how it ended.
  static func run(_ words: [String]) async -> ExitCode {
    do {
      guard let name = words.first, !["help", "--help", "-h"].contains(name) else {
        Terminal.print(Help.overview)
        return words.isEmpty ? .usage : .success
      }
      guard let command = Command.all.first(where: { $0.name == name }) else {
        throw UsageError("there is no command \"\(name)\"; roost --help lists them")
      }
      let arguments = try Arguments(Array(words.dropFirst()), for: command)
      if arguments.wantsHelp {
        Terminal.print(Help.page(of: command))
        return .success
      }
      return try await command.run(arguments)
    } catch let error as UsageError {
      Terminal.complain(error.description)
      return .usage
    } catch let error as StoreError {
      Terminal.complain(error.message.isEmpty ? error.description : error.message)
      return .failure
    } catch {
      Terminal.complain("\(error)")
      return .failure
    }
  }
}

/// How a command ended.
enum ExitCode: Int32 {
  case success = 0
  /// The store, the input or the network failed.
  case failure = 1
  /// The command line has no meaning.
  case usage = 2
  /// What was asked for is not there.
  case notFound = 3
  /// The store works, but not as it should.
  case degraded = 4
  /// Stopped by Ctrl-C, as shells have it: 128 + SIGINT.
  case interrupted = 130
}

/// A command line that has no meaning.
struct UsageError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// One of the things that `roost` can do.
struct Command: Sendable {
  var name: String
  /// What stands behind the name, for the help.
  var usage: String
  var summary: String
  /// How many words it takes beside options.
  var operands: ClosedRange<Int>
  /// The options beside those that every command has.
  var options: [Option] = []
  var run: @Sendable (Arguments) async throws -> ExitCode

  /// An option of a command.
  struct Option: Sendable {
    var name: String
    /// What its value is called; nil when it has none.
    var value: String?
    var summary: String
    /// Whether it takes all the words up to the next option.
    var takesMany = false
  }

  static let all: [Command] = [
    .index, .search, .show, .dependencies, .dependents, .stats, .migrate, .copy, .verify,
    .move, .backup, .restore, .file, .ping, .health, .doctor, .monitor, .slow, .bench,
  ]

  /// Its options, and those of all commands that it has not in a form of its own.
  var allOptions: [Option] {
    options + Arguments.common.filter { common in !options.contains { $0.name == common.name } }
  }
}
