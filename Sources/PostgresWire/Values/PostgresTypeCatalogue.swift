/// What the server says about a type that it has numbered itself: an enum, a domain, a composite, a
/// range, an extension's type, or an array of one.
public struct PostgresTypeInfo: Sendable, Hashable {
  /// A column of a composite type.
  public struct Field: Sendable, Hashable {
    /// The name.
    public var name: String
    /// The type.
    public var type: PostgresType

    /// A column of this name and type.
    public init(name: String, type: PostgresType) {
      self.name = name
      self.type = type
    }
  }

  /// What a type is made of.
  public enum Kind: Sendable, Hashable {
    /// Labels, which come as text.
    case enumeration
    /// A type with a name and constraints of its own.
    case domain(PostgresType)
    /// An array of these elements, with the delimiter of its text.
    case array(PostgresType, delimiter: UInt8)
    /// A row of columns.
    case composite([Field])
    /// A range with bounds of this type.
    case range(PostgresType)
    /// Ranges of this type.
    case multirange(PostgresType)
    /// The extension's `hstore`.
    case hstore
    /// The extension's `citext`.
    case citext
    /// A type that this driver has no codec for; its values come as text.
    case unknown
  }

  /// The name as SQL writes it, with the schema where it is needed.
  public var name: String
  /// What it is made of.
  public var kind: Kind

  /// A type of this name, made of this.
  public init(name: String, kind: Kind) {
    self.name = name
    self.kind = kind
  }

  /// The types that it is made of.
  package var parts: [PostgresType] {
    switch kind {
    case .domain(let part), .array(let part, _), .range(let part), .multirange(let part): [part]
    case .composite(let fields): fields.map(\.type)
    case .enumeration, .hstore, .citext, .unknown: []
    }
  }
}

/// The types of one database that are not built in, as far as they have come up.
///
/// It never changes; a database of which more is known has another.
public final class PostgresTypeCatalogue: Sendable {
  /// What is known, by `pg_type`'s number.
  package let types: [PostgresType: PostgresTypeInfo]

  /// The most types that a chain of types (an array of domains over ranges) goes through.
  package static let depth = 16

  /// A catalogue of these types.
  public init(_ types: [PostgresType: PostgresTypeInfo] = [:]) {
    self.types = types
  }

  /// Nothing but what is built in.
  public static let builtIn = PostgresTypeCatalogue()

  /// What is known of a type, nil for built-in types and for those that nobody asked about.
  public subscript(type: PostgresType) -> PostgresTypeInfo? { types[type] }

  /// The type's name as SQL writes it, or `type 12345` when it is not known.
  public func name(of type: PostgresType) -> String { types[type]?.name ?? type.description }

  /// The type under a domain, and under domains over domains; else the type itself.
  public func baseType(of type: PostgresType) -> PostgresType {
    var type = type
    for _ in 0..<Self.depth {
      guard case .domain(let base) = types[type]?.kind else { return type }
      type = base
    }
    return type
  }

  /// The type of an array's elements, nil when it is no array.
  public func elementType(of type: PostgresType) -> PostgresType? {
    if let element = type.elementType { return element }
    guard case .array(let element, _) = types[type]?.kind else { return nil }
    return element
  }

  /// The type of a range's bounds, nil when it is no range.
  public func boundType(of type: PostgresType) -> PostgresType? {
    if let bound = type.boundType { return bound }
    guard case .range(let bound) = types[type]?.kind else { return nil }
    return bound
  }

  /// The type of a multirange's ranges, nil when it is no multirange.
  public func rangeType(of type: PostgresType) -> PostgresType? {
    if let range = type.rangeType { return range }
    guard case .multirange(let range) = types[type]?.kind else { return nil }
    return range
  }

  /// The delimiter in the text of an array of this element type. Source: `pg_type.typdelim`, a
  /// comma for all but `box`.
  func delimiter(ofArray type: PostgresType) -> UInt8 {
    if case .array(_, let delimiter) = types[type]?.kind { return delimiter }
    return type == PostgresType.box.arrayType ? UInt8(ascii: ";") : UInt8(ascii: ",")
  }

  /// Whether a value of this type is a text, as labels are.
  func isText(_ type: PostgresType) -> Bool {
    switch types[type]?.kind {
    case .enumeration, .citext: true
    default: false
    }
  }

  /// The format in which results of this type are asked for: binary where it is known down to its
  /// last part, because a part that is not may have no binary form at all.
  package func preferredFormat(of type: PostgresType) -> PostgresFormat {
    if type.isBuiltIn { return type.preferredFormat }
    var seen: [PostgresType: Bool] = [:]
    return isBinary(type, &seen, depth: Self.depth) ? .binary : .text
  }

  /// Each type is looked at once: what a server says may be a circle.
  private func isBinary(
    _ type: PostgresType, _ seen: inout [PostgresType: Bool], depth: Int
  ) -> Bool {
    if type.isBuiltIn { return type.preferredFormat == .binary }
    if let result = seen[type] { return result }
    guard depth > 0, let kind = types[type]?.kind else { return false }
    seen[type] = false
    let result =
      switch kind {
      case .enumeration, .hstore, .citext: true
      case .domain(let part), .array(let part, _), .range(let part), .multirange(let part):
        isBinary(part, &seen, depth: depth - 1)
      case .composite(let fields):
        fields.allSatisfy { isBinary($0.type, &seen, depth: depth - 1) }
      case .unknown: false
      }
    seen[type] = result
    return result
  }

  /// The types that have to be known to read these and are not.
  package func missing(_ types: some Sequence<PostgresType>) -> Set<PostgresType> {
    Set(types.filter { !$0.isBuiltIn && self.types[$0] == nil })
  }

  /// This catalogue with more types; what it knew of them before is forgotten.
  package func adding(_ more: [PostgresType: PostgresTypeInfo]) -> PostgresTypeCatalogue {
    PostgresTypeCatalogue(types.merging(more) { $1 })
  }
}
