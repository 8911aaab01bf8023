/// A package as an index file lists it.
public struct PackageListing: Sendable, Equatable {
  /// The name in lower case.
  public var name: String
  /// What it is; nil when the list does not say.
  public var description: String?
  /// Its page; nil when the list does not say.
  public var homepageURL: String?
  /// Where its source is; nil when the list does not say.
  public var repositoryURL: String?
  /// The names that it needs, every alternative among them.
  public var requires: [String]
  /// The virtual names that it stands for.
  public var provides: [String]

  /// Describes a package.
  public init(
    name: String, description: String? = nil, homepageURL: String? = nil,
    repositoryURL: String? = nil, requires: [String] = [], provides: [String] = []
  ) {
    self.name = name
    self.description = description
    self.homepageURL = homepageURL
    self.repositoryURL = repositoryURL
    self.requires = requires
    self.provides = provides
  }
}

/// What an index run did.
public struct IndexReport: Sendable, Equatable {
  /// How many different packages were listed.
  public var listed = 0
  /// How many listings were passed over since a later one had the same name.
  public var duplicates = 0
  /// How many projects were new.
  public var inserted = 0
  /// How many projects have changed.
  public var changed = 0
  /// How many projects were as listed.
  public var unchanged = 0
  /// How many edges the listed packages have.
  public var edges = 0
  /// How many edges were new.
  public var edgesAdded = 0
  /// How many edges were removed, since they are listed no more.
  public var edgesRemoved = 0
  /// How many needed names no package has or provides.
  public var unknownNames = 0
  /// Whether the run was asked to stop before its end; what is counted here is stored.
  public var wasStopped = false

  /// A report of nothing done.
  public init() {}
}

/// How far an index run is.
public struct IndexProgress: Sendable {
  /// The steps done: one for each package's row, one for its edges.
  public var done: Int
  /// All steps.
  public var total: Int
}
