import RoostCore

/// An expression with its place, and the columns it names with theirs.
struct ExpressionSyntax: Sendable, Equatable {
  var expression: Expression
  var token: SQLToken
  var columns: [SQLName]
}

/// How tightly operators bind, as in Postgres.
///
/// Source: PostgreSQL manual, "Operator Precedence".
private enum Precedence: Int, Comparable {
  case or, and, not, isTest, comparison, pattern, otherOperator, additive, multiplicative, unary

  static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }

  /// The next tighter one, for the right side of an operator that groups to the left.
  var tighter: Precedence { Precedence(rawValue: rawValue + 1) ?? .unary }
}

extension SQLParser {
  /// The deepest nesting of an expression, and the most operators in it: enough for any migration,
  /// and far from what recursion could not bear.
  private static let maximumDepth = 100
  private static let maximumOperators = 500

  /// An expression of any kind.
  mutating func expression() throws(StoreError) -> ExpressionSyntax {
    try syntax(.or)
  }

  /// An expression without AND, OR, NOT, IS and comparisons, as after DEFAULT.
  mutating func simpleExpression() throws(StoreError) -> ExpressionSyntax {
    try syntax(.otherOperator)
  }

  /// A key of an index that is no plain column: a function call, or anything in parentheses.
  mutating func indexExpression() throws(StoreError) -> ExpressionSyntax {
    let token = current
    namedColumns = []
    operatorCount = 0
    let expression = try primary()
    return ExpressionSyntax(expression: expression, token: token, columns: namedColumns)
  }

  /// An expression as a part of the one in hand: in parentheses or as an argument.
  mutating func expressionInside() throws(StoreError) -> Expression {
    try parse(.or)
  }

  private mutating func syntax(_ precedence: Precedence) throws(StoreError) -> ExpressionSyntax {
    let token = current
    namedColumns = []
    operatorCount = 0
    let expression = try parse(precedence)
    return ExpressionSyntax(expression: expression, token: token, columns: namedColumns)
  }

  // MARK: Operators

