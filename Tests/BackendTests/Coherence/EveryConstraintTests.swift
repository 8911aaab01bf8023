import Foundation
import Roost
import RoostSystems
import Testing

/// Every constraint of Coherence's tables is violated once on each backend.
@Suite(.timeLimit(.minutes(15))) struct CoherenceConstraintTests {
  private static let one = UUID()
  private static let two = UUID()

  /// A row of each table that breaks nothing, parents first.
  private static let rows: [(table: String, row: [String: Value])] = [
    ("projects", ["id": .int(1), "ecosystem": .text("debian"), "name": .text("a")]),
    ("projects", ["id": .int(2), "ecosystem": .text("debian"), "name": .text("b")]),
    (
      "project_dependencies",
      ["id": .int(1), "from_project_id": .int(1), "to_project_id": .int(2)]
    ),
    ("contributors", ["id": .uuid(one), "name": .text("Ada")]),
    ("assets", ["id": .uuid(one), "name": .text("Parser"), "asset_type": .text("code")]),
    (
      "contributions",
      [
        "id": .uuid(one), "contributor_id": .uuid(one), "asset_id": .uuid(one),
        "cost_amount": .int(1), "coherence_score": .int(1),
      ]
    ),
    (
      "agent_tasks",
      [
        "id": .text("t1"), "direction": .text("build"), "task_type": .text("impl"),
        "model": .text("m"), "command": .text("c"),
      ]
    ),
  ]

  /// What to change in the first row of a table to break a constraint.
  private static let breaks: [(constraint: String, table: String, change: [String: Value])] = [
    ("projects_pkey", "projects", ["name": .text("c")]),
    ("projects_ecosystem_name_key", "projects", ["id": .int(9)]),
    ("projects_ecosystem_lowercase", "projects", ["id": .int(9), "ecosystem": .text("Debian")]),
    ("projects_name_lowercase", "projects", ["id": .int(9), "name": .text("A")]),
    (
      "project_dependencies_pkey", "project_dependencies",
      ["from_project_id": .int(2), "to_project_id": .int(1)]
    ),
    (
      "project_dependencies_from_project_id_to_project_id_key", "project_dependencies",
      ["id": .int(9)]
    ),
    (
      "project_dependencies_no_self_edge", "project_dependencies",
      ["id": .int(9), "to_project_id": .int(1)]
    ),
    (
      "project_dependencies_from_project_id_fkey", "project_dependencies",
      ["id": .int(9), "from_project_id": .int(7)]
    ),
    (
      "project_dependencies_to_project_id_fkey", "project_dependencies",
      ["id": .int(9), "to_project_id": .int(7)]
    ),
    ("contributors_pkey", "contributors", [:]),
    ("assets_pkey", "assets", [:]),
    ("contributions_pkey", "contributions", [:]),
    (
      "contributions_contributor_id_fkey", "contributions",
      ["id": .uuid(two), "contributor_id": .uuid(two)]
    ),
    ("contributions_asset_id_fkey", "contributions", ["id": .uuid(two), "asset_id": .uuid(two)]),
    (
      "contributions_cost_amount_not_negative", "contributions",
      ["id": .uuid(two), "cost_amount": .int(-1)]
    ),
    (
      "contributions_coherence_score_range", "contributions",
      ["id": .uuid(two), "coherence_score": .int(2)]
    ),
    ("agent_tasks_pkey", "agent_tasks", [:]),
    (
      "agent_tasks_direction_not_blank", "agent_tasks",
      ["id": .text("t2"), "direction": .text(" ")]
    ),
    (
      "agent_tasks_progress_pct_range", "agent_tasks",
      ["id": .text("t2"), "progress_pct": .int(101)]
    ),
  ]

  @Test(arguments: TestBackend.allCases)
  func violated(_ backend: TestBackend) async throws {
    try await withSystem(backend, [.coherence]) { store in
      try await ConstraintCheck(store: store, rows: Self.rows, breaks: Self.breaks).run()
    }
  }
}
