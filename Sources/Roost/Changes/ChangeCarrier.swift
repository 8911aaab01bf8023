/// Carries what a store's change journal holds to another store, in the order of the changes, some
/// of them at a time, each time in one transaction there.
///
/// It may fail or be killed anywhere: an entry is taken out of the journal only when its row is
/// there, and is carried again otherwise.
struct ChangeCarrier: Sendable {
  /// What must hold in the transaction that writes.
  typealias Fence = @Sendable (any StorageTransaction) async throws(StoreError) -> Void

  let links: TableLinks
  let source: any StorageBackend
  let target: any StorageBackend
  /// Throws when somebody else writes to the target by now.
  var fence: Fence = { _ throws(StoreError) in }
  /// How many entries are carried at a time.
  var limit = TableLinks.batch

  /// Carries the entries that have waited for longest.
  /// - Returns: the entries; empty when none waits.
  func carry() async throws(StoreError) -> [ChangeJournal.Entry] {
    let journal = ChangeJournal(links: links)
    let entries = try await resolvingRivals {
      replacing throws(StoreError) -> [ChangeJournal.Entry] in
      try await source.reading { source throws(StoreError) -> [ChangeJournal.Entry] in
        let entries = try await journal.next(limit, in: source)
        if entries.isEmpty { return [] }
        _ = try await target.writing { target throws(StoreError) in
          try await fence(target)
          return try await RowCarrier(links: links).bring(
            entries.map(\.row), replacing: replacing, from: source, to: target)
        }
        return entries
      }
    }
    try await journal.remove(entries, from: source)
    return entries
  }

  /// Runs a body again that met a row which holds a unique value that another is to get.
  func resolvingRivals<Result: Sendable>(
    _ body: (_ replacing: Set<String>) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    var replacing: Set<String> = []
    while true {
      do throws(StoreError) {
        return try await body(replacing)
      } catch {
        guard error.code == .uniqueViolation, let table = error.table,
          replacing.insert(table).inserted
        else { throw error }
      }
    }
  }
}

extension StorageBackend {
  /// Reads from one snapshot.
  func reading<Result: Sendable>(
    _ body: @Sendable (any StorageTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try await transacting(
      TransactionOptions(isolation: .repeatableRead, isReadOnly: true), body)
  }

  /// Writes in a transaction, which runs again when it met another.
  func writing<Result: Sendable>(
    _ body: @Sendable (any StorageTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    let options = TransactionOptions()
    var attempt = 1
    while true {
      do throws(StoreError) {
        return try await transacting(options, body)
      } catch {
        guard error.code == .serializationFailure, attempt < options.attempts else { throw error }
      }
      let pause = Duration.milliseconds(Int.random(in: 0...(1 << attempt)))
      do { try await Task.sleep(for: pause) } catch {
        throw StoreError(.cancelled, "the task was cancelled")
      }
      attempt += 1
    }
  }

  func transacting<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    do {
      return try await transaction(options) { session in try await body(session) }
    } catch let error as StoreError {
      throw error
    } catch is CancellationError {
      throw StoreError(.cancelled, "the task was cancelled")
    } catch {
      throw StoreError(.internal, "a transaction failed: \(error)")
    }
  }
}
