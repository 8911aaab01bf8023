/// A command's options and words.
struct Arguments: Sendable {
  /// The words beside options.
  private(set) var operands: [String] = []
  private var values: [String: [String]] = [:]

  /// The options that every command has.
  static let common: [Command.Option] = [
    .init(
      name: "--url", value: "URL",
      summary: "the store: memory:, file:PATH, postgres://...; else POSTGRES_URL, else "
        + "DATABASE_URL, else file:roost-data"),
    .init(name: "--json", value: nil, summary: "answer as JSON"),
    .init(name: "--help", value: nil, summary: "show this"),
  ]

  /// Reads a command line.
  /// - Throws: `UsageError`, naming the word.
  init(_ words: [String], for command: Command) throws(UsageError) {
    let known = command.allOptions
    var rest = words[...]
    while let word = rest.popFirst() {
      if word == "--" {
        operands += rest
        break
      }
      guard word.hasPrefix("-"), word != "-" else {
        operands.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = parts[0] == "-h" ? "--help" : String(parts[0])
      guard let option = known.first(where: { $0.name == name }) else {
        throw UsageError("roost \(command.name) has no option \(name)")
      }
      var taken = values[name] ?? []
      if option.value == nil {
        guard parts.count == 1 else { throw UsageError("\(name) takes no value") }
      } else if parts.count == 2 {
        taken.append(String(parts[1]))
      } else {
        guard let value = rest.popFirst(), value == "-" || !value.hasPrefix("-") else {
          throw UsageError("\(name) needs a value: \(name) \(option.value ?? "")")
        }
        taken.append(value)
        while option.takesMany, let next = rest.first, next == "-" || !next.hasPrefix("-") {
          taken.append(next)
          rest.removeFirst()
        }
      }
      values[name] = taken
    }
    guard !wantsHelp else { return }
    guard command.operands.contains(operands.count) else {
      throw UsageError("usage: roost \(command.name) \(command.usage)")
    }
  }

  var wantsHelp: Bool { has("--help") }
  var wantsJSON: Bool { has("--json") }

  /// Whether an option is given.
  func has(_ option: String) -> Bool { values[option] != nil }

  /// An option's value; the last counts. Nil when it is not given.
  func value(_ option: String) -> String? { values[option]?.last }

  /// All values of an option; nil when it is not given.
  func all(_ option: String) -> [String]? { values[option] }

  /// An option's value as a number of at least 0.
  /// - Throws: `UsageError`.
  func number(_ option: String) throws(UsageError) -> Int? {
    guard let text = value(option) else { return nil }
    guard let number = Int(text), number >= 0 else {
      throw UsageError("\(option) takes a number, not \"\(text)\"")
    }
    return number
  }
}
