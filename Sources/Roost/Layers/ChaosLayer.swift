import RoostCore
import Synchronization

/// Makes things go wrong on purpose, as a backend under stress would, to try a program's reaction
/// before production does.
///
/// With the same seed, calls that come one after the other meet the same fate in every run.
public final class ChaosLayer: StorageLayer {
  /// What goes wrong, and how often: shares are from 0 to 1.
  public struct Options: Sendable, Hashable {
    /// The share of calls that throw `unavailable` without being made.
    public var errors = 0.0
    /// The share of transactions that throw `serializationFailure` before they commit.
    public var conflicts = 0.0
    /// The share of changes and commits that are made, but whose answer is lost: `outcomeUnknown`.
    public var lostAnswers = 0.0
    /// What calls take longer, at most; how much is random.
    public var latency = Duration.zero
    /// What the fate of calls is derived from; nil for another one each time.
    public var seed: UInt64?

    /// Nothing goes wrong.
    public init() {}

    /// Reads `errors:1,conflicts:20,lost:0.5,latency:10,seed:7`: percentages, milliseconds and a
    /// number.
    /// - Throws: `invalidConfiguration`, naming what is malformed.
    public init(_ text: String) throws(StoreError) {
      for item in text.split(separator: ",", omittingEmptySubsequences: false) {
        let parts = item.split(separator: ":", maxSplits: 1)
        let number = parts.count == 2 ? Double(parts[1]) : nil
        switch (parts.first, number) {
        case ("errors", let percent?) where (0...100).contains(percent): errors = percent / 100
        case ("conflicts", let percent?) where (0...100).contains(percent):
          conflicts = percent / 100
        case ("lost", let percent?) where (0...100).contains(percent): lostAnswers = percent / 100
        case ("latency", let milliseconds?) where (0...60_000).contains(milliseconds):
          latency = .microseconds(Int64(milliseconds * 1_000))
        case ("seed", _?):
          guard let seed = UInt64(parts[1]) else { throw Self.malformed(item) }
          self.seed = seed
        default: throw Self.malformed(item)
        }
      }
    }

    private static func malformed(_ item: Substring) -> StoreError {
      StoreError(
        .invalidConfiguration,
        "chaos takes errors:PERCENT, conflicts:PERCENT, lost:PERCENT, latency:MILLISECONDS and "
          + "seed:NUMBER, separated by commas, and not \"\(item)\"")
    }
  }

  private let options: Options
  private let generator: Mutex<SeededGenerator>

  /// Chaos of a kind.
  public init(_ options: Options) {
    self.options = options
    generator = Mutex(SeededGenerator(seed: options.seed ?? .random(in: 0...UInt64.max)))
  }

  /// `chaos`.
  public var place: LayerPlace { .chaos }

  /// Hands the call on, late, in vain, or not at all.
  public func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    // A transaction's calls and its commit meet their own fate.
    if options.latency > .zero, call.operation != .transaction {
      let part = generator.withLock { Double.random(in: 0...1, using: &$0) }
      do { try await Task.sleep(for: options.latency * part) } catch {
        throw StoreError(.cancelled, "cancelled")
      }
    }
    if call.operation == .commit, strikes(options.conflicts) {
      throw StoreError(.serializationFailure, "chaos: the transaction is to run again")
    }
    if call.operation != .commit, strikes(options.errors) {
      throw StoreError(.unavailable, "chaos: the backend cannot be reached")
    }
    let result = try await next()
    if call.mayWrite, !call.isInTransaction, strikes(options.lostAnswers) {
      throw StoreError(.outcomeUnknown, "chaos: the answer is lost")
    }
    return result
  }

  private func strikes(_ share: Double) -> Bool {
    share > 0 && generator.withLock { Double.random(in: 0..<1, using: &$0) } < share
  }
}
