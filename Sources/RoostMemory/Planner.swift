import Roost
import RoostCore

/// How the rows that a query may want are found: a walk over the primary key or an index.
struct AccessPath {
  /// The index walked; nil for the primary key.
  var index: Int?
  /// The prefixes of the key that are walked, one after the other; one empty prefix for all.
  var prefixes: [[Value]]
  /// The bounds of the column behind the prefix.
  var lower: Bound?
  var upper: Bound?
  /// Whether the walk is in ascending order.
  var isForward = true
  /// Whether the rows come in the order that the query wants.
  var keepsOrder = false
  /// By how many of the order's first terms the rows come in order, when not by all.
  var orderedTerms = 0

  struct Bound {
    var value: Value
    var isInclusive: Bool
  }
}

/// Finds the cheapest path for a query: the most columns fixed by equality, then a range, then an
/// order that saves the sort.
struct Planner {
  private let plan: TablePlan
  private let filter: Expression?
  private let order: [OrderTerm]
  private let hasLimit: Bool
  private var equalities: [Expression: Value] = [:]
  private var memberships: [Expression: [Value]] = [:]
  private var lowers: [Expression: AccessPath.Bound] = [:]
  private var uppers: [Expression: AccessPath.Bound] = [:]
  private var conjuncts: [Expression] = []

  /// Takes a query whose filter is resolved.
  init(_ plan: TablePlan, filter: Expression?, order: [OrderTerm], hasLimit: Bool) {
    self.plan = plan
    self.hasLimit = hasLimit
    self.filter = filter
    self.order = order
    if let filter { collect(filter) }
  }

  private var primaryKey: [Expression] { plan.definition.primaryKey.columns.map { .column($0) } }

  /// The path to take.
  func path() -> AccessPath {
    var best = path(index: nil, keys: primaryKey)
    for (place, index) in plan.indexes.enumerated() {
      if let predicate = index.predicateExpression, !conjuncts.contains(predicate) { continue }
      let candidate = path(index: place, keys: index.expressions)
      if score(candidate) > score(best) { best = candidate }
    }
    return best
  }

  /// Splits a condition into the parts that must all be true.
  private mutating func collect(_ condition: Expression) {
    conjuncts.append(condition)
    switch condition {
    case .and(let parts): for part in parts { collect(part) }
    case .comparison(let comparison, let key, .literal(let value)): note(comparison, key, value)
    case .isNotDistinct(let key, .literal(let value)): equalities[key] = value
    case .isNull(let key): equalities[key] = .null
    case .isIn(let key, let candidates):
      let values = candidates.compactMap { candidate -> Value? in
        if case .literal(let value) = candidate { return value }
        return nil
      }
      if values.count == candidates.count { memberships[key] = values }
    case .like(let key, .literal(.text(let pattern)), ignoringCase: false): note(pattern, key)
    default: break
    }
  }

  private mutating func note(
    _ comparison: Expression.Comparison, _ key: Expression, _ value: Value
  ) {
    // A comparison with NULL is never true; the filter finds that out.
    if value.isNull { return }
    switch comparison {
    case .equal: equalities[key] = value
    case .notEqual: break
    case .less: uppers[key] = .init(value: value, isInclusive: false)
    case .lessOrEqual: uppers[key] = .init(value: value, isInclusive: true)
    case .greater: lowers[key] = .init(value: value, isInclusive: false)
    case .greaterOrEqual: lowers[key] = .init(value: value, isInclusive: true)
    }
  }

  /// A pattern's texts lie between the text that all of them begin with and the first one behind;
  /// without a wildcard it has one text.
  private mutating func note(_ pattern: String, _ key: Expression) {
    guard let like = try? LikePattern(pattern), !like.literalPrefix.isEmpty else { return }
    let prefix = like.literalPrefix
    if like.isLiteral { return note(.equal, key, .text(prefix)) }
    lowers[key] = .init(value: .text(prefix), isInclusive: true)
    if let end = TextOrder.first(behind: prefix) {
      uppers[key] = .init(value: .text(end), isInclusive: false)
    }
  }

