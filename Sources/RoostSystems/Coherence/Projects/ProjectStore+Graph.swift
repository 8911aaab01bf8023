import Roost
import RoostCore

/// A project at a distance from another.
public struct ProjectAtDepth: Sendable, Equatable {
  /// The project.
  public var project: Project
  /// The edges of the shortest way, at least 1.
  public var depth: Int
}

/// A way along the edges.
public enum DependencyDirection: Sendable {
  /// To what a project needs.
  case dependencies
  /// To what needs a project.
  case dependents
}

extension ProjectStore {
  /// The projects that one reaches along the edges, without itself, by depth and name.
  ///
  /// Breadth first, one question a level, all of them in one snapshot: the real graph has cycles,
  /// so a recursive query that counts depth does not end.
  /// - Parameters:
  ///   - start: a stored project.
  ///   - direction: which way.
  ///   - isTransitive: whether to go on beyond the neighbours.
  /// - Throws: `notFound` when the project has no key or was removed; what a store throws.
  public func reachable(
    from start: Project, _ direction: DependencyDirection, isTransitive: Bool
  ) async throws -> [ProjectAtDepth] {
    guard let origin = start.id else {
      throw StoreError(.notFound, "\"\(start.name)\" is not stored", table: Project.table)
    }
    let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
    return try await store.transaction(options) { transaction in
      var depths = [origin: 0]
      var frontier = [origin]
      var depth = 0
      while !frontier.isEmpty && (isTransitive || depth == 0) {
        depth += 1
        var next: [Int] = []
        for neighbour in try await Self.neighbours(of: frontier, direction, in: transaction)
        where depths[neighbour] == nil {
          depths[neighbour] = depth
          next.append(neighbour)
        }
        frontier = next.sorted()
      }
      depths[origin] = nil
      let keys = depths.keys.sorted()
      let projects = try await transaction.find(
        Project.self, keys: keys.map { [.int(Int64($0))] })
      let found = zip(keys, projects).compactMap { key, project in
        project.map { ProjectAtDepth(project: $0, depth: depths[key] ?? 0) }
      }
      return found.sorted { left, right in
        if left.depth != right.depth { return left.depth < right.depth }
        let order = TextOrder.compare(left.project.name, right.project.name)
        if order != 0 { return order < 0 }
        return TextOrder.isLess(left.project.ecosystem, right.project.ecosystem)
      }
    }
  }

  private static func neighbours(
    of frontier: [Int], _ direction: DependencyDirection, in transaction: Transaction
  ) async throws(StoreError) -> [Int] {
    let edges = transaction.select(ProjectDependency.self)
    switch direction {
    case .dependencies:
      return try await edges.where { $0.fromProjectID.isIn(frontier) }
        .values { $0.toProjectID }
    case .dependents:
      return try await edges.where { $0.toProjectID.isIn(frontier) }
        .values { $0.fromProjectID }
    }
  }
}
