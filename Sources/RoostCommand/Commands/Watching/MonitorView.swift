import Roost
import RoostCore
import RoostFile
import RoostPostgres

/// What one look saw.
struct MonitorSample: Sendable {
  var at: Timestamp
  /// Why nothing was seen; nil when something was.
  var trouble: String?
  var server: ServerActivity?
  var folder: FolderSample?
  /// How long questions took, in milliseconds.
  var probes: [Double] = []

  init(at: Timestamp, trouble: String? = nil) {
    self.at = at
    self.trouble = trouble
  }
}

/// A store's folder, as the monitor's JSON has it.
struct FolderSample: Sendable, Encodable {
  var journalBytes: Int64
  var snapshotBytes: Int64
  var lastWrite: Timestamp?
  var diskFreeBytes: UInt64?
  var diskUsedShare: Double?

  init(_ figures: FolderFigures) {
    journalBytes = figures.journalBytes
    snapshotBytes = figures.snapshotBytes ?? 0
    lastWrite = figures.lastWrite
    diskFreeBytes = figures.disk?.free
    diskUsedShare = figures.disk?.usedShare
  }
}

/// What changes between two looks, a second.
struct MonitorRates: Sendable, Encodable {
  var commits = 0.0
  var rollbacks = 0.0
  var rowsRead = 0.0
  var rowsWritten = 0.0
  /// The part of the blocks that were found in memory, from 0 to 1; nil when none was wanted.
  var cacheHits: Double?
  var growthBytesPerHour = 0.0
}

/// All that the looks have seen, as lines for a terminal and as JSON.
struct MonitorView {
  /// How many looks are remembered: the width of a sparkline, and of what percentiles are of.
  private static let limit = 60

  let title: String
  let interval: Duration
  private var samples: [MonitorSample] = []
  private var rates: [MonitorRates] = []
  /// The first look, and how large the store was then.
  private var first: (at: Timestamp, bytes: Double)?

  init(title: String, interval: Duration) {
    self.title = title
    self.interval = interval
  }

  mutating func add(_ sample: MonitorSample) {
    if let rates = rates(until: sample) {
      self.rates = Array((self.rates + [rates]).suffix(Self.limit))
    }
    if first == nil, let bytes = Self.bytes(of: sample) { first = (sample.at, bytes) }
    samples = Array((samples + [sample]).suffix(Self.limit))
  }

  private static func bytes(of sample: MonitorSample) -> Double? {
    sample.server.map { Double($0.databaseBytes) }
      ?? sample.folder.map { Double($0.journalBytes + $0.snapshotBytes) }
  }

  private static func seconds(from start: Timestamp, to end: Timestamp) -> Double {
    (Double(end.microsecondsSince2000) - Double(start.microsecondsSince2000)) / 1_000_000
  }

  private func rates(until sample: MonitorSample) -> MonitorRates? {
    var rates = MonitorRates()
    if let first, let bytes = Self.bytes(of: sample) {
      let hours = Self.seconds(from: first.at, to: sample.at) / 3_600
      if hours > 0 { rates.growthBytesPerHour = (bytes - first.bytes) / hours }
    }
    guard let new = sample.server else { return sample.folder == nil ? nil : rates }
    guard let last = samples.last(where: { $0.server != nil }), let old = last.server else {
      return nil
    }
    let seconds = Self.seconds(from: last.at, to: sample.at)
    guard seconds > 0 else { return nil }
    // Counts that were reset begin anew.
    func rate(_ count: KeyPath<ServerActivity, Int64>) -> Double {
      max(Double(new[keyPath: count]) - Double(old[keyPath: count]), 0) / seconds
    }
    rates.commits = rate(\.commits)
    rates.rollbacks = rate(\.rollbacks)
    rates.rowsRead = rate(\.rowsRead)
    rates.rowsWritten = rate(\.rowsWritten)
    let (hit, read) = (rate(\.blocksHit), rate(\.blocksRead))
    rates.cacheHits = hit + read > 0 ? hit / (hit + read) : nil
    return rates
  }

  /// How long the remembered questions took, in milliseconds: of 50, 95 and 99 in a hundred.
  private var percentiles: [Double]? {
    let all = samples.flatMap(\.probes).sorted()
    if all.isEmpty { return nil }
    return [0.5, 0.95, 0.99].map { part in
      all[min(Int((Double(all.count) * part).rounded(.up)), all.count) - 1]
    }
  }

  // MARK: JSON

  struct Report: Encodable {
    var backend: String
    var takenAt: Timestamp?
    var trouble: String?
    var server: ServerActivity?
    var folder: FolderSample?
    var perSecond: MonitorRates?
    /// In milliseconds.
    var probe: [String: Double]?
  }

