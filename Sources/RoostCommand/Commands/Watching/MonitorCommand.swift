import PostgresClient
import Roost
import RoostCore
import RoostFile
import RoostPostgres

extension Command {
  static let monitor = Command(
    name: "monitor", usage: "[--interval SECONDS] [--frames N]",
    summary: "watch a Postgres database, or the folder of a store, from outside", operands: 0...0,
    options: [
      .init(name: "--interval", value: "SECONDS", summary: "how often to look; 2"),
      .init(
        name: "--frames", value: "N", summary: "how often to look at all; until Ctrl-C"),
    ]
  ) { arguments in
    let interval = Duration.seconds(max(try arguments.number("--interval") ?? 2, 1))
    let frames = try arguments.number("--frames")
    switch try arguments.place() {
    case .memory:
      let text = "a memory: store is seen from nowhere but its own process: ask its store.metrics"
      if arguments.wantsJSON {
        try Terminal.print(json: ["backend": arguments.url, "message": text])
      } else {
        Terminal.print(text)
      }
      return .success
    case .file(let path):
      let title = "file:\(path)"
      try await Monitor(title, interval, frames, asJSON: arguments.wantsJSON).run {
        var sample = MonitorSample(at: .now())
        do throws(StoreError) {
          sample.folder = FolderSample(try FolderFigures(path))
        } catch {
          sample.trouble = error.message
        }
        return sample
      }
      return .success
    case .server:
      return try await arguments.withServer { store in
        let probe = MonitorProbe(store)
        try await Monitor(
          store.opening.location, interval, frames, asJSON: arguments.wantsJSON
        ).run { await probe.sample() }
        return .success
      }
    }
  }
}

/// Looks again and again, and shows what it sees.
private struct Monitor {
  let title: String
  let interval: Duration
  let frames: Int?
  let asJSON: Bool

  init(_ title: String, _ interval: Duration, _ frames: Int?, asJSON: Bool) {
    self.title = title
    self.interval = interval
    self.frames = frames
    self.asJSON = asJSON
  }

  func run(_ look: () async -> MonitorSample) async throws {
    if asJSON {
      // Rates need two looks.
      var view = MonitorView(title: title, interval: interval)
      view.add(await look())
      try await Task.sleep(for: interval)
      view.add(await look())
      try Terminal.print(json: view.report)
    } else if Screen.isPossible {
      try await Screen.show { screen in
        try await loop(look) { screen.draw($0) }
      }
    } else {
      try await loop(look) { Terminal.print($0.joined(separator: "\n") + "\n") }
    }
  }

  private func loop(_ look: () async -> MonitorSample, _ show: ([String]) -> Void) async throws {
    var view = MonitorView(title: title, interval: interval)
    var count = 0
    while frames.map({ count < $0 }) ?? true {
      if count > 0 { try await Task.sleep(for: interval) }
      count += 1
      view.add(await look())
      let size = Screen.size
      show(view.lines(width: size.columns, isColored: Screen.isColored, height: size.lines))
    }
  }
}

/// Asks a server how it is, and how long it takes to answer.
private struct MonitorProbe {
  /// How long a look may take.
  private static let timeout = Duration.seconds(3)
  /// How many questions are asked at each look to see how long they take.
  private static let questions = 5

  let store: Store

  init(_ store: Store) {
    self.store = store
  }

  func sample() async -> MonitorSample {
    let answer = await withinTime(Self.timeout) { [store] in
      do {
        return Result<MonitorSample, any Error>.success(try await Self.look(at: store))
      } catch {
        return .failure(error)
      }
    }
    switch answer {
    case .success(let sample): return sample
    case .failure(let error):
      return MonitorSample(at: .now(), trouble: (error as? StoreError)?.message ?? "\(error)")
    case nil: return MonitorSample(at: .now(), trouble: "no answer within \(Self.timeout)")
    }
  }

  private static func look(at store: Store) async throws -> MonitorSample {
    try await store.postgres { connection in
      var sample = MonitorSample(at: .now())
      // One transaction a look, so that the monitor hardly counts among what it shows.
      try await connection.begin()
      for _ in 0..<Self.questions {
        let start = ContinuousClock.now
        _ = try await connection.queryOne("SELECT 1", as: Int.self)
        sample.probes.append((ContinuousClock.now - start) / .milliseconds(1))
      }
      sample.server = try await ServerActivity.read(connection)
      try await connection.commit()
      return sample
    }
  }
}
