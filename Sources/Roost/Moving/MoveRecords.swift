import RoostCore

/// What a store keeps of a move, as documents by name.
enum MoveRecords {
  /// A document and its name.
  struct Name<Document: Codable & Sendable>: Sendable {
    let text: String
  }

  static let state = Name<SidedState>(text: "state")
  static let backfill = Name<BackfillProgress>(text: "backfill")
  static let request = Name<MoveRequest>(text: "request")
  static let lease = Name<MoveLease>(text: "lease")

  /// The state, and which side the store is that keeps it.
  struct SidedState: Codable, Sendable {
    var side: MoveSide
    var state: MoveState
  }

  /// The document; nil when there is none.
  /// - Throws: `corrupted` when somebody has edited it into something else.
  static func read<Document>(
    _ name: Name<Document>, in session: any StorageSession, lock: RowLock? = nil
  ) async throws(StoreError) -> Document? {
    let rows = try await session.get(
      ChangeJournal.moves, keys: [[.text(name.text)]], lock: lock)
    guard let row = rows.first ?? nil else { return nil }
    guard row.count == 2, case .json(let json) = row[1],
      let document = try? json.decode(Document.self)
    else {
      throw StoreError(
        .corrupted, "the \(name.text) of the move cannot be read", table: ChangeJournal.moves)
    }
    return document
  }

  static func write<Document>(
    _ document: Document, as name: Name<Document>, in session: any StorageSession
  ) async throws(StoreError) {
    guard let json = try? JSON(encoding: document) else {
      throw StoreError(.internal, "the \(name.text) of the move cannot be written")
    }
    let insert = Mutation.Insert(
      table: ChangeJournal.moves, columns: ["name", "document"],
      rows: [[.text(name.text), .json(json)]],
      conflict: .update(target: ["name"], set: ["document"], ifChanged: nil))
    _ = try await session.apply([.insert(insert)])
  }

  static func remove<Document>(
    _ name: Name<Document>, in session: any StorageSession
  ) async throws(StoreError) {
    let filter = TableLinks.condition(["name"], among: [[.text(name.text)]])
    _ = try await session.apply(
      [.delete(Mutation.Delete(table: ChangeJournal.moves, filter: filter))])
  }
}
