import RoostCore

/// Brings rows of one store to the state that they have in another, in one transaction there:
/// whatever order their changes had, and whatever foreign keys, unique constraints and triggers
/// stand between them.
///
/// Besides the rows that it is asked for, it brings those without which they cannot be written:
/// rows that they refer to and that are missing, rows that refer to one that goes, and rows that
/// hold a unique value that another gets.
struct RowCarrier: Sendable {
  let links: TableLinks

  /// Brings rows.
  /// - Parameters:
  ///   - references: which rows.
  ///   - known: rows of the source that have been read in its snapshot already.
  ///   - replacing: tables in which a row may have got a unique value that another one had.
  ///   - source: what is right, in one snapshot.
  ///   - target: where it is to be so, too.
  /// - Returns: how many rows of the target were written or removed.
  func bring(
    _ references: some Sequence<RowReference>, known: [RowReference: [Value]] = [:],
    replacing: Set<String> = [], from source: any StorageSession,
    to target: any StorageTransaction
  ) async throws(StoreError) -> Int {
    var plan = Plan(links: links, source: source, target: target, replacing: replacing)
    plan.sourceRows = known
    try await plan.complete(references)
    return try await plan.carryOut()
  }
}

/// Which rows are brought, and what both sides have of them.
private struct Plan {
  let links: TableLinks
  let source: any StorageSession
  let target: any StorageTransaction
  let replacing: Set<String>
  /// The rows that are to end as they are in the source.
  var wanted: Set<RowReference> = []
  var sourceRows: [RowReference: [Value]] = [:]
  var targetRows: [RowReference: [Value]] = [:]
  /// Rows of the target that are removed, and written anew if the source has them.
  var removed: Set<RowReference> = []
  /// Rows that triggers of the target may change while others are written.
  var settled: Set<RowReference> = []

  init(
    links: TableLinks, source: any StorageSession, target: any StorageTransaction,
    replacing: Set<String>
  ) {
    self.links = links
    self.source = source
    self.target = target
    self.replacing = replacing
  }

  /// Finds out what else must be brought.
  mutating func complete(
    _ references: some Sequence<RowReference>
  ) async throws(StoreError) {
    var frontier = Set(references)
    while !frontier.isEmpty {
      wanted.formUnion(frontier)
      let unread = frontier.filter { sourceRows[$0] == nil }
      sourceRows.merge(try await source.rows(unread)) { $1 }
      targetRows.merge(try await target.rows(frontier)) { $1 }
      var next: Set<RowReference> = []
      var going = frontier.filter { sourceRows[$0] == nil && targetRows[$0] != nil }
      for (table, group) in Dictionary(grouping: frontier, by: \.table) {
        let node = try links.node(table)
        if replacing.contains(table) { going.formUnion(try await rivals(of: group, node)) }
        next.formUnion(try await missingParents(of: group, node))
        if node.hasTriggers {
          let rows = group.flatMap { [sourceRows[$0], targetRows[$0]].compactMap { $0 } }
          let parents = try await links.parents(of: rows, in: node, source)
          settled.formUnion(parents)
          next.formUnion(parents)
        }
      }
      next.formUnion(try await remove(going))
      frontier = next.subtracting(wanted)
    }
  }

  /// Marks rows of the target to be removed, and all that refer to them, whatever their foreign
  /// keys would do: what the source has of them is written anew.
  private mutating func remove(
    _ rows: Set<RowReference>
  ) async throws(StoreError) -> Set<RowReference> {
    var all = rows.subtracting(removed)
    var waiting = all
    while !waiting.isEmpty {
      removed.formUnion(waiting)
      var next: Set<RowReference> = []
      for (table, group) in Dictionary(grouping: waiting, by: \.table) {
        let rows = group.compactMap { targetRows[$0] }
        for link in try links.node(table).children {
          let child = try links.node(link.child)
          for row in try await links.children(of: rows, by: link, target) {
            let reference = child.reference(row)
            targetRows[reference] = row
            next.insert(reference)
          }
        }
      }
      waiting = next.subtracting(removed)
      all.formUnion(waiting)
    }
    return all
  }

  /// The rows that rows of the source refer to, and that the target has not.
  private func missingParents(
    of group: [RowReference], _ node: TableLinks.Node
  ) async throws(StoreError) -> Set<RowReference> {
    let rows = group.compactMap { sourceRows[$0] }
    let parents = try await links.parents(of: rows, in: node, source).subtracting(wanted)
    let found = try await target.rows(parents)
    return parents.filter { found[$0] == nil }
  }