  private mutating func parse(_ lowest: Precedence) throws(StoreError) -> Expression {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw error("the expression is nested too deeply") }
    var left = try prefix(lowest)
    // What has been parsed binds this tightly; operators that do not group stop there.
    while let next = try infix(left, lowest) {
      operatorCount += 1
      guard operatorCount <= Self.maximumOperators else {
        throw error("the expression has too many operators")
      }
      left = next
    }
    return left
  }

  private mutating func prefix(_ lowest: Precedence) throws(StoreError) -> Expression {
    if isWord("not"), lowest <= .not {
      advance()
      return .not(try parse(.not))
    }
    if acceptSymbol("-") {
      let token = current
      let operand = try parse(.unary)
      switch operand {
      case .literal(.int(let value)):
        let (result, overflows) = Int64(0).subtractingReportingOverflow(value)
        if overflows { throw error("bigint out of range", at: token) }
        return .literal(.int(result))
      case .literal(.numeric(let value)):
        // -9223372036854775808 is a bigint whose digits alone are none.
        let negated = -value
        if negated.scale == 0, let integer = negated.int64 { return .literal(.int(integer)) }
        return .literal(.numeric(negated))
      default: return .negative(operand)
      }
    }
    if acceptSymbol("+") {
      let token = current
      let operand = try parse(.unary)
      if case .literal(.text) = operand { throw error("a text has no sign", at: token) }
      return operand
    }
    return try postfix(try primary())
  }

  /// `::type` and `COLLATE`, which bind to the value before them.
  private mutating func postfix(_ operand: Expression) throws(StoreError) -> Expression {
    var result = operand
    while true {
      let token = current
      if acceptSymbol("::") {
        result = try cast(result, try type(), at: token)
      } else if isWord("collate") {
        _ = try collation()
      } else if isSymbol("[") || isSymbol(".") {
        throw error("subscripts and fields are not supported")
      } else {
        return result
      }
    }
  }

  /// The expression that `left` and the operator in hand begin; nil when no operator, or one that
  /// binds less tightly than wanted, is there.
  private mutating func infix(
    _ left: Expression, _ lowest: Precedence
  ) throws(StoreError) -> Expression? {
    switch current.kind {
    case .word(let word): return try wordOperator(word, left, lowest)
    case .symbol(let symbol): return try symbolOperator(symbol, left, lowest)
    default: return nil
    }
  }

  private mutating func wordOperator(
    _ word: String, _ left: Expression, _ lowest: Precedence
  ) throws(StoreError) -> Expression? {
    switch word {
    case "or" where lowest <= .or:
      advance()
      let right = try parse(.and)
      if case .or(let operands) = left { return .or(operands + [right]) }
      return .or([left, right])
    case "and" where lowest <= .and:
      advance()
      let right = try parse(.not)
      if case .and(let operands) = left { return .and(operands + [right]) }
      return .and([left, right])
    case "is" where lowest <= .isTest:
      advance()
      return try isTest(left)
    case "isnull" where lowest <= .isTest:
      advance()
      return .isNull(left)
    case "notnull" where lowest <= .isTest:
      advance()
      return .not(.isNull(left))
    case "not", "in", "like", "ilike", "between", "similar":
      guard lowest <= .pattern else { return nil }
      let isNegated = word == "not"
      if isNegated {
        guard
          ["in", "like", "ilike", "between", "similar"].contains(where: { isWord($0, ahead: 1) })
        else { return nil }
        advance()
      }
      let test = try patternTest(left)
      return isNegated ? .not(test) : test
    case "at", "operator", "overlaps":
      throw error("\(TextOrder.uppercased(word)) is not supported in an expression")
    default: return nil
    }
  }

  private mutating func isTest(_ left: Expression) throws(StoreError) -> Expression {
    let isNegated = accept("not")
    let test: Expression
    if accept("null") || accept("unknown") {
      test = .isNull(left)
    } else if accept("true") {
      test = .isTrue(left)
    } else if accept("false") {
      test = .isTrue(.not(left))
    } else if accept("distinct", "from") {
      let same = Expression.isNotDistinct(left, try parse(Precedence.isTest.tighter))
      return isNegated ? same : .not(same)
    } else {
      throw unexpected("NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM")
    }
    return isNegated ? .not(test) : test
  }

  private mutating func patternTest(_ left: Expression) throws(StoreError) -> Expression {
    if accept("in") { return try membership(left) }
    if accept("between") {
      if isWord("symmetric") { throw error("BETWEEN SYMMETRIC is not supported") }
      _ = accept("asymmetric")
      let low = try parse(.otherOperator)
      try expect("and")
      let high = try parse(.otherOperator)
      return .and([
        .comparison(.greaterOrEqual, left, low), .comparison(.lessOrEqual, left, high),
      ])
    }
    let ignoringCase = accept("ilike")
    guard ignoringCase || accept("like") else { throw error("SIMILAR TO is not supported") }
    return try likeTest(left, ignoringCase: ignoringCase)
  }

  private mutating func membership(_ left: Expression) throws(StoreError) -> Expression {
    try expectSymbol("(")
    if isWord("select") || isWord("values") || isWord("with") {
      throw error("subqueries are not supported")
    }
    var candidates: [Expression] = []
    repeat { candidates.append(try parse(.or)) } while acceptSymbol(",")
    try expectSymbol(")")
    return .isIn(left, candidates)
  }

  private mutating func likeTest(
    _ left: Expression, ignoringCase: Bool
  ) throws(StoreError) -> Expression {
    let token = current
    var pattern = try parse(.otherOperator)
    if accept("escape") {
      let escapeToken = current
      guard case .literal(.text(let escape)) = try parse(.otherOperator),
        case .literal(.text(let text)) = pattern
      else { throw error("ESCAPE needs a literal pattern and a literal escape", at: escapeToken) }
      do {
        _ = try LikePattern(text, escape: escape)
      } catch {
        throw errors.error("\(error)", at: escapeToken)
      }
      pattern = .literal(.text(Self.backslashed(text, escape: escape.unicodeScalars.first)))
    } else if case .literal(.text(let text)) = pattern {
      do {
        _ = try LikePattern(text)
      } catch {
        throw errors.error("\(error)", at: token)
      }
    }
    return .like(left, pattern: pattern, ignoringCase: ignoringCase)
  }

  /// A pattern with another escape character, or none, written with the backslash instead.
  private static func backslashed(_ pattern: String, escape: Unicode.Scalar?) -> String {
    var result = String.UnicodeScalarView()
    var isEscaped = false
    for scalar in pattern.unicodeScalars {
      if !isEscaped, scalar == escape {
        isEscaped = true
        continue
      }
      let isSpecial = scalar == "%" || scalar == "_"
      if scalar == "\\" || (isEscaped && isSpecial) { result.append("\\") }
      result.append(scalar)
      isEscaped = false
    }
    return String(result)
  }

  private static let comparisons: [String: Expression.Comparison] = [
    "=": .equal, "<>": .notEqual, "!=": .notEqual, "<": .less, "<=": .lessOrEqual,
    ">": .greater, ">=": .greaterOrEqual,
  ]

  private mutating func symbolOperator(
    _ symbol: String, _ left: Expression, _ lowest: Precedence
  ) throws(StoreError) -> Expression? {
    if let comparison = Self.comparisons[symbol] {
      guard lowest <= .comparison else { return nil }
      advance()
      if isWord("any") || isWord("some") || isWord("all") {
        return try quantified(left, comparison)
      }
      let right = try parse(Precedence.comparison.tighter)
      if case .symbol(let next) = current.kind, Self.comparisons[next] != nil {
        throw error("comparisons do not chain; use parentheses")
      }
      return .comparison(comparison, left, right)
    }
    let (operation, precedence): (Expression.Arithmetic?, Precedence)
    switch symbol {
    case "||": (operation, precedence) = (nil, .otherOperator)
    case "+": (operation, precedence) = (.add, .additive)
    case "-": (operation, precedence) = (.subtract, .additive)
    case "*": (operation, precedence) = (.multiply, .multiplicative)
    case ")", "]", ",", ";", "(", "[", ".", ":", ":=": return nil
    default: throw error("the operator \"\(symbol)\" is not supported")
    }
    guard lowest <= precedence else { return nil }
    advance()
    let right = try parse(precedence.tighter)
    guard let operation else { return .concatenation(left, right) }
    return .arithmetic(operation, left, right)
  }

  /// `= ANY (ARRAY[...])` is IN, and `<> ALL (ARRAY[...])` is NOT IN.
  private mutating func quantified(
    _ left: Expression, _ comparison: Expression.Comparison
  ) throws(StoreError) -> Expression {
    let token = current
    let isAll = accept("all")
    if !isAll { advance() }
    guard comparison == (isAll ? .notEqual : .equal) else {
      throw error("only = ANY (...) and <> ALL (...) are supported", at: token)
    }
    try expectSymbol("(")
    let array = try parse(.or)
    try expectSymbol(")")
    guard case .literal(.array(let values)) = array else {
      throw error("ANY and ALL need an array of literals: ARRAY['a', 'b']", at: token)
    }
    let membership = Expression.isIn(left, values.map { .literal($0) })
    return isAll ? .not(membership) : membership
  }
}
