import Foundation

/// Sends reads to replicas, as `ReplicaOptions` says.
struct ReplicaLayer: StorageLayer {
  /// A replica that is opened when it can be.
  struct Replica: Sendable {
    let name: String
    let open: @Sendable (LayerContext) async throws(StoreError) -> any StorageBackend
  }

  let maximumLag: Duration
  let interval: Duration
  let replicas: [Replica]

  /// - Throws: `invalidConfiguration` for a URL that is none, or asks for what no replica can have.
  init(
    _ options: ReplicaOptions, _ registry: BackendRegistry, _ context: BackendContext
  ) throws(StoreError) {
    maximumLag = options.maximumLag
    interval = options.interval
    var replicas: [Replica] = []
    for text in options.urls {
      var url = try BackendURL(text)
      let layers = try url.takeLayers()
      if let layer = layers.first(where: { $0.place < .breaker }) {
        throw StoreError(
          .invalidConfiguration, "\(url) is a replica and can have no layer \(layer.place)")
      }
      replicas.append(
        Replica(name: "\(url)") { [url] beside throws(StoreError) in
          let backend = try await registry.open(url, context: context)
          return try await backend.under(layers, beside)
        })
    }
    self.replicas = replicas
  }

  var place: LayerPlace { .replicas }

  /// The backend with its replicas beside it.
  /// - Throws: `invalidConfiguration` when the backend has no replicas, or one of those named is a
  ///   primary or of another system; what opening one throws, unless it is only away.
  func around(
    _ backend: any StorageBackend, _ context: LayerContext
  ) async throws(StoreError) -> any StorageBackend {
    guard let primary = backend.innermost as? any ReplicatedBackend else {
      throw StoreError(.invalidConfiguration, "\(backend.location) has no replicas")
    }
    let replicated = ReplicatedReads(
      self, backend, primary, identity: try await primary.replicationIdentity(), context)
    try await replicated.start()
    return replicated
  }
}

/// Copies of a store's backend that serve reads, so that the primary has more time for changes.
///
/// Reads outside of transactions and without a lock go to a replica, and so do transactions that
/// are read-only and not serializable; everything else goes to the primary. A process reads from
/// one replica, any of those that are fit, until that one is not.
///
/// Promise: what this store has written is read back: after a change of a table, and of those that
/// it cascades to, they are read at the primary until the replica is known to have applied it. What
/// others write is seen after `maximumLag` at the latest, as long as the primary answers. Who reads
/// a table again and again never sees it go back. For that a table's reads wait, some milliseconds
/// and 50 at most, before they move from the primary to a replica. A table that the process writes
/// without a pause stays at the primary; so does one that it reads without a pause and has once
/// written, when the replica is always more than those 50 ms behind.
///
/// A replica that does not answer, or is further behind, is left out until that is over; `health()`
/// is degraded then. Its reads go on at the primary, or, while that is away, at another replica,
/// where they may go back by what that one had not got. A table that this store has written and
/// whose change no replica is known to have is refused then, as the primary refuses it. A replica
/// that falls silent is found out after some two seconds; a read that waits for it is made at the
/// primary after the `timeout` of the replica's URL.
///
/// Positions are asked for every `interval`, and at no other time. What raw SQL outside of a
/// transaction writes, or another store, is not this store's own.
public struct ReplicaOptions: Sendable, ExpressibleByArrayLiteral {
  /// Their URLs, as `Store.open` takes them, with `breaker`, `timeout` and such of their own.
  public var urls: [String]
  /// How far behind the primary a replica may be that is read from.
  public var maximumLag: Duration
  /// How often the servers are asked how far they have come.
  public var interval: Duration

  /// Names replicas.
  public init(
    _ urls: [String], maximumLag: Duration = .seconds(10), interval: Duration = .milliseconds(200)
  ) {
    self.urls = urls
    self.maximumLag = maximumLag
    self.interval = max(interval, .milliseconds(1))
  }

  /// Names replicas, for the rest as usual.
  public init(arrayLiteral urls: String...) { self.init(urls) }

  /// Those that a variable lists, separated by commas. A comma within a URL, between its hosts, has
  /// no scheme behind it.
  init(list: String) {
    var urls: [String] = []
    for part in list.split(separator: ",") {
      if urls.isEmpty || part.contains("://") {
        urls.append(part.trimmingCharacters(in: .whitespaces))
      } else {
        urls[urls.count - 1] += ",\(part)"
      }
    }
    self.init(urls)
  }
}

extension Store {
  /// How the store reads from its replicas; nil when it has none.
  public var replicas: ReplicaFigures? {
    layer(ReplicatedReads.self)?.figures
  }

  /// The first backend of a kind among those around one another.
  func layer<Layer: ForwardingBackend>(_ type: Layer.Type) -> Layer? {
    // With routes it is the main place that counts.
    var next: (any StorageBackend)? = (backend as? RoutedBackend)?.backends[0] ?? backend
    while let backend = next as? any ForwardingBackend {
      if let found = backend as? Layer { return found }
      next = backend.backend
    }
    return nil
  }
}