  /// Rows of the target that hold a unique value which another row is to get.
  private mutating func rivals(
    of group: [RowReference], _ node: TableLinks.Node
  ) async throws(StoreError) -> Set<RowReference> {
    var uniques = node.definition.uniqueConstraints.map { $0.columns.map(Expression.column) }
    uniques += node.definition.indexes.filter(\.isUnique).map { $0.keys.map(\.expression) }
    var rivals: Set<RowReference> = []
    for expressions in uniques {
      var terms: [(expression: Expression, bound: BoundExpression)] = []
      for expression in expressions {
        terms.append((expression, try BoundExpression(expression, in: node.definition)))
      }
      for reference in group {
        guard let row = sourceRows[reference] else { continue }
        var parts: [Expression] = []
        for term in terms {
          parts.append(
            .comparison(.equal, term.expression, .literal(try term.bound.evaluate(row))))
        }
        for row in try await target.query(node.query(.and(parts))) {
          let rival = node.reference(row)
          guard rival != reference else { continue }
          targetRows[rival] = row
          rivals.insert(rival)
        }
      }
    }
    return rivals
  }

  /// Removes and writes.
  func carryOut() async throws(StoreError) -> Int {
    var count = 0
    let removed = Dictionary(grouping: removed, by: \.table)
    for node in links.parentsFirst.reversed() {
      for part in (removed[node.name] ?? []).parts(of: TableLinks.batch) {
        let filter = TableLinks.condition(
          node.definition.primaryKey.columns, among: part.map(\.key))
        let delete = Mutation.Delete(table: node.name, filter: filter)
        count += try await target.apply([.delete(delete)]).first?.affected ?? 0
      }
    }
    let wanted = Dictionary(grouping: wanted, by: \.table)
    for node in links.parentsFirst {
      guard let references = wanted[node.name] else { continue }
      count += try await write(references, node)
    }
    return count + (try await settle())
  }

  private func write(
    _ references: [RowReference], _ node: TableLinks.Node
  ) async throws(StoreError) -> Int {
    var new: [[Value]] = []
    var changed: [[Value]] = []
    for reference in references {
      guard let row = sourceRows[reference] else { continue }
      if let other = targetRows[reference], !removed.contains(reference) {
        if !node.isSame(row, other) { changed.append(row) }
      } else {
        new.append(row)
      }
    }
    for part in node.parentsFirst(new).parts(of: TableLinks.batch) {
      _ = try await target.load(
        RowsToLoad(node.name, columns: node.columns, rows: Array(part)))
    }
    try await overwrite(changed, node)
    return new.count + changed.count
  }

  private func overwrite(
    _ rows: [[Value]], _ node: TableLinks.Node
  ) async throws(StoreError) {
    for part in rows.parts(of: TableLinks.batch) {
      let insert = Mutation.Insert(
        table: node.name, columns: node.columns, rows: Array(part),
        conflict: .update(
          target: node.definition.primaryKey.columns, set: node.dataColumns, ifChanged: nil))
      _ = try await target.apply([.insert(insert)])
    }
  }

  /// Writes again what triggers may have changed.
  private func settle() async throws(StoreError) -> Int {
    var count = 0
    let now = try await target.rows(settled)
    for (table, references) in Dictionary(grouping: settled, by: \.table) {
      let node = try links.node(table)
      let rows = references.compactMap { reference -> [Value]? in
        guard let row = sourceRows[reference], let other = now[reference],
          !node.isSame(row, other)
        else { return nil }
        return row
      }
      try await overwrite(rows, node)
      count += rows.count
    }
    return count
  }
}

extension TableLinks.Node {
  /// Whether two rows are the same to the last digit, not only equal.
  func isSame(_ left: [Value], _ right: [Value]) -> Bool {
    guard left == right else { return false }
    return !hasInexactEquality || text(left) == text(right)
  }

  private func text(_ row: [Value]) -> [UInt8] {
    var writer = JSONWriter()
    json.write(row, into: &writer)
    return writer.bytes
  }

  /// New rows so that each comes behind the one of them that it refers to.
  func parentsFirst(_ rows: [[Value]]) -> [[Value]] {
    let own = parents.filter { $0.parent == name }
    guard !own.isEmpty, rows.count > 1 else { return rows }
    var result: [[Value]] = []
    var waiting = rows
    while !waiting.isEmpty {
      let keys = own.map { link in Set(waiting.map { row in link.parentPositions.map { row[$0] } })
      }
      let ready = waiting.filter { row in
        zip(own, keys).allSatisfy { link, keys in
          let values = link.childPositions.map { row[$0] }
          return !keys.contains(values) || values == link.parentPositions.map { row[$0] }
        }
      }
      // Rows that refer to each other in a circle fit into one statement only.
      guard !ready.isEmpty else { return result + waiting }
      result += ready
      let done = Set(ready.map(reference))
      waiting.removeAll { done.contains(reference($0)) }
    }
    return result
  }
}
