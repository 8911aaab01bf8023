public import Roost
import RoostCore

/// The package graph: projects and what they depend on.
public struct ProjectStore: Sendable {
  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `coherence`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Stores a project, or gives the one with its ecosystem and name the new values; one that is
  /// unchanged keeps its `updatedAt`.
  /// - Returns: the project as stored.
  /// - Throws: `checkViolation` when ecosystem or name are not in lower case; what a store throws.
  @discardableResult
  public func upsert(_ project: Project) async throws -> Project {
    try await store.transaction { transaction in
      if let stored = try await Self.upsert([project], in: transaction).first { return stored }
      let stored = try await Self.find([project.name], of: project.ecosystem, in: transaction)
      guard let unchanged = stored.first else {
        throw StoreError(.internal, "an upserted project is not there", table: Project.table)
      }
      return unchanged
    }
  }

  /// The project of an ecosystem with a name, nil when there is none.
  /// - Throws: what a store throws.
  public func find(ecosystem: String, name: String) async throws(StoreError) -> Project? {
    try await store.select(Project.self)
      .where { $0.ecosystem == ecosystem && $0.name == name }.first()
  }

  /// Projects whose name or description contains a text, letters of ASCII in either case: first
  /// the one with that name, then those whose name starts with it, then the rest, each by name.
  /// - Parameters:
  ///   - text: what to look for, taken literally.
  ///   - limit: the most projects wanted; nil for all.
  /// - Throws: what a store throws.
  public func search(_ text: String, limit: Int? = nil) async throws(StoreError) -> [Project] {
    let lowered = TextOrder.lowercased(text)
    let isExact = Project.columns.name == lowered
    let isPrefix = Project.columns.name.hasPrefix(lowered)
    let inName = Project.columns.name.lowercased.contains(lowered)
    var selection = store.select(Project.self)
      .where { inName || $0.description.contains(text, ignoringCase: true) }
      .order(by: OrderTerm(isExact.expression, isDescending: true))
      .order(by: OrderTerm(isPrefix.expression, isDescending: true))
      .order { $0.name.ascending }
      .order { $0.ecosystem.ascending }
    if let limit { selection = selection.limit(limit) }
    return try await selection.fetch()
  }

  /// Removes a project with its edges.
  /// - Returns: whether there was one.
  /// - Throws: what a store throws.
  @discardableResult
  public func remove(ecosystem: String, name: String) async throws(StoreError) -> Bool {
    try await store.select(Project.self)
      .where { $0.ecosystem == ecosystem && $0.name == name }.delete() > 0
  }

  /// How many projects and edges there are, by ecosystem.
  /// - Throws: what a store throws.
  public func counts() async throws(StoreError) -> ProjectCounts {
    let groups = try await store.select(Project.self).aggregate(
      by: { [$0.ecosystem] }, [.count, .sum("dependency_count"), .maximum("dependency_count")])
    var counts = ProjectCounts(
      ecosystems: [], dependencies: try await store.select(ProjectDependency.self).count())
    for group in groups {
      guard let ecosystem = String(value: group[0]), let projects = Int(value: group[1]) else {
        continue
      }
      counts.ecosystems.append(
        .init(
          ecosystem: ecosystem, projects: projects, dependencies: Int(value: group[2]) ?? 0,
          mostDependencies: Int(value: group[3]) ?? 0))
    }
    return counts
  }

  static func find(
    _ names: [String], of ecosystem: String, in session: some RecordSession
  ) async throws(StoreError) -> [Project] {
    try await session.select(Project.self)
      .where { $0.ecosystem == ecosystem && $0.name.isIn(names) }.fetch()
  }

  /// Writes projects, and returns those that were new or have changed.
  static func upsert(
    _ projects: [Project], in transaction: Transaction
  ) async throws(StoreError) -> [Project] {
    try await transaction.upsert(
      projects, on: { [$0.ecosystem, $0.name] }, preserving: { [$0.createdAt] },
      ifChanged: {
        [$0.description, $0.homepageURL, $0.repositoryURL, $0.dependencyCount]
      })
  }
}

/// How many projects and edges a store has.
public struct ProjectCounts: Sendable, Equatable {
  /// The figures of one ecosystem.
  public struct Ecosystem: Sendable, Equatable {
    /// Its name.
    public var ecosystem: String
    /// How many projects it has.
    public var projects: Int
    /// How many direct dependencies they have together.
    public var dependencies: Int
    /// The most direct dependencies of one of them.
    public var mostDependencies: Int
  }

  /// The ecosystems by name.
  public var ecosystems: [Ecosystem]
  /// How many edges are stored.
  public var dependencies: Int
  /// How many projects are stored.
  public var projects: Int { ecosystems.reduce(0) { $0 + $1.projects } }
}
