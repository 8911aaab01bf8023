extension Query {
  /// The query as SQL, for people, with a question mark in the place of every value.
  public var shape: String {
    var text = "SELECT \(columns?.joined(separator: ", ") ?? "*") FROM \(table)"
    if let filter { text += " WHERE \(filter.shape)" }
    if !order.isEmpty {
      let terms = order.map { $0.expression.shape + ($0.isDescending ? " DESC" : "") }
      text += " ORDER BY \(terms.joined(separator: ", "))"
    }
    if limit != nil { text += " LIMIT ?" }
    switch lock {
    case .forUpdate: text += " FOR UPDATE"
    case .forUpdateSkippingLocked: text += " FOR UPDATE SKIP LOCKED"
    case .forShare: text += " FOR SHARE"
    case nil: break
    }
    return text
  }
}

extension Expression {
  /// The expression as SQL, for people, with a question mark in the place of every value.
  var shape: String {
    switch self {
    case .column(let name): name
    case .literal(.null): "NULL"
    case .literal: "?"
    case .comparison(let comparison, let left, let right):
      "\(left.shape) \(comparison.rawValue) \(right.shape)"
    case .isNotDistinct(let left, let right): "\(left.shape) IS NOT DISTINCT FROM \(right.shape)"
    case .isNull(let operand): "\(operand.shape) IS NULL"
    case .isTrue(let operand): "\(operand.shape) IS TRUE"
    case .and(let operands): Self.list(operands, " AND ")
    case .or(let operands): Self.list(operands, " OR ")
    case .not(let operand): "NOT (\(operand.shape))"
    // However many there are: it is the same kind of query.
    case .isIn(let operand, _): "\(operand.shape) IN (?)"
    case .like(let operand, pattern: let pattern, ignoringCase: let ignoringCase):
      "\(operand.shape) \(ignoringCase ? "ILIKE" : "LIKE") \(pattern.shape)"
    case .arithmetic(let operation, let left, let right):
      "(\(left.shape) \(operation.rawValue) \(right.shape))"
    case .negative(let operand): "-\(operand.shape)"
    case .concatenation(let left, let right): "\(left.shape) || \(right.shape)"
    case .function(let function, let arguments):
      "\(function.rawValue)(\(arguments.map(\.shape).joined(separator: ", ")))"
    case .cast(let operand, let type): "CAST(\(operand.shape) AS \(type.sql))"
    }
  }

  private static func list(_ operands: [Expression], _ separator: String) -> String {
    "(\(operands.map(\.shape).joined(separator: separator)))"
  }
}
