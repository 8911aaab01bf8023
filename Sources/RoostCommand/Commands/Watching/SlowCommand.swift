import Roost
import RoostPostgres

extension Command {
  static let slow = Command(
    name: "slow", usage: "[--limit N]",
    summary: "show the statements that took most of a Postgres server's time", operands: 0...0,
    options: [.init(name: "--limit", value: "N", summary: "the most statements shown; 20")]
  ) { arguments in
    let limit = max(try arguments.number("--limit") ?? 20, 1)
    guard case .server = try arguments.place() else {
      throw UsageError(
        "roost slow is for a store in Postgres; elsewhere a program asks its store.slowCalls")
    }
    return try await arguments.withServer { store in
      let slow = try await store.postgres { connection in
        try await SlowStatements.read(connection, limit: limit)
      }
      if arguments.wantsJSON {
        try Terminal.print(json: slow)
      } else {
        show(slow)
      }
      return .success
    }
  }

  private static func show(_ slow: SlowStatements) {
    if let statements = slow.statements {
      Terminal.print("  total ms    calls   mean ms    max ms      rows  statement")
      for one in statements {
        let numbers = [
          (Readable.decimal(one.total), 10), ("\(one.calls)", 9), (Readable.decimal(one.mean), 10),
          (Readable.decimal(one.longest), 10), ("\(one.rows)", 10),
        ]
        let cells = numbers.map { String(repeating: " ", count: max(0, $1 - $0.count)) + $0 }
        Terminal.print(cells.joined() + "  " + one.query)
      }
      return
    }
    Terminal.note("roost: the server does not count statements; \(slow.advice ?? "")")
    for one in slow.running {
      let waiting = one.waitsFor.map { ", waits for \($0)" } ?? ""
      Terminal.print("\(Readable.time(one.seconds))  \(one.state)\(waiting)  \(one.query)")
    }
    if slow.running.isEmpty { Terminal.print("nothing runs now") }
  }
}
