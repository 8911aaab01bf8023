/// A search for words: SQL's `tsquery`.
///
/// It is kept as the server sends it, flat: an operator stands before what it is about, the right
/// side before the left one. So no query, however deep, needs a deep call. Source: `tsquerysend`
/// and `tsqueryout` in the server's `src/backend/utils/adt/tsquery.c`.
public struct PostgresTSQuery: PostgresScalar {
  /// Places that a word may stand at, by how much they count.
  public struct Weights: OptionSet, Sendable, Hashable {
    /// A bit a weight.
    public let rawValue: UInt8

    /// The weights of these bits.
    public init(rawValue: UInt8) {
      self.rawValue = rawValue
    }

    /// The least.
    public static let d = Weights(rawValue: 1)
    /// More than `d`.
    public static let c = Weights(rawValue: 2)
    /// More than `c`.
    public static let b = Weights(rawValue: 4)
    /// The most.
    public static let a = Weights(rawValue: 8)

    /// What the weights are called, the greatest first.
    fileprivate static let letters: [(Weights, Unicode.Scalar)] = [
      (.a, "A"), (.b, "B"), (.c, "C"), (.d, "D"),
    ]
  }

  /// A part of a query.
  public enum Node: Sendable, Hashable {
    /// A word, or what words begin with; only at the places of these weights, at any when there
    /// are none.
    case word(String, isPrefix: Bool = false, weights: Weights = [])
    /// Not the one node that follows.
    case not
    /// Both of the two that follow, the right one first.
    case and
    /// One of the two that follow, the right one first.
    case or
    /// The right one so many words after the left one; the right one follows first.
    case phrase(distance: UInt16)

    /// How many parts it is about.
    fileprivate var operandCount: Int {
      switch self {
      case .word: 0
      case .not: 1
      case .and, .or, .phrase: 2
      }
    }

    /// How tightly it binds. Source: `QO_PRIORITY`.
    fileprivate var priority: Int {
      switch self {
      case .or: 1
      case .and: 2
      case .phrase: 3
      case .not: 4
      case .word: 5
      }
    }
  }

  /// The parts; none for the query that finds nothing.
  public let nodes: [Node]

  /// A query of these parts; nil when an operator lacks what it is about, or a part is left over.
  public init?(_ nodes: [Node]) {
    var open = 1
    for node in nodes {
      guard open > 0 else { return nil }
      open += node.operandCount - 1
    }
    guard open == 0 || nodes.isEmpty else { return nil }
    self.nodes = nodes
  }

  /// `tsquery`.
  public static var postgresParameterType: PostgresType { .tsquery }

  // Marks of the parts. Source: `src/include/tsearch/ts_type.h`.
  private static let wordMark: UInt8 = 1
  private static let operatorMark: UInt8 = 2
  private static let notMark: UInt8 = 1
  private static let andMark: UInt8 = 2
  private static let orMark: UInt8 = 3
  private static let phraseMark: UInt8 = 4

  /// A count and the parts.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let count = try reader.count(ofByteCount: 2)
    var nodes: [Node] = []
    nodes.reserveCapacity(count)
    for _ in 0..<count {
      switch try reader.integer(UInt8.self) {
      case Self.wordMark:
        let mask: UInt8 = try reader.integer()
        let isPrefix = try reader.integer(UInt8.self) != 0
        let weights = Weights(rawValue: mask & 15)
        nodes.append(.word(try reader.textToNUL(), isPrefix: isPrefix, weights: weights))
      case Self.operatorMark:
        switch try reader.integer(UInt8.self) {
        case Self.notMark: nodes.append(.not)
        case Self.andMark: nodes.append(.and)
        case Self.orMark: nodes.append(.or)
        case Self.phraseMark: nodes.append(.phrase(distance: try reader.integer()))
        case let mark: throw reader.malformed("it has the operator \(mark)")
        }
      case let mark: throw reader.malformed("it has a part of the kind \(mark)")
      }
    }
    guard let value = PostgresTSQuery(nodes) else {
      throw reader.malformed("its operators and words do not fit")
    }
    self = value
  }

  /// As it is read. Throws when a word has a NUL, and for the query that finds nothing:
  /// `tsqueryrecv` refuses it, though `tsquerysend` writes it. Say `''::tsquery` instead.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    guard !nodes.isEmpty else {
      throw PostgresEncodingError("the server takes no tsquery without words in binary")
    }
    guard let count = Int32(exactly: nodes.count) else {
      throw PostgresEncodingError("there are more parts than Postgres can hold")
    }
    writer.write(count)
    for node in nodes {
      switch node {
      case .word(let text, let isPrefix, let weights):
        writer.write(Self.wordMark)
        writer.write(weights.rawValue)
        writer.write(UInt8(isPrefix ? 1 : 0))
        try text.encode(into: &writer)
        writer.write(UInt8(0))
      case .not: writer.write(bytes: [Self.operatorMark, Self.notMark])
      case .and: writer.write(bytes: [Self.operatorMark, Self.andMark])
      case .or: writer.write(bytes: [Self.operatorMark, Self.orMark])
      case .phrase(let distance):
        writer.write(bytes: [Self.operatorMark, Self.phraseMark])
        writer.write(distance)
      }
    }
  }
}

