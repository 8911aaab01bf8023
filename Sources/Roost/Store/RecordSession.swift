public import RoostCore

/// What a store and a transaction have in common: finding, writing and removing records.
public protocol RecordSession: Sendable {
  /// Where calls go.
  var core: SessionCore { get }
}

extension RecordSession {
  /// The time that `now()` means here: constant within a transaction.
  public var now: Timestamp { core.now }

  /// The record with a primary key, nil when there is none.
  /// - Parameter lock: the lock to hold on the row until the transaction ends.
  /// - Throws: `invalidValue` when the key is of another type; what the backend meets.
  @inlinable
  public func find<R: Record>(
    _ type: R.Type, _ key: some ColumnValue, lock: RowLock? = nil
  ) async throws(StoreError) -> R? {
    try await find(type, key: key.value, [], lock: lock)
  }

  /// The record with a primary key of several columns, whose values are given in the key's order;
  /// nil when there is none.
  /// - Parameter lock: the lock to hold on the row until the transaction ends.
  /// - Throws: `invalidValue` when the key is of another type; what the backend meets.
  public func find<R: Record>(
    _ type: R.Type, _ key: any ColumnValue..., lock: RowLock? = nil
  ) async throws(StoreError) -> R? {
    try await find(type, key: key.map(\.value), lock: lock)
  }

  private func find<R: Record>(
    _ type: R.Type, key: [Value], lock: RowLock?
  ) async throws(StoreError) -> R? {
    guard let first = key.first else {
      return try await find(type, keys: [key], lock: lock).first ?? nil
    }
    return try await find(type, key: first, Array(key.dropFirst()), lock: lock)
  }

  /// Made anew for each type of record in the program's own module, so that a row in memory is
  /// found and read without a call that could suspend.
  @inlinable
  func find<R: Record>(
    _ type: R.Type, key first: Value, _ rest: [Value], lock: RowLock?
  ) async throws(StoreError) -> R? {
    let core = core
    guard lock == nil, core.hasImmediateReads else {
      return try await find(type, keys: [[first] + rest], lock: lock).first ?? nil
    }
    do {
      guard let row = try core.immediateRow(type, key: first, rest) else { return nil }
      return try R(row: row)
    } catch {
      core.doom(error)
      throw error
    }
  }

  /// The records with these primary keys, in their order; nil where there is none.
  /// - Throws: as `find`.
  public func find<R: Record>(
    _ type: R.Type, keys: [[Value]], lock: RowLock? = nil
  ) async throws(StoreError) -> [R?] {
    try await core.perform { session throws(StoreError) in
      let layout = try core.context.layout(type)
      let rows = try await session.get(type.table, keys: keys, lock: lock)
      var records: [R?] = []
      records.reserveCapacity(rows.count)
      for row in rows {
        if let row { records.append(try R(row: Row(row, layout))) } else { records.append(nil) }
      }
      return records
    }
  }

  /// The record with a primary key.
  /// - Throws: `notFound` when there is none; as `find`.
  public func get<R: Record>(
    _ type: R.Type, _ key: any ColumnValue..., lock: RowLock? = nil
  ) async throws(StoreError) -> R {
    guard let record = try await find(type, key: key.map(\.value), lock: lock) else {
      throw StoreError(.notFound, "there is no such row in \"\(type.table)\"", table: type.table)
    }
    return record
  }

  /// Starts a question for records.
  public func select<R: Record>(_ type: R.Type) -> Selection<R> {
    Selection(core: core, query: Query(table: type.table))
  }

  /// Inserts a record and returns it as stored: defaults filled in, values rounded.
  /// - Throws: `uniqueViolation` and the other violations, `invalidValue`, `valueTooLong`,
  ///   `valueOutOfRange`.
  @discardableResult
  public func insert<R: Record>(_ record: R) async throws(StoreError) -> R {
    let stored = try await insert([record])
    guard let first = stored.first else {
      throw StoreError(.internal, "an insert returned no row", table: R.table)
    }
    return first
  }

  /// Inserts records, all or none, and returns them as stored, in their order.
  /// - Throws: as `insert` of one.
  @discardableResult
  public func insert<R: Record>(_ records: [R]) async throws(StoreError) -> [R] {
    try await write(records, conflict: .fail)
  }