  var report: Report {
    let last = samples.last
    return Report(
      backend: title, takenAt: last?.at, trouble: last?.trouble, server: last?.server,
      folder: last?.folder, perSecond: last?.trouble == nil ? rates.last : nil,
      probe: percentiles.map { ["p50": $0[0], "p95": $0[1], "p99": $0[2]] })
  }

  // MARK: Lines

  /// The lines of a frame, none of them wider or more than fits.
  func lines(width: Int, isColored: Bool, height: Int = .max) -> [String] {
    var page = MonitorPage(width: width, isColored: isColored)
    let time = samples.last.map { String($0.at.description.dropFirst(11).prefix(8)) } ?? ""
    page.add(
      title: "roost monitor  \(title)",
      end: "every \(Readable.time(interval / .seconds(1)))  \(time) UTC")
    guard let sample = samples.last else { return page.lines }
    if let trouble = sample.trouble {
      page.add("state", trouble, .bad)
    } else if let server = sample.server {
      add(server, to: &page)
    } else if let folder = sample.folder {
      add(folder, at: sample.at, to: &page)
    }
    return Array(page.lines.prefix(max(height, 1)))
  }

  private func add(_ server: ServerActivity, to page: inout MonitorPage) {
    let rate = rates.last
    let role = server.isStandby ? "standby, takes no writes" : "primary"
    page.add(
      "state", "PostgreSQL \(server.version), \(role), up \(Readable.time(server.uptime))",
      server.isStandby ? .bad : .good)
    if let found = percentiles {
      let texts = zip(["p50", "p95", "p99"], found).map { "\($0) \(Readable.milliseconds($1))" }
      let history = samples.compactMap { $0.probes.max() }
      page.add("probe", texts.joined(separator: "  "), history: history)
    }
    page.add(
      "sessions",
      "\(server.sessions) of \(server.sessionLimit): \(server.active) active, \(server.idle) idle, "
        + "\(server.inTransaction) in transaction",
      server.sessions * 10 > server.sessionLimit * 9 ? .bad : .plain,
      history: samples.compactMap { $0.server.map { Double($0.sessions) } })
    page.add(
      "commits/s", rate.map { Readable.decimal($0.commits) } ?? "-", history: rates.map(\.commits))
    page.add(
      "rollbacks/s", rate.map { Readable.decimal($0.rollbacks) } ?? "-",
      history: rates.map(\.rollbacks))
    page.add(
      "rows read/s", rate.map { Readable.decimal($0.rowsRead) } ?? "-",
      history: rates.map(\.rowsRead))
    page.add(
      "written/s", rate.map { Readable.decimal($0.rowsWritten) } ?? "-",
      history: rates.map(\.rowsWritten))
    page.add("cache hits", rate?.cacheHits.map { "\(Readable.decimal($0 * 100)) %" } ?? "-")
    page.add(
      "locks", "\(server.waitingForLocks) waiting, \(server.deadlocks) deadlocks so far",
      server.waitingForLocks > 0 ? .bad : .plain)
    page.add("lag", Self.lag(of: server))
    page.add("size", Readable.bytes(Double(server.databaseBytes)) + growth)
    if let slowest = server.slowest {
      let waiting = slowest.waitsFor.map { ", waits for \($0)" } ?? ""
      page.add(
        "slowest", "\(Readable.time(slowest.seconds)) \(slowest.state)\(waiting): \(slowest.query)")
    }
  }

  private func add(_ folder: FolderSample, at now: Timestamp, to page: inout MonitorPage) {
    page.add("journals", Readable.bytes(Double(folder.journalBytes)))
    page.add("snapshot", Readable.bytes(Double(folder.snapshotBytes)))
    let total = Double(folder.journalBytes + folder.snapshotBytes)
    page.add(
      "size", Readable.bytes(total) + growth, history: samples.compactMap { Self.bytes(of: $0) })
    let age = folder.lastWrite.map { Readable.time(max(Self.seconds(from: $0, to: now), 0)) }
    page.add("last write", age.map { "\($0) ago" } ?? "never")
    if let free = folder.diskFreeBytes, let used = folder.diskUsedShare {
      page.add(
        "disk", "\(Readable.decimal(used * 100)) % used, \(Readable.bytes(Double(free))) free",
        used > HealthLimits.diskShare ? .bad : .plain)
    }
  }

  private var growth: String {
    guard let growth = rates.last?.growthBytesPerHour, growth != 0 else { return "" }
    return ", \(growth > 0 ? "+" : "")\(Readable.bytes(growth)) an hour"
  }

  private static func lag(of server: ServerActivity) -> String {
    guard server.isStandby || server.standbys > 0 else { return "no standby" }
    let bytes = server.lagBytes.map { Readable.bytes(Double($0)) } ?? "unknown"
    let seconds = server.lagSeconds.map { ", \(Readable.time($0))" } ?? ""
    return "\(bytes)\(seconds), \(server.standbys) standbys"
  }
}
