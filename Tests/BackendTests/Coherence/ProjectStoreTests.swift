import Foundation
import Roost
import RoostSystems
import RoostTesting
import Synchronization
import Testing

/// The package graph on the three backends.
@Suite(.timeLimit(.minutes(15))) struct ProjectStoreTests {
  private func withStore(
    _ backend: TestBackend, _ body: (ProjectStore) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    let store = try await TestBackend.open(
      try await backend.freshURL(in: folder), [.coherence])
    try await body(ProjectStore(store))
    await store.close()
  }

  private func edges(_ projects: ProjectStore) async throws -> [String] {
    let names = Dictionary(
      uniqueKeysWithValues: try await projects.store.select(Project.self).fetch()
        .map { ($0.id ?? 0, $0.name) })
    return try await projects.store.select(ProjectDependency.self).fetch().map {
      "\(names[$0.fromProjectID] ?? "?") \(names[$0.toProjectID] ?? "?")"
    }.sorted()
  }

  private static let packages = [
    PackageListing(name: "app", description: "An App", requires: ["lib", "mail", "unknown"]),
    PackageListing(name: "lib", description: "a library", requires: ["lib", "core"]),
    PackageListing(name: "exim", requires: ["core"], provides: ["mail"]),
    PackageListing(name: "postfix", requires: ["core", "app"], provides: ["mail"]),
    PackageListing(name: "core"),
  ]

  @Test(arguments: TestBackend.allCases)
  func indexing(_ backend: TestBackend) async throws {
    try await withStore(backend) { projects in
      let first = try await projects.index(Self.packages, ecosystem: "debian", batchSize: 2)
      #expect(first.inserted == 5 && first.changed == 0 && first.unknownNames == 1)
      #expect(first.edges == 7 && first.edgesAdded == 7 && first.edgesRemoved == 0)
      let expected = [
        "app exim", "app lib", "app postfix", "exim core", "lib core", "postfix app",
        "postfix core",
      ]
      #expect(try await edges(projects) == expected)

      let before = try await projects.store.select(Project.self).fetch()
      let again = try await projects.index(Self.packages, ecosystem: "debian", batchSize: 3)
      #expect(again.unchanged == 5 && again.inserted + again.changed == 0)
      #expect(again.edgesAdded + again.edgesRemoved == 0)
      #expect(try await projects.store.select(Project.self).fetch() == before, "updatedAt stays")

      // Some packages, one with other edges: stale ones go, those not listed stay.
      try await Task.sleep(for: .milliseconds(2))
      let changed = [
        PackageListing(name: "app", description: "An App", requires: ["core"]),
        PackageListing(name: "core", description: "e\u{301}"),
      ]
      let third = try await projects.index(changed, ecosystem: "debian")
      #expect(third.changed == 2 && third.edgesRemoved == 3 && third.edgesAdded == 1)
      let app = try #require(try await projects.find(ecosystem: "debian", name: "app"))
      let oldApp = try #require(before.first { $0.name == "app" })
      #expect(app.dependencyCount == 1 && app.createdAt == oldApp.createdAt)
      #expect(app.updatedAt != oldApp.updatedAt, "a changed row has another updatedAt")
      let lib = try await projects.find(ecosystem: "debian", name: "lib")
      #expect(lib == before.first { $0.name == "lib" })
      let normal = [PackageListing(name: "core", description: "é")]
      let fourth = try await projects.index(normal, ecosystem: "debian")
      #expect(fourth.changed == 1, "another normal form is a change")
      let twice = try await projects.index(
        [PackageListing(name: "core", description: "x"), PackageListing(name: "core")],
        ecosystem: "debian")
      #expect(twice.duplicates == 1 && twice.listed == 1)
      #expect(
        try await projects.find(ecosystem: "debian", name: "core")?.description == nil, "last wins")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func stoppedAndCompleted(_ backend: TestBackend) async throws {
    try await withStore(backend) { projects in
      for batches in 0...5 {
        let asked = AskedTimes()
        let report = try await projects.index(
          Self.packages, ecosystem: "e\(batches)", batchSize: 2,
          shouldStop: { asked.next() > batches })
        #expect(report.wasStopped)
        let completed = try await projects.index(
          Self.packages, ecosystem: "e\(batches)", batchSize: 2)
        #expect(!completed.wasStopped && completed.edges == 7)
        #expect(completed.inserted + report.inserted == 5, "nothing twice")
        #expect(completed.edgesAdded + report.edgesAdded == 7)
      }
      let counts = try await projects.counts()
      #expect(counts.projects == 30 && counts.dependencies == 42)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func upsertAndRemove(_ backend: TestBackend) async throws {
    try await withStore(backend) { projects in
      let stored = try await projects.upsert(Project(ecosystem: "debian", name: "a"))
      #expect(try await projects.upsert(Project(ecosystem: "debian", name: "a")) == stored)
      let error = await #expect(throws: StoreError.self) {
        try await projects.upsert(Project(ecosystem: "debian", name: "A"))
      }
      #expect(error?.constraint == "projects_name_lowercase")
      _ = try await projects.index(Self.packages, ecosystem: "debian")
      #expect(try await projects.remove(ecosystem: "debian", name: "core"))
      #expect(try await !projects.remove(ecosystem: "debian", name: "core"))
      #expect(try await edges(projects) == ["app exim", "app lib", "app postfix", "postfix app"])
    }
  }

  /// The sample that the command ships, asked the same on each backend.
  @Test func sampleHasTheSameAnswersEverywhere() async throws {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../Sources/RoostCommand/Sample/packages.deb822")
    let packages = try DebianPackageIndex.read(Array(try Data(contentsOf: root)), file: "sample")
    #expect(packages.count >= 2_000)
    var answers: [[String]] = []
    for backend in TestBackend.allCases {
      try await withStore(backend) { projects in
        let report = try await projects.index(packages, ecosystem: "debian")
        // Every clause is fulfilled; two alternatives beside another are not in the sample.
        #expect(report.unknownNames <= 2, "the sample is closed under dependency")
        var answer = ["\(report)", "\(try await projects.counts())"]
        for text in ["ssl", "Lib", "%", "_", "c++", ""] {
          let found = try await projects.search(text, limit: 100)
          answer.append("\(text): \(found.map(\.name)) \(found.map { $0.description ?? "-" })")
        }
        for name in ["libc6", "perl-base", "dpkg"] {
          guard let project = try await projects.find(ecosystem: "debian", name: name) else {
            answer.append("no \(name)")
            continue
          }
          for direction in [DependencyDirection.dependencies, .dependents] {
            for isTransitive in [false, true] {
              let reached = try await projects.reachable(
                from: project, direction, isTransitive: isTransitive)
              answer.append(
                "\(name) \(direction) \(reached.map { "\($0.depth) \($0.project.name)" })")
            }
          }
        }
        answers.append(answer)
      }
    }
    #expect(answers[0].contains { $0.contains("libssl") })
    #expect(answers[1] == answers[0], "file and memory")
    #expect(answers[2] == answers[0], "Postgres and memory")
  }
}

private final class AskedTimes: Sendable {
  private let count = Mutex(0)

  func next() -> Int {
    count.withLock { count in
      count += 1
      return count
    }
  }
}
