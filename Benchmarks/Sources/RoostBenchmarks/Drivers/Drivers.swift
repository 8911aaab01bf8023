import Foundation
import PostgresClient
import RoostBench
import RoostTesting

/// Roost's driver beside others.
struct Drivers {
  /// What cannot be left to chance between rounds.
  private static let settings = ["autovacuum": "off", "jit": "off"]

  private let options: Options

  init(_ options: Options) {
    self.options = options
  }

  func run() async throws -> Results.Section {
    let server = try await ThrowawayPostgres.start(
      .scramSHA256, isDurable: true, settings: Self.settings, withTLS: true)
    defer { server.stop() }
    let contestants = try contestants()
    let oneCore = try OneCore(server)
    let pinned = oneCore == nil ? [] : DriverWorkload.allCases.filter(\.isLatency)
    let all = (DriverWorkload.allCases + pinned).map { workload in
      contestants.filter { $0.workloads.contains(workload.word) }.count
    }
    options.progress.begin("drivers", of: all.reduce(0, +) * options.rounds)
    var section = Results.Section("drivers", title: "Drivers side by side")
    section.notes = try await notes(server)
    for workload in DriverWorkload.allCases {
      if workload.isLatency, let oneCore {
        section.comparisons.append(
          try oneCore.run { try compare(workload, contestants, server, prefix: oneCore.prefix) })
      }
      section.comparisons.append(try compare(workload, contestants, server, prefix: []))
    }
    return section
  }

  /// A contestant and what it knows.
  private struct Driver {
    let contestant: SideBySide.Contestant
    let workloads: Set<String>
  }

  private func compare(
    _ workload: DriverWorkload, _ drivers: [Driver], _ server: ThrowawayPostgres,
    prefix: [String]
  ) throws -> Comparison {
    let contestants = drivers.filter { $0.workloads.contains(workload.word) }.map {
      SideBySide.Contestant($0.contestant.name, prefix + $0.contestant.command)
    }
    let url = Self.url(of: server, for: workload)
    let count = workload.count(isQuick: options.isQuick)
    return try SideBySide(contestants, options).compare(
      "drivers/\(workload.rawValue)" + (prefix.isEmpty ? "" : "-one-core"),
      title: workload.title + (prefix.isEmpty ? "" : ", one core"), unit: workload.unit
    ) { _, _ in [workload.word, url, "\(count)"] }
  }

  private static func url(
    of server: ThrowawayPostgres, for workload: DriverWorkload
  ) -> String {
    guard workload.usesUnixSocket else {
      return server.url() + (workload.usesTLS ? "?sslmode=require" : "?sslmode=disable")
    }
    // Not every driver reads a URL whose host is a folder.
    return server.url().replacingOccurrences(of: "127.0.0.1:\(server.port)", with: "")
      + "?host=\(server.folder)&port=\(server.port)&sslmode=disable"
  }

  /// Roost first, then the ceiling, then the peers whose programs are there.
  private func contestants() throws -> [Driver] {
    let all = DriverWorkload.allCases
    let peers: [SideBySide.Contestant?] = [
      options.peer("bare socket", "raw"),
      options.peer("libpq", "libpq"),
      options.peer("libpq pipeline", "libpq", ["--pipeline"]),
      options.peer("tokio-postgres", "tokio-postgres"),
      options.peer("pgx", "pgx"),
      options.peer("pgx pool", "pgx", ["--pool"]),
      options.peer("asyncpg", "asyncpg"),
      options.peer("psycopg", "psycopg"),
    ]
    let roost = [
      Driver(contestant: .roost("driver"), workloads: Set(all.map(\.word))),
      Driver(
        contestant: .roost("driver-pool", as: "Roost pool"),
        workloads: Set(all.filter(\.hasPooledForm).map(\.word))),
    ]
    return try roost
      + peers.compactMap(\.self).map { peer in
        let text = try Child.output(of: peer.command + ["workloads"])
        return Driver(
          contestant: peer, workloads: Set(text.split(whereSeparator: \.isNewline).map(String.init))
        )
      }
  }

  private func notes(_ server: ThrowawayPostgres) async throws -> [String] {
    let connection = try await PostgresConnection.connect(
      PostgresConfiguration(server.url(tcp: false), environment: [:]))
    let version = try await connection.queryOne("SHOW server_version", as: String.self)
    let names = [
      "fsync", "synchronous_commit", "shared_buffers", "autovacuum", "jit",
      "ssl_min_protocol_version",
    ]
    var settings: [String] = []
    for name in names {
      let value = try await connection.queryOne("SELECT current_setting(\(name))", as: String.self)
      settings.append("\(name)=\(value)")
    }
    await connection.close()
    return [
      "Server: PostgreSQL \(version) on the same machine, over TCP with SCRAM-SHA-256; "
        + "\(settings.joined(separator: ", ")), else its defaults.",
      "Over a Unix socket where a row says so.",
      "Every driver is a process of its own, in turns within a round, and prints a sum over all "
        + "values that it read; the sums are equal. CPU and peak memory are the client's.",
      "`Roost` works inside one `withConnection`, `Roost pool` takes a connection from the pool "
        + "for each query. `bare socket` sends messages that were encoded before and only looks "
        + "for the ends of the answers: the ceiling.",
    ]
  }
}