extension PostgresTSQuery {
  /// What is still to be written, the next at the end.
  private enum Pending {
    case text(String)
    case node(Int, parentPriority: Int, isRightOfPhrase: Bool)
  }

  /// `'fat' & ( 'rat' | 'cat' )`.
  public var description: String {
    guard !nodes.isEmpty else { return "" }
    let ends = subtreeEnds()
    var text = ""
    var pending = [Pending.node(0, parentPriority: -1, isRightOfPhrase: false)]
    while let next = pending.popLast() {
      switch next {
      case .text(let piece): text += piece
      case .node(let index, let parentPriority, let isRightOfPhrase):
        let node = nodes[index]
        let priority = node.priority
        var isPhrase = false
        if case .phrase = node { isPhrase = true }
        let isNested = priority < parentPriority || (isPhrase && isRightOfPhrase)
        if isNested, node.operandCount > 0 {
          text += "( "
          pending.append(.text(" )"))
        }
        switch node.operandCount {
        case 0: text += Self.text(node)
        case 1:
          text += Self.text(node)
          pending.append(
            .node(index + 1, parentPriority: priority, isRightOfPhrase: false))
        default:
          pending.append(
            .node(index + 1, parentPriority: priority, isRightOfPhrase: isPhrase))
          pending.append(.text(Self.text(node)))
          pending.append(
            .node(ends[index + 1], parentPriority: priority, isRightOfPhrase: false))
        }
      }
    }
    return text
  }

  /// For each part the place behind the last of those that it is about.
  private func subtreeEnds() -> [Int] {
    var ends = [Int](repeating: 0, count: nodes.count)
    for index in nodes.indices.reversed() {
      var end = index + 1
      for _ in 0..<nodes[index].operandCount { end = ends[end] }
      ends[index] = end
    }
    return ends
  }

  private static func text(_ node: Node) -> String {
    switch node {
    case .not: return "!"
    case .and: return " & "
    case .or: return " | "
    case .phrase(1): return " <-> "
    case .phrase(let distance): return " <\(distance)> "
    case .word(let word, let isPrefix, let weights):
      var text = PostgresTSVector.quoted(word)
      if isPrefix || !weights.isEmpty { text += ":" }
      if isPrefix { text += "*" }
      for (weight, letter) in Weights.letters where weights.contains(weight) {
        text.unicodeScalars.append(letter)
      }
      return text
    }
  }

  /// Reads what `description` writes; nil when the text has another form. Operators of one kind in
  /// a row are joined from the left, as the server reads them.
  public init?(_ text: String) {
    var rest = Substring(text).unicodeScalars
    // The left side comes first in `output`; the nodes are its reverse.
    var output: [Node] = []
    var waiting: [Node?] = []
    var wantsOperand = true
    while true {
      while rest.first == " " { rest.removeFirst() }
      guard let scalar = rest.first else { break }
      if wantsOperand {
        switch scalar {
        case "(", "!":
          rest.removeFirst()
          waiting.append(scalar == "(" ? nil : .not)
        default:
          guard let word = Self.word(&rest) else { return nil }
          output.append(word)
          wantsOperand = false
        }
      } else if scalar == ")" {
        rest.removeFirst()
        while case .some(.some(let node)) = waiting.last {
          output.append(node)
          waiting.removeLast()
        }
        guard waiting.popLast() != nil else { return nil }
      } else {
        guard let node = Self.binary(&rest) else { return nil }
        while case .some(.some(let other)) = waiting.last, other.priority >= node.priority {
          output.append(other)
          waiting.removeLast()
        }
        waiting.append(node)
        wantsOperand = true
      }
    }
    while let node = waiting.popLast() {
      guard let node else { return nil }
      output.append(node)
    }
    self.init(output.reversed())
  }

  private static func binary(_ rest: inout Substring.UnicodeScalarView) -> Node? {
    switch rest.popFirst() {
    case "&": return .and
    case "|": return .or
    case "<":
      let inside = rest.prefix { $0 != ">" }
      rest = rest[inside.endIndex...]
      guard rest.popFirst() == ">" else { return nil }
      if String(inside) == "-" { return .phrase(distance: 1) }
      return UInt16(String(inside)).map { .phrase(distance: $0) }
    default: return nil
    }
  }

  private static func word(_ rest: inout Substring.UnicodeScalarView) -> Node? {
    guard let text = PostgresTSVector.word(&rest) else { return nil }
    var isPrefix = false
    var weights: Weights = []
    if rest.first == ":" {
      rest.removeFirst()
      while let scalar = rest.first {
        if scalar == "*" {
          isPrefix = true
        } else if let (weight, _) = Weights.letters.first(where: { $0.1 == scalar }) {
          weights.insert(weight)
        } else {
          break
        }
        rest.removeFirst()
      }
    }
    return .word(text, isPrefix: isPrefix, weights: weights)
  }
}
