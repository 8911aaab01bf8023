public import Roost
import Synchronization

/// What writers were told of the rows that they wrote, each row with one writer at a time, so that
/// it is known which versions of a row a reader may find.
///
/// It can be kept in another process than the writers': each line that `echo` gets is what `note`
/// takes.
public final class WriteLedger: Sendable {
  /// What is known of a row. Versions grow.
  public struct Entry: Sendable, Equatable {
    /// The last version that was acknowledged, negative when it is the row's removal; 0 for none.
    public internal(set) var acknowledged = 0
    /// The version of the last removal that was begun; 0 for none.
    public internal(set) var removal = 0

    /// Whether the row may be found like this by who knew as much before, when by now a removal
    /// has been begun.
    func allows(_ found: Int?, removal: Int) -> Bool {
      if let found { return found >= abs(acknowledged) }
      return acknowledged <= 0 || removal > acknowledged
    }
  }

  /// A row that is not as it must be.
  public struct Fault: Sendable, Hashable, CustomStringConvertible {
    /// The row's number.
    public let key: Int
    /// What was found, and what was known.
    public let description: String

    fileprivate init(_ key: Int, _ found: Int?, _ entry: Entry) {
      self.key = key
      let state = found.map { "version \($0)" } ?? "missing"
      description =
        "row \(key) is \(state); acknowledged \(entry.acknowledged), removal \(entry.removal)"
    }
  }

  /// What came of the calls so far.
  public struct Report: Sendable {
    /// How many changes were acknowledged.
    public internal(set) var acknowledged = 0
    /// How many reads were compared with what their readers knew.
    public internal(set) var reads = 0
    /// How many calls failed, by code.
    public internal(set) var failures: [StoreError.Code: Int] = [:]
    /// How long the longest call took.
    public internal(set) var longest = Duration.zero
    /// When a change was first acknowledged; nil when none was.
    public internal(set) var first: ContinuousClock.Instant?
    /// What was found of rows that must not be so.
    public internal(set) var faults: [Fault] = []
  }

  private struct State {
    var entries: [Int: Entry] = [:]
    var version = 0
    var report = Report()
  }

  private let state = Mutex(State())
  private let echo: @Sendable (String) -> Void

  /// An empty one.
  /// - Parameter echo: gets a line before each removal, and behind each acknowledgement.
  public init(echo: @escaping @Sendable (String) -> Void = { _ in }) {
    self.echo = echo
  }

  /// What came of the calls since the last `takeReport`.
  public var report: Report { state.withLock { $0.report } }

  /// What came of the calls so far; from now on they are counted anew.
  public func takeReport() -> Report {
    state.withLock { state in
      defer { state.report = Report() }
      return state.report
    }
  }

  /// All that is known, as lines.
  public var lines: [String] {
    state.withLock { $0.entries }.flatMap { key, entry in
      ["removing \(key) \(entry.removal)", "acknowledged \(key) \(entry.acknowledged)"]
    }
  }

  /// Takes a line of another ledger.
  /// - Returns: whether it was one.
  @discardableResult
  public func note(_ line: String) -> Bool {
    let words = line.split(separator: " ")
    guard words.count == 3, let key = Int(words[1]), let version = Int(words[2]) else {
      return false
    }
    switch words[0] {
    case "removing": change(key, version) { $0.removal = version }
    case "acknowledged": change(key, version) { $0.acknowledged = version }
    default: return false
    }
    return true
  }

  private func change(_ key: Int, _ version: Int, _ change: (inout Entry) -> Void) {
    state.withLock { state in
      change(&state.entries[key, default: Entry()])
      state.version = max(state.version, abs(version))
    }
  }

  /// Leaves room for the versions of writers who ended without telling.
  public func skip(_ versions: Int) { state.withLock { $0.version += versions } }

  func nextVersion() -> Int {
    state.withLock { state in
      state.version += 1
      return state.version
    }
  }

  func entry(_ key: Int) -> Entry { state.withLock { $0.entries[key] ?? Entry() } }

  func willRemove(_ key: Int, _ version: Int) {
    change(key, version) { $0.removal = version }
    echo("removing \(key) \(version)")
  }

  /// - Parameter version: negative for a removal.
  func didWrite(_ key: Int, _ version: Int) {
    change(key, version) { $0.acknowledged = version }
    echo("acknowledged \(key) \(version)")
    state.withLock { state in
      state.report.acknowledged += 1
      if state.report.first == nil { state.report.first = .now }
    }
  }

  func didRead(_ key: Int, _ found: Int?, since before: Entry) {
    state.withLock { state in
      state.report.reads += 1
      let removal = state.entries[key]?.removal ?? 0
      guard !before.allows(found, removal: removal) else { return }
      state.report.faults.append(Fault(key, found, before))
    }
  }

  func didEnd(after duration: Duration, _ error: (any Error)? = nil) {
    state.withLock { state in
      state.report.longest = max(state.report.longest, duration)
      guard let error else { return }
      let code = (error as? StoreError)?.code ?? .internal
      state.report.failures[code, default: 0] += 1
    }
  }

  /// Looks for the rows in a store that nobody writes.
  /// - Returns: the rows that are not as they were acknowledged.
  public func faults(
    in store: Store, _ rows: LedgerLoad.Rows
  ) async throws -> [Fault] {
    var faults: [Fault] = []
    for (key, entry) in state.withLock({ $0.entries }) {
      let found = try await rows.read(store, key)
      if entry.allows(found, removal: entry.removal) { continue }
      faults.append(Fault(key, found, entry))
    }
    return faults
  }
}