  private func path(index: Int?, keys: [Expression]) -> AccessPath {
    var prefix: [Value] = []
    var rest = keys[...]
    while let key = rest.first, let value = equalities[key] {
      prefix.append(value)
      rest.removeFirst()
    }
    var path = AccessPath(index: index, prefixes: [prefix])
    if let key = rest.first {
      if let values = memberships[key] {
        let sorted = values.filter { !$0.isNull }.sorted { Value.order($0, $1) == .before }
        // Not by a set: equal numbers of different types have different hashes.
        path.prefixes = []
        for value in sorted where path.prefixes.last?.last != value {
          path.prefixes.append(prefix + [value])
        }
        rest.removeFirst()
      } else {
        path.lower = lowers[key]
        path.upper = uppers[key]
      }
    }
    let suffix = index == nil ? [] : primaryKey
    let isUnique = index.map { plan.indexes[$0].isUnique } ?? true
    if isUnique && rest.isEmpty && !prefix.contains(where: \.isNull) && path.prefixes.count == 1 {
      path.keepsOrder = true
    } else if path.prefixes.count == 1 {
      settleOrder(&path, Array(rest) + suffix)
    }
    return path
  }

  /// Whether a walk in one direction gives the wanted order, or that of its first terms. Columns
  /// that the filter fixes have no say in the order.
  private func settleOrder(_ path: inout AccessPath, _ keys: [Expression]) {
    var keys = keys[...]
    var isForward: Bool?
    defer {
      if path.keepsOrder || path.orderedTerms > 0 { path.isForward = isForward ?? true }
    }
    for (place, term) in order.enumerated() {
      if equalities[term.expression] != nil { continue }
      // A part of the order is worth a walk where not all rows are wanted.
      if hasLimit, isForward != nil { path.orderedTerms = place }
      while let key = keys.first, key != term.expression, equalities[key] != nil {
        keys.removeFirst()
      }
      guard keys.first == term.expression, isForward == nil || isForward == !term.isDescending
      else { return }
      // The tree has NULLs last; read backwards they come first.
      guard !isNullable(term.expression) || term.nullsFirst == term.isDescending else { return }
      isForward = !term.isDescending
      keys.removeFirst()
    }
    path.keepsOrder = true
  }

  private func isNullable(_ expression: Expression) -> Bool {
    guard case .column(let name) = expression, let place = plan.definition.position(of: name)
    else { return true }
    return plan.definition.columns[place].isNullable
  }

  /// Higher is better. Fixed columns count most, an order that saves the sort least; the primary
  /// key wins ties, since an index costs a second look-up a row.
  private func score(_ path: AccessPath) -> Int {
    let fixed = path.prefixes.first?.count ?? Int(Int16.max)
    let bounds = (path.lower == nil ? 0 : 1) + (path.upper == nil ? 0 : 1)
    let order = path.keepsOrder ? 4 : path.orderedTerms > 0 ? 2 : 0
    return fixed * 32 + bounds * 8 + order + (path.index == nil ? 1 : 0)
  }
}

extension AccessPath {
  /// The path in words: which index, what is fixed, whether a sort follows.
  func description(_ plan: TablePlan) -> String {
    let name = index.map { plan.indexes[$0].name } ?? plan.definition.primaryKey.name
    let fixed = prefixes.first?.count ?? 0
    var parts: [String] = []
    if fixed > 0 {
      parts.append("\(fixed) fixed column\(fixed == 1 ? "" : "s") x \(prefixes.count)")
    }
    if lower != nil || upper != nil { parts.append("range") }
    if parts.isEmpty { parts.append("all rows") }
    if !isForward { parts.append("backward") }
    parts.append(keepsOrder ? "in order" : orderedTerms > 0 ? "sorted in groups" : "sorted")
    return "\(name) on \(plan.definition.name): \(parts.joined(separator: ", "))"
  }
}
