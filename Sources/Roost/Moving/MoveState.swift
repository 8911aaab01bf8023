public import Foundation

/// How far the move of a store from one backend to another is.
///
/// Until `live` the old store counts: what it says is right, and the new one follows. From `live`
/// on it is the other way round.
public enum MoveStage: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// Nothing is noted or carried.
  case off
  /// Changes are noted in the old store's journal, and carried to the new store.
  case dualWrite = "dual_write"
  /// Also, what was there before is copied.
  case backfill
  /// Both are compared, row by row, until they are equal some times in a row.
  case verify
  /// Also, reads are answered by the old store and compared with what the new one would have said.
  case shadow
  /// Also, a share of the reads is answered by the new store.
  case percentage
  /// The new store counts, and changes are carried back to the old one.
  case live
  /// The old store is out of use.
  case complete

  /// Earlier stages come first.
  public static func < (left: MoveStage, right: MoveStage) -> Bool {
    left.place < right.place
  }

  private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

  /// Whether changes are noted in the journal of the store that counts.
  var isNoting: Bool { self != .off && self != .complete }
}

/// One of the two stores of a move.
public enum MoveSide: String, Sendable, Hashable, Codable {
  /// The old store.
  case from
  /// The new store.
  case to

  /// The other one.
  var other: MoveSide { self == .from ? .to : .from }
}

/// What both stores of a move know of it.
public struct MoveState: Sendable, Hashable, Codable {
  /// Which move it is: stores of two moves are never mixed up.
  public var id: UUID
  /// The stage.
  public var stage: MoveStage
  /// The share of reads that the new store answers in `percentage`, in percent, 1 to 100.
  public var readPercent: Int
  /// Whether writers wait while the stores change places.
  public var isFenced: Bool
  /// Grows with each change of the state.
  public var revision: Int
  /// How often in a row the stores were found equal.
  public var cleanWindows: Int
  /// What the last change of places was based on; nil before the first.
  public var certificate: MoveCertificate?

  /// A move that has not begun.
  init() {
    id = UUID()
    stage = .off
    readPercent = 0
    isFenced = false
    revision = 0
    cleanWindows = 0
  }

  /// The store that counts.
  public var authority: MoveSide { stage < .live ? .from : .to }
}

/// What proves that a store could take the place of another.
public struct MoveCertificate: Sendable, Hashable, Codable {
  /// The move.
  public var id: UUID
  /// Which side counts from then on.
  public var authority: MoveSide
  /// When, in ISO 8601.
  public var time: String
  /// How many rows each table had on both sides at that moment.
  public var counts: [String: Int]
  /// The digest of each table's rows, equal on both sides at that moment; tables of more than half
  /// a million rows have none.
  public var digests: [String: String]
  /// How often in a row the stores were found equal before.
  public var cleanWindows: Int
}

/// How far the copying of what was there before the move is.
struct BackfillProgress: Sendable, Hashable, Codable {
  /// The table that is being copied; nil before the first.
  var table: String?
  /// The key of the last row copied of it, as the journal writes keys; nil at its start.
  var key: String?
  /// How many rows have been copied.
  var rows = 0
  /// How many rows there were when it began.
  var total = 0
  var isDone = false
}

/// What somebody wants of a move; whoever runs the move does it.
struct MoveRequest: Sendable, Hashable, Codable {
  var stage: MoveStage
  /// For `percentage`.
  var readPercent: Int?
  /// Why it could not be done; nil while it may still be.
  var refusal: String?
}

/// Who runs a move.
struct MoveLease: Sendable, Hashable, Codable {
  /// Grows with each owner: what an earlier one still does is refused.
  var epoch = 0
  var owner: UUID?
  /// Seconds since 1970.
  var renewedAt = 0.0
  /// After how many seconds without a sign of life another one may take over.
  var seconds = 0.0
}
