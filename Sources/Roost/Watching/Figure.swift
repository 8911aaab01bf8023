/// One number that says how a backend or a layer is, such as how many connections are in use.
///
/// A backend reports its own through `StorageBackend.figures()`, a layer through
/// `StorageLayer.figures()`; `Store.metrics` has all of them. A gauge whose name ends in `_bytes`
/// is taken for a size, whose growth is told, too.
public struct Figure: Sendable, Codable, Equatable {
  /// How a number changes.
  public enum Kind: String, Sendable, Codable {
    /// It only grows, from the start of what counts.
    case counter
    /// It goes up and down.
    case gauge
  }

  /// The name, as Prometheus wants it: `roost_pool_waiting`, with the unit at its end; a counter's
  /// ends in `_total`.
  public var name: String
  /// A sentence on what it is.
  public var help: String
  /// How it changes.
  public var kind: Kind
  /// What tells it from others of the same name, by label.
  public var labels: [String: String]
  /// The number, in the unit that the name ends in.
  public var value: Double

  /// Makes a figure: a gauge without labels, unless told otherwise.
  public init(
    _ name: String, _ value: Double, kind: Kind = .gauge, labels: [String: String] = [:],
    help: String
  ) {
    self.name = name
    self.help = help
    self.kind = kind
    self.labels = labels
    self.value = value
  }

  /// The same with one more label; a label that it has already stays.
  func labelled(_ label: String, _ value: String) -> Figure {
    var copy = self
    copy.labels[label] = labels[label] ?? value
    return copy
  }
}

/// The names of figures that several backends and layers share, so that one alert fits all.
extension Figure {
  /// How many callers wait for a connection.
  public static let poolWaiting = "roost_pool_waiting"
  /// How full the disk is on which the store is, from 0 to 1.
  public static let diskUsedShare = "roost_disk_used_share"
  /// By how many seconds a copy is behind what it copies.
  public static let lagSeconds = "roost_replication_lag_seconds"
}
