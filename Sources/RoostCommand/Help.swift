/// The texts of `--help`.
enum Help {
  static var overview: String {
    let commands = Command.all.map { command in
      "  \(pad(command.name, 14))\(command.summary)"
    }.joined(separator: "\n")
    return """
      roost: a package graph in memory, in a JSON file or in Postgres

      usage: roost COMMAND [OPTIONS]

      \(commands)

      The store is --url, else POSTGRES_URL, else DATABASE_URL, else file:roost-data.
      roost COMMAND --help says more. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found,
      4 degraded, 130 stopped by Ctrl-C.
      """
  }

  static func page(of command: Command) -> String {
    let options = command.allOptions.map { option in
      "  \(pad([option.name, option.value ?? ""].joined(separator: " "), 18))\(option.summary)"
    }.joined(separator: "\n")
    return """
      \(command.summary)

      usage: roost \(command.name) \(command.usage)

      \(options)
      """
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(1, width - text.count))
  }
}
