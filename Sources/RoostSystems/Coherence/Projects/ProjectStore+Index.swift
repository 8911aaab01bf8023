import Roost
import RoostCore

extension ProjectStore {
  /// Stores a list of packages with their edges, in batches that are each all or nothing.
  ///
  /// An edge goes to each name that a package needs; a virtual name leads to every package that
  /// provides it; names that nobody has are counted. Rows that are as listed keep their
  /// `updatedAt`, edges that a listed package has no more are removed, and packages that are not
  /// listed stay as they are. When a run is stopped, the next one completes the work.
  /// - Parameters:
  ///   - packages: the list; of two with the same name the later counts.
  ///   - ecosystem: the ecosystem of all of them, in lower case.
  ///   - batchSize: how many packages make a transaction.
  ///   - shouldStop: asked before each batch; true ends the run.
  ///   - progress: told after each batch.
  /// - Throws: what a store throws; batches before the error are stored.
  public func index(
    _ packages: [PackageListing], ecosystem: String, batchSize: Int = 4_000,
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (IndexProgress) -> Void = { _ in }
  ) async throws -> IndexReport {
    var report = IndexReport()
    let listed = Self.withoutDuplicates(packages, &report)
    var run = try await IndexRun(
      listed, ecosystem: ecosystem, store: store, batchSize: batchSize, progress: progress)
    report.unknownNames = run.unknownNames
    let batches = stride(from: 0, to: listed.count, by: max(1, batchSize)).map { start in
      start..<min(start + max(1, batchSize), listed.count)
    }
    for batch in batches {
      guard !shouldStop() else {
        report.wasStopped = true
        return report
      }
      try await run.storeProjects(batch, &report)
    }
    for batch in batches {
      guard !shouldStop() else {
        report.wasStopped = true
        return report
      }
      try await run.storeEdges(batch, &report)
    }
    return report
  }

  private static func withoutDuplicates(
    _ packages: [PackageListing], _ report: inout IndexReport
  ) -> [PackageListing] {
    var places: [String: Int] = [:]
    var listed: [PackageListing] = []
    for package in packages {
      if let place = places[package.name] {
        listed[place] = package
        report.duplicates += 1
      } else {
        places[package.name] = listed.count
        listed.append(package)
      }
    }
    report.listed = listed.count
    return listed
  }
}

/// One run over a list. Packages are numbers here: their places in the list, and behind those
/// the needed packages that an earlier run has stored.
private struct IndexRun {
  private let listed: [PackageListing]
  private let ecosystem: String
  private let store: Store
  private let progress: @Sendable (IndexProgress) -> Void
  /// How many needed names nobody has.
  private(set) var unknownNames = 0
  /// What each listed package needs, each package once, never itself.
  private var targets: [[Int]] = []
  /// The stored keys of all packages; nil until they are stored.
  private var keys: [Int?]
  private var done = 0

  init(
    _ listed: [PackageListing], ecosystem: String, store: Store, batchSize: Int,
    progress: @escaping @Sendable (IndexProgress) -> Void
  ) async throws {
    self.listed = listed
    self.ecosystem = ecosystem
    self.store = store
    self.progress = progress
    keys = Array(repeating: nil, count: listed.count)
    var packages: [String: [Int]] = [:]
    for (place, package) in listed.enumerated() {
      for virtual in package.provides { packages[virtual, default: []].append(place) }
    }
    for (place, package) in listed.enumerated() {
      packages[package.name, default: []].append(place)
    }
    let unlisted = Set(listed.lazy.flatMap(\.requires).filter { packages[$0] == nil }).sorted()
    for start in stride(from: 0, to: unlisted.count, by: max(1, batchSize)) {
      let names = Array(unlisted[start..<min(start + max(1, batchSize), unlisted.count)])
      for project in try await ProjectStore.find(names, of: ecosystem, in: store) {
        packages[project.name] = [keys.count]
        keys.append(project.id)
      }
    }
    unknownNames = unlisted.count { packages[$0] == nil }
    targets = listed.enumerated().map { place, package in
      var found: [Int] = []
      for name in package.requires {
        for target in packages[name] ?? [] where target != place && !found.contains(target) {
          found.append(target)
        }
      }
      return found
    }
  }

  mutating func storeProjects(_ batch: Range<Int>, _ report: inout IndexReport) async throws {
    let ecosystem = ecosystem
    let wanted = batch.map { place in
      let package = listed[place]
      return Project(
        ecosystem: ecosystem, name: package.name, description: package.description,
        homepageURL: package.homepageURL, repositoryURL: package.repositoryURL,
        dependencyCount: targets[place].count)
    }
    let (known, written) = try await store.transaction { transaction in
      let known = try await ProjectStore.find(wanted.map(\.name), of: ecosystem, in: transaction)
      let stored = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
      let different = wanted.filter { project in
        stored[project.name].map { !$0.isListed(as: project) } ?? true
      }
      return (known, try await ProjectStore.upsert(different, in: transaction))
    }
    let stored = Dictionary((known + written).map { ($0.name, $0.id) }) { first, _ in first }
    for place in batch { keys[place] = stored[listed[place].name] ?? nil }
    let knownNames = Set(known.map(\.name))
    let changed = written.count { knownNames.contains($0.name) }
    report.changed += changed
    report.inserted += written.count - changed
    report.unchanged += wanted.count - written.count
    advance(by: batch.count)
  }

  mutating func storeEdges(_ batch: Range<Int>, _ report: inout IndexReport) async throws {
    let sources = batch.compactMap { keys[$0] }
    let wanted = batch.flatMap { place in
      targets[place].compactMap { target in
        keys[place].flatMap { from in keys[target].map { Edge(from: from, to: $0) } }
      }
    }
    let (added, removed) = try await store.transaction { transaction in
      let known = try await transaction.select(ProjectDependency.self)
        .where { $0.fromProjectID.isIn(sources) }.fetch()
      // Most runs are the first or change little: then one of the two sets is empty or equal.
      let stored = Set(known.map { Edge($0) })
      let missing = wanted.filter { !stored.contains($0) }.sorted()
      if stored.count + missing.count > wanted.count {
        let edges = Set(wanted)
        let stale = known.filter { !edges.contains(Edge($0)) }.compactMap(\.id)
        try await transaction.select(ProjectDependency.self).where { $0.id.isIn(stale) }.delete()
      }
      try await transaction.load(missing.map { ProjectDependency(from: $0.from, to: $0.to) })
      return (missing.count, stored.count + missing.count - wanted.count)
    }
    report.edges += wanted.count
    report.edgesAdded += added
    report.edgesRemoved += removed
    advance(by: batch.count)
  }

  private mutating func advance(by count: Int) {
    done += count
    progress(IndexProgress(done: done, total: 2 * listed.count))
  }
}

/// The two ends of an edge.
private struct Edge: Hashable, Comparable {
  var from: Int
  var to: Int

  init(from: Int, to: Int) {
    self.from = from
    self.to = to
  }

  init(_ dependency: ProjectDependency) {
    self.init(from: dependency.fromProjectID, to: dependency.toProjectID)
  }

  static func < (left: Edge, right: Edge) -> Bool {
    (left.from, left.to) < (right.from, right.to)
  }
}

extension Project {
  /// Whether a stored project says what a listed one says.
  fileprivate func isListed(as other: Project) -> Bool {
    // As stored values, by bytes: Swift's equality of strings lets canonical equivalents pass.
    description.value == other.description.value
      && homepageURL.value == other.homepageURL.value
      && repositoryURL.value == other.repositoryURL.value
      && dependencyCount == other.dependencyCount
  }
}
