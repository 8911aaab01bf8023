import Roost
import RoostCore
import RoostSystems

/// Work over the package graph.
public enum GraphWorkload: String, Sendable, CaseIterable {
  /// Storing all packages with their edges into an empty store.
  case index
  /// Looking for parts of names and descriptions.
  case search
  /// All that needs a package, directly or not.
  case dependents

  var title: String {
    switch self {
    case .index: "index of the package graph"
    case .search: "search in the package graph"
    case .dependents: "transitive dependents"
    }
  }

  var unit: String {
    switch self {
    case .index: "rows"
    case .search: "searches"
    case .dependents: "questions"
    }
  }

  /// How many questions are asked: each reads a good part of the graph.
  private static let questions = 40

  func run(on store: Store, _ scale: Scale) async throws -> Measurement {
    let projects = ProjectStore(store)
    if self == .index {
      return try await Measurement.of {
        let report = try await Self.index(projects, scale)
        let rows = report.inserted + report.edgesAdded
        return (rows, Double(rows))
      }
    }
    _ = try await Self.index(projects, scale)
    guard !scale.packages.isEmpty else {
      throw StoreError(.invalidConfiguration, "there are no packages to look for")
    }
    var generator = SeededGenerator(seed: Scale.seed)
    let names = (0..<Self.questions).map { _ in
      scale.packages[Int.random(in: scale.packages.indices, using: &generator)].name
    }
    switch self {
    case .index, .search:
      // The middle of a name: found in many other names and descriptions, or in few.
      let words = names.map { name in String(name.dropFirst(name.count / 3).prefix(5)) }
      return try await Workers.run(Self.shared(words, scale), shouldStop: scale.shouldStop) {
        let found = try await projects.search($0, limit: 50)
        return found.reduce(0) { $0 + Double($1.name.utf8.count + $1.dependencyCount) }
      }
    case .dependents:
      var starts: [Project] = []
      for name in names {
        if let project = try await projects.find(ecosystem: "debian", name: name) {
          starts.append(project)
        }
      }
      return try await Workers.run(Self.shared(starts, scale), shouldStop: scale.shouldStop) {
        let found = try await projects.reachable(from: $0, .dependents, isTransitive: true)
        return found.reduce(0) { $0 + Double($1.depth + $1.project.name.utf8.count) }
      }
    }
  }

  private static func index(
    _ projects: ProjectStore, _ scale: Scale
  ) async throws -> IndexReport {
    let report = try await projects.index(
      scale.packages, ecosystem: "debian", shouldStop: scale.shouldStop)
    guard !report.wasStopped else {
      throw StoreError(.cancelled, "the measurement was stopped")
    }
    return report
  }

  /// What each worker does.
  private static func shared<Item>(_ items: [Item], _ scale: Scale) -> [[Item]] {
    let workers = max(1, scale.workers)
    return (0..<workers).map { worker in
      stride(from: worker, to: items.count, by: workers).map { items[$0] }
    }
  }
}