  /// Inserts those records whose unique keys are not taken, and returns the stored ones.
  /// - Throws: as `insert`, but for `uniqueViolation`.
  @discardableResult
  public func insertOrIgnore<R: Record>(_ records: [R]) async throws(StoreError) -> [R] {
    try await write(records, conflict: .ignore)
  }

  /// Inserts records, or gives existing ones with the same key the new values; returns those that
  /// were inserted or changed, as stored.
  /// - Parameters:
  ///   - records: the records; two with the same key are an error.
  ///   - key: the columns of a primary key or unique constraint; nil for the primary key.
  ///   - preserving: the columns that an existing row keeps.
  ///   - ifChanged: when given, an existing row is only touched if one of these columns differs.
  /// - Throws: `duplicateInBatch`; as `insert`.
  @discardableResult
  public func upsert<R: Record>(
    _ records: [R], on key: @Sendable (R.Columns) -> [any NamedColumn] = { _ in [] },
    preserving: @Sendable (R.Columns) -> [any NamedColumn] = { _ in [] },
    ifChanged: (@Sendable (R.Columns) -> [any NamedColumn])? = nil
  ) async throws(StoreError) -> [R] {
    let columns = R.columns
    return try await write(
      records,
      upsert: UpsertOptions(
        key: key(columns).map(\.name), preserving: preserving(columns).map(\.name),
        ifChanged: ifChanged?(columns).map(\.name)))
  }

  /// Gives the stored row with the record's primary key the record's values.
  /// - Returns: the record as stored.
  /// - Throws: `notFound` when there is no such row; as `insert`.
  @discardableResult
  public func update<R: Record>(_ record: R) async throws(StoreError) -> R {
    try await core.perform { session throws(StoreError) in
      let batch = try InsertBatch([record], core)
      let mutation = try batch.update()
      let result = try await session.apply([.update(mutation)])
      guard let row = result.first?.rows.first else {
        throw StoreError(.notFound, "there is no such row in \"\(R.table)\"", table: R.table)
      }
      return try R(row: Row(row, batch.layout))
    }
  }

  /// Removes the record with a primary key.
  /// - Returns: whether there was one.
  /// - Throws: `foreignKeyViolation` when others refer to it.
  @discardableResult
  public func delete<R: Record>(
    _ type: R.Type, _ key: any ColumnValue...
  ) async throws(StoreError) -> Bool {
    let values = key.map(\.value)
    return try await core.perform { session throws(StoreError) in
      let filter = try core.context.layout(type).table.keyFilter(values)
      let delete = Mutation.Delete(table: type.table, filter: filter)
      return try await session.apply([.delete(delete)]).contains { $0.affected > 0 }
    }
  }

  /// Inserts many records by the backend's fastest way, all or none; a conflict fails. Serial
  /// columns that the records give are continued behind the greatest.
  /// - Returns: how many were inserted.
  /// - Throws: as `insert`.
  @discardableResult
  public func load<R: Record>(_ records: [R]) async throws(StoreError) -> Int {
    try await core.perform { session throws(StoreError) in
      let rows = try InsertBatch.rowsToLoad(records, core)
      return rows.batchCount == 0 ? 0 : try await session.load(rows)
    }
  }

  private func write<R: Record>(
    _ records: [R], conflict: Mutation.Insert.Conflict
  ) async throws(StoreError) -> [R] {
    try await core.perform { session throws(StoreError) in
      let batch = try InsertBatch(records, core)
      let inserts = try batch.inserts(conflict: conflict, returning: true)
      return try batch.records(try await session.apply(inserts.map { .insert($0) }))
    }
  }

  private func write<R: Record>(
    _ records: [R], upsert: UpsertOptions
  ) async throws(StoreError) -> [R] {
    try await core.perform { session throws(StoreError) in
      let batch = try InsertBatch(records, core)
      let inserts = try batch.upserts(upsert)
      return try batch.records(try await session.apply(inserts.map { .insert($0) }))
    }
  }
}

extension TableDefinition {
  /// The condition that picks one row by its primary key.
  package func keyFilter(_ key: [Value]) throws(StoreError) -> Expression {
    guard key.count == primaryKey.columns.count else {
      throw StoreError(
        .invalidQuery, "the key of \"\(name)\" is (\(primaryKey.columns.joined(separator: ", ")))",
        table: name)
    }
    return .and(
      zip(primaryKey.columns, key).map { .comparison(.equal, .column($0), .literal($1)) })
  }
}
