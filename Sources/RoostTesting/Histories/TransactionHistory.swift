/// What transactions that ran beside each other did and saw.
///
/// All that they do is to append numbers to lists and to read lists: a list that was read says
/// which transactions came before, and in which order. Every number is appended once.
public struct TransactionHistory: Sendable {
  /// A step of a transaction.
  public enum Step: Sendable, Equatable {
    /// Appends a number to the list of a key.
    case append(key: Int, element: Int)
    /// Reads the list of a key.
    case read(key: Int, elements: [Int])
  }

  /// How a transaction ended, as its caller was told.
  public enum Outcome: Sendable, Equatable {
    /// It is in force.
    case committed
    /// It is not.
    case failed
    /// It is in force or is not: the answer was lost.
    case unknown
  }

  /// A transaction.
  public struct Transaction: Sendable {
    /// What it did, in order; of one that failed, what it did until then.
    public var steps: [Step]
    /// How it ended.
    public var outcome: Outcome
    /// When it was begun, and when its caller had the answer, on any clock that never goes back.
    public var began: UInt64
    /// When its caller had the answer.
    public var ended: UInt64

    /// Describes a transaction.
    public init(_ steps: [Step], _ outcome: Outcome = .committed, began: UInt64, ended: UInt64) {
      self.steps = steps
      self.outcome = outcome
      self.began = began
      self.ended = ended
    }
  }

  /// The transactions, in any order.
  public var transactions: [Transaction]
  /// The lists in the end, by key; a key without a list counts as an empty one.
  public var final: [Int: [Int]]

  /// Describes a history.
  public init(_ transactions: [Transaction], final: [Int: [Int]]) {
    self.transactions = transactions
    self.final = final
  }
}

/// What an isolation level promises about every history.
public enum IsolationPromise: Sendable, Hashable, CaseIterable {
  /// Nobody sees what was not committed, and writes have an order.
  case readCommitted
  /// Everybody works on a snapshot, and of two who write the same row one fails: snapshot
  /// isolation, which is what Postgres calls repeatable read.
  case snapshot
  /// There is an order of all transactions in which they could have run alone.
  case serializable
  /// There is one that is also the order of those that did not overlap in time.
  case strictlySerializable
}

/// Something that a history shows and its isolation level forbids.
public struct HistoryAnomaly: Sendable, Equatable, CustomStringConvertible {
  /// The kinds, by the names that the literature has for them.
  ///
  /// Source: Adya, "Weak Consistency: A Generalized Theory and Optimistic Implementations for
  /// Distributed Transactions", 1999; Kingsbury and Alvaro, "Elle", 2020.
  public enum Kind: String, Sendable {
    /// A list has a number twice, or one that nobody appended.
    case garbage = "garbage"
    /// Two lists of one key are not the beginning of one another.
    case incompatibleOrder = "incompatible order"
    /// A number of a committed transaction is not in the end's list.
    case lostAppend = "lost append"
    /// A transaction does not see its own appends, or sees less than it saw before.
    case internalRead = "internal"
    /// A number of a failed transaction is seen.
    case abortedRead = "G1a"
    /// A number is seen behind which its own transaction had appended another.
    case intermediateRead = "G1b"
    /// A circle of transactions that wrote behind each other.
    case writeCycle = "G0"
    /// A circle of transactions that wrote behind each other or read each other's writes.
    case circularInformationFlow = "G1c"
    /// A circle in which no two in a row wrote what the one before had read too early.
    case snapshotCycle = "G-nonadjacent"
    /// Any circle.
    case dependencyCycle = "G2"
    /// A circle that only closes because one transaction had ended before another began.
    case realTimeCycle = "real-time cycle"
  }

  /// The kind.
  public let kind: Kind
  /// The transactions and lists that show it.
  public let description: String

  init(_ kind: Kind, _ text: String) {
    self.kind = kind
    description = "\(kind.rawValue): \(text)"
  }
}
