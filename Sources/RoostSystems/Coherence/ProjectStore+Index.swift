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
    _ packages: [PackageListing], ecosystem: String, batchSize: Int = 1_000,
    shouldStop: @escaping @Sendable () -> Bool = { false },
    progress: @escaping @Sendable (IndexProgress) -> Void = { _ in }
  ) async throws -> IndexReport {
    var report = IndexReport()
    let listed = Self.withoutDuplicates(packages, &report)
    var run = IndexRun(
      ecosystem: ecosystem, steps: 2 * listed.count, resolver: NameResolver(listed),
      shouldStop: shouldStop, progress: progress)
    try await run.lookUpUnlistedNames(in: store, batchSize: batchSize)
    report.unknownNames = run.resolver.unknownNames(in: listed)
    for batch in listed.batches(of: batchSize) {
      if run.shouldStop() {
        report.wasStopped = true
        return report
      }
      try await run.storeProjects(batch, in: store, &report)
    }
    for batch in listed.batches(of: batchSize) {
      if run.shouldStop() {
        report.wasStopped = true
        return report
      }
      try await run.storeEdges(batch, in: store, &report)
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

/// Which packages a needed name stands for.
private struct NameResolver {
  private var names: Set<String>
  private var providers: [String: [String]] = [:]
  /// The names that are needed but not listed.
  private(set) var unlisted: [String]

  init(_ packages: [PackageListing]) {
    names = Set(packages.map(\.name))
    for package in packages {
      for virtual in package.provides { providers[virtual, default: []].append(package.name) }
    }
    var unlisted: Set<String> = []
    for package in packages {
      for name in package.requires where !names.contains(name) && providers[name] == nil {
        unlisted.insert(name)
      }
    }
    self.unlisted = unlisted.sorted()
  }

  /// Adds a name that an earlier run has stored.
  mutating func add(_ name: String) {
    names.insert(name)
  }

  func unknownNames(in packages: [PackageListing]) -> Int {
    unlisted.count { !names.contains($0) }
  }

  /// The packages that a package needs, each once, never itself.
  func targets(of package: PackageListing) -> Set<String> {
    var targets: Set<String> = []
    for name in package.requires {
      if names.contains(name) { targets.insert(name) }
      targets.formUnion(providers[name] ?? [])
    }
    targets.remove(package.name)
    return targets
  }
}

/// One run over a list.
private struct IndexRun {
  let ecosystem: String
  let steps: Int
  var resolver: NameResolver
  let shouldStop: @Sendable () -> Bool
  let progress: @Sendable (IndexProgress) -> Void
  /// The keys of all projects that edges may touch.
  private var keys: [String: Int] = [:]
  private var done = 0

  init(
    ecosystem: String, steps: Int, resolver: NameResolver,
    shouldStop: @escaping @Sendable () -> Bool,
    progress: @escaping @Sendable (IndexProgress) -> Void
  ) {
    self.ecosystem = ecosystem
    self.steps = steps
    self.resolver = resolver
    self.shouldStop = shouldStop
    self.progress = progress
  }

  /// Finds those needed names that are not listed but were stored by an earlier run.
  mutating func lookUpUnlistedNames(in store: Store, batchSize: Int) async throws {
    for names in resolver.unlisted.batches(of: batchSize) {
      for project in try await ProjectStore.find(Array(names), of: ecosystem, in: store) {
        resolver.add(project.name)
        keys[project.name] = project.id
      }
    }
  }

  mutating func storeProjects(
    _ batch: ArraySlice<PackageListing>, in store: Store, _ report: inout IndexReport
  ) async throws {
    let ecosystem = ecosystem
    let listed = batch.map { package in
      Project(
        ecosystem: ecosystem, name: package.name, description: package.description,
        homepageURL: package.homepageURL, repositoryURL: package.repositoryURL,
        dependencyCount: resolver.targets(of: package).count)
    }
    let (known, written) = try await store.transaction { transaction in
      let known = try await ProjectStore.find(listed.map(\.name), of: ecosystem, in: transaction)
      let stored = Dictionary(known.map { ($0.name, $0) }) { first, _ in first }
      let different = listed.filter { project in
        stored[project.name].map { !$0.isListed(as: project) } ?? true
      }
      return (known, try await ProjectStore.upsert(different, in: transaction))
    }
    for project in known + written { keys[project.name] = project.id }
    let knownNames = Set(known.map(\.name))
    let changed = written.count { knownNames.contains($0.name) }
    report.changed += changed
    report.inserted += written.count - changed
    report.unchanged += listed.count - written.count
    advance(by: listed.count)
  }

  mutating func storeEdges(
    _ batch: ArraySlice<PackageListing>, in store: Store, _ report: inout IndexReport
  ) async throws {
    var wanted: Set<Edge> = []
    var sources: [Int] = []
    for package in batch {
      guard let source = keys[package.name] else { continue }
      sources.append(source)
      for target in resolver.targets(of: package) {
        if let target = keys[target] { wanted.insert(Edge(from: source, to: target)) }
      }
    }
    let (edges, from) = (wanted, sources)
    let (added, removed) = try await store.transaction { transaction in
      let known = try await transaction.select(ProjectDependency.self)
        .where { $0.fromProjectID.isIn(from) }.fetch()
      let stale = known.filter { !edges.contains(Edge($0)) }.compactMap(\.id)
      if !stale.isEmpty {
        try await transaction.select(ProjectDependency.self).where { $0.id.isIn(stale) }.delete()
      }
      let missing = edges.subtracting(known.map { Edge($0) }).sorted()
      try await transaction.load(
        missing.map { ProjectDependency(from: $0.from, to: $0.to) })
      return (missing.count, stale.count)
    }
    report.edges += edges.count
    report.edgesAdded += added
    report.edgesRemoved += removed
    advance(by: batch.count)
  }

  private mutating func advance(by count: Int) {
    done += count
    progress(IndexProgress(done: done, total: steps))
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

extension RandomAccessCollection where Index == Int {
  /// Slices of at most `size` elements.
  fileprivate func batches(of size: Int) -> [SubSequence] {
    stride(from: startIndex, to: endIndex, by: Swift.max(1, size)).map { start in
      self[start..<Swift.min(start + Swift.max(1, size), endIndex)]
    }
  }
}
