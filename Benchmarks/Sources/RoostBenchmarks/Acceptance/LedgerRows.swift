import Roost
import RoostSystems
import RoostTesting

extension LedgerLoad.Rows {
  /// Agent tasks, with the version as what came of them.
  static let tasks = LedgerLoad.Rows { store, key, version in
    var task = AgentTask("build", type: .impl, model: "m", command: "c", id: "own-\(key)")
    task.output = "\(version)"
    try await store.upsert([task])
  } remove: { store, key in
    _ = try await store.delete(AgentTask.self, "own-\(key)")
  } read: { store, key in
    try await store.find(AgentTask.self, "own-\(key)")?.output.flatMap { Int($0) }
  }

  /// Even numbers are agent tasks, odd ones packages that need the first one of the graph.
  static let coherence = LedgerLoad.Rows { store, key, version in
    if key.isMultiple(of: 2) { return try await tasks.write(store, key, version) }
    try await store.transaction { transaction in
      let project = Project(ecosystem: "own", name: "own-\(key)", description: "\(version)")
      let stored = try await transaction.upsert(
        [project], on: { [$0.ecosystem, $0.name] }, preserving: { [$0.createdAt] })
      guard let id = stored.first?.id else { return }
      try await transaction.insertOrIgnore([ProjectDependency(from: id, to: 1)])
    }
  } remove: { store, key in
    if key.isMultiple(of: 2) { return try await tasks.remove(store, key) }
    _ = try await ProjectStore(store).remove(ecosystem: "own", name: "own-\(key)")
  } read: { store, key in
    if key.isMultiple(of: 2) { return try await tasks.read(store, key) }
    let project = try await ProjectStore(store).find(ecosystem: "own", name: "own-\(key)")
    return project?.description.flatMap { Int($0) }
  }
}
