import RoostCore

extension Mover {
  /// Copies the next rows that were there before the move, in the order of their keys, parents
  /// before children. How far it is stands in the new store, written with the rows.
  /// - Returns: whether there was anything to copy.
  func backfill() async throws(StoreError) -> Bool {
    var progress =
      try await MoveRecords.read(MoveRecords.backfill, in: backend.to)
      ?? BackfillProgress()
    if progress.isDone { return false }
    if progress.table == nil { progress.total = try await total() }
    let nodes = backend.links.parentsFirst
    var place = nodes.firstIndex { $0.name == progress.table } ?? 0
    while place < nodes.count {
      let node = nodes[place]
      let began = ContinuousClock.now
      let copied = try await copy(node, progress)
      if copied.rows > progress.rows {
        try await throttle(rows: copied.rows - progress.rows, since: began)
        return true
      }
      place += 1
      progress.table = place < nodes.count ? nodes[place].name : node.name
      progress.key = nil
    }
    progress.isDone = true
    try await write(progress)
    return true
  }

  private func total() async throws(StoreError) -> Int {
    var total = 0
    for node in backend.links.parentsFirst { total += try await backend.from.count(node.name) }
    return total
  }

  /// Copies rows of one table behind those that were copied before.
  private func copy(
    _ node: TableLinks.Node, _ progress: BackfillProgress
  ) async throws(StoreError) -> BackfillProgress {
    let carrier = ChangeCarrier(links: backend.links, source: backend.from, target: backend.to)
    let fence = fence(.to)
    var query = node.query(nil, limit: options.batch)
    if progress.table == node.name, let key = progress.key {
      let last = try RowReference(node.definition, keyText: key)
      query.filter = try query.condition(after: last.key, in: node.definition)
    }
    let wanted = query
    return try await carrier.resolvingRivals { replacing throws(StoreError) in
      try await backend.from.reading { source throws(StoreError) in
        let rows = try await source.query(wanted)
        guard let last = rows.last else { return progress }
        var next = progress
        next.table = node.name
        next.key = node.reference(last).keyText(node)
        next.rows += rows.count
        let copied = next
        let known = Dictionary(rows.map { (node.reference($0), $0) }) { $1 }
        try await backend.to.writing { target throws(StoreError) in
          try await fence(target)
          _ = try await RowCarrier(links: backend.links).bring(
            known.keys, known: known, replacing: replacing, from: source, to: target)
          try await MoveRecords.write(copied, as: MoveRecords.backfill, in: target)
        }
        return next
      }
    }
  }

  func write(_ progress: BackfillProgress) async throws(StoreError) {
    let fence = fence(.to)
    try await backend.to.writing { session throws(StoreError) in
      try await fence(session)
      try await MoveRecords.write(progress, as: MoveRecords.backfill, in: session)
    }
  }

  private func throttle(
    rows: Int, since began: ContinuousClock.Instant
  ) async throws(StoreError) {
    guard let rate = options.rowsPerSecond, rate > 0 else { return }
    let due = began + .seconds(1) * (Double(rows) / Double(rate))
    do { try await Task.sleep(until: due) } catch {
      throw StoreError(.cancelled, "the task was cancelled")
    }
  }
}

extension StorageSession {
  /// How many rows a table has.
  func count(_ table: String) async throws(StoreError) -> Int {
    let rows = try await aggregate(AggregateQuery(table: table, figures: [.count]))
    guard case .int(let count)? = rows.first?.first else {
      throw StoreError(.internal, "the rows cannot be counted", table: table)
    }
    return Int(count)
  }
}
