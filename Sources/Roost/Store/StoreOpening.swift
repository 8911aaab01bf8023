import Foundation
import RoostCore

extension Store {
  /// A backend that is ready for use, its schema, and what opening it did.
  struct OpenedBackend: Sendable {
    var backend: any StorageBackend
    var schema: Schema
    var report: OpeningReport
    /// Whether its migrations were looked at.
    var checksMigrations: Bool
    /// What counts the calls.
    var meters: [MetricsLayer] = []
    /// What goes on in memory while the backend is away.
    var fallbacks: [MemoryFallback] = []
    /// The move that it is in.
    var move: StoreMove?
  }
}

/// What the places of a store are opened with: the main one, those of its routes, both of a move.
struct StoreOpening: Sendable {
  let registry: BackendRegistry
  let context: BackendContext
  let plan: MigrationPlan
  let migrate: MigrationMode?
  let generators: StoreGenerators
  let watch: WatchOptions
  private let slowCalls: SlowCallLog

  init(
    registry: BackendRegistry, context: BackendContext, plan: MigrationPlan,
    migrate: MigrationMode?, generators: StoreGenerators, watch: WatchOptions
  ) {
    self.registry = registry
    self.context = context
    self.plan = plan
    self.migrate = migrate
    self.generators = generators
    self.watch = watch
    slowCalls = SlowCallLog(watch, now: generators.now, log: context.log)
  }

  /// The store of what was opened.
  func store(_ opened: Store.OpenedBackend) -> Store {
    let state = StoreWatch(
      slowCalls, opened.meters, plan: opened.checksMigrations ? plan : nil, now: generators.now)
    state.startAlerts(watch, opened.backend)
    return Store(
      context: StoreContext(
        backend: opened.backend, schema: opened.schema, generators: generators, watch: state,
        move: opened.move, fallbacks: opened.fallbacks),
      opening: opened.report)
  }

  /// Opens a place with all that its URL and the program want around it.
  func open(
    _ url: BackendURL, _ own: [any StorageLayer] = []
  ) async throws(StoreError) -> Store.OpenedBackend {
    var url = url
    _ = try url.takeSlowThreshold()
    let mode = try url.takeChoice("migrate", of: MigrationMode.self) ?? migrate
    let fallback = try url.takeChoice("fallback", of: Fallback.self) ?? .none
    let folder = url.take("write_behind")
    var layers = try [any StorageLayer](own, or: try url.takeLayers())
    if folder != nil, fallback != .none {
      throw StoreError(
        .invalidConfiguration, "write_behind does without its backend already: no fallback")
    }
    if let folder { return try await open(url, behind: folder, mode, layers) }
    switch fallback {
    case .none: return try await surround(try await openPlain(url, mode), layers)
    case .readOnly:
      layers = try [any StorageLayer](layers, or: [ReadOnlyFallbackLayer()])
      return try await surround(try await openPlain(url, mode, isReadable: true), layers)
    case .memory:
      let inner = layers.filter { $0.place > .fallback }
      let place = url
      let opened = try await openWithMemory(place) { () throws(StoreError) in
        try await around(try await openPlain(place, mode), inner)
      }
      return try await surround(opened, layers.filter { $0.place < .fallback })
    }
  }

  /// Opens the backend of a URL and sees to its migrations.
  /// - Parameters:
  ///   - isReadable: whether a backend that takes no changes is opened, too.
  ///   - log: where log lines go; nil for the store's.
  func openPlain(
    _ url: BackendURL, _ mode: MigrationMode?, isReadable: Bool = false,
    log: (@Sendable (LogLine) -> Void)? = nil
  ) async throws(StoreError) -> Store.OpenedBackend {
    var context = context
    if let log { context.log = log }
    let backend = try await registry.open(url, context: context)
    do {
      var mode = mode
      // What cannot be written cannot be migrated.
      if isReadable, mode == .auto, case .unavailable = await backend.health() { mode = .check }
      return try await prepare(backend, mode, context.log)
    } catch {
      await backend.close()
      throw error
    }
  }

  private func prepare(
    _ backend: any StorageBackend, _ mode: MigrationMode?, _ log: @Sendable (LogLine) -> Void
  ) async throws(StoreError) -> Store.OpenedBackend {
    let isEmbedded = !backend.capabilities.contains(.sql)
    var migrated: [String] = []
    // A store may have its columns in another order than the files, after files out of order.
    var schema = plan.schema
    switch mode ?? (isEmbedded ? .auto : .check) {
    case .auto: (migrated, schema) = try await plan.apply(to: backend, at: generators.now())
    case .check: schema = try await plan.check(backend)
    case .off: break
    }
    try await backend.adopt(schema)
    if !migrated.isEmpty {
      log(
        LogLine(.info, "migrated \(migrated.count): \(migrated.joined(separator: ", "))"))
    }
    log(LogLine(.info, "opened \(backend.location)"))
    let report = Store.OpeningReport(
      location: backend.location, migrated: migrated, passedOver: isEmbedded ? plan.passedOver : [])
    return Store.OpenedBackend(
      backend: backend, schema: schema, report: report, checksMigrations: mode != .off)
  }

  /// Puts layers around what was opened, which is closed when this throws.
  func around(
    _ opened: Store.OpenedBackend, _ layers: [any StorageLayer]
  ) async throws(StoreError) -> Store.OpenedBackend {
    var opened = opened
    opened.backend = try await opened.backend.under(
      layers, LayerContext(schema: opened.schema, log: context.log))
    return opened
  }

  /// Puts layers around a place, and what counts its calls.
  func surround(
    _ opened: Store.OpenedBackend, _ layers: [any StorageLayer]
  ) async throws(StoreError) -> Store.OpenedBackend {
    let meter = MetricsLayer(opened.backend, slowCalls: slowCalls, onCall: watch.onCall)
    let all: [any StorageLayer]
    do throws(StoreError) {
      all = try [any StorageLayer](layers, or: [meter])
    } catch {
      await opened.backend.close()
      throw error
    }
    var surrounded = try await around(opened, all)
    surrounded.meters = [meter]
    return surrounded
  }
}

extension StoreOpening {
  /// Opens a backend with memory in its place while it cannot be reached.
  private func openWithMemory(
    _ url: BackendURL,
    _ open: @escaping @Sendable () async throws(StoreError) -> Store.OpenedBackend
  ) async throws(StoreError) -> Store.OpenedBackend {
    guard registry.schemes.contains("memory") else {
      throw StoreError(
        .invalidConfiguration, "fallback=memory needs the memory backend among the backends")
    }
    // Whether memory is needed at all is not known yet.
    var memory = try await openPlain(try BackendURL("memory:"), .auto, log: { _ in })
    let changes = try MigrationPlan([.changes], now: generators.now())
    _ = try await changes.apply(to: memory.backend, at: generators.now())
    let schema = memory.schema
    try await memory.backend.adopt(schema.with(changes.schema))
    var primary: Store.OpenedBackend?
    var absence: String?
    do throws(StoreError) {
      primary = try await open()
    } catch {
      guard error.code == .unavailable else { throw error }
      absence = error.message
    }
    if let primary { memory.report = primary.report }
    memory.report.location = primary?.report.location ?? "\(url)"
    memory.report.degradation = absence.map { "in memory only, in place of \(url): \($0)" }
    let place = memory.report.location
    @Sendable func sameTables(
      _ opened: Store.OpenedBackend
    ) async throws(StoreError) -> any StorageBackend {
      if opened.schema.tables == schema.tables { return opened.backend }
      await opened.backend.close()
      throw StoreError(
        .schemaDrift, "\(place) has columns in another order than memory, and cannot fall back")
    }
    var backend: (any StorageBackend)?
    if let primary { backend = try await sameTables(primary) }
    let fallback = MemoryFallback(
      backend, because: absence, place: place, memory: memory.backend,
      links: try TableLinks(schema), log: context.log
    ) { () throws(StoreError) in
      try await sameTables(try await open())
    }
    memory.backend = fallback
    memory.fallbacks = [fallback]
    return memory
  }

  /// Opens a store that moves from one place to another, and begins to run its move.
  func open(
    from old: BackendURL, to new: BackendURL, _ own: [any StorageLayer]
  ) async throws(StoreError) -> Store.OpenedBackend {
    var target = new
    let layers = try [any StorageLayer](own, or: try target.takeLayers())
    let (outer, inner) = layers.split(at: .migrating)
    var places = (old: old, new: target)
    let innerOfOld = try places.old.takeLayers()
    if let layer = innerOfOld.first(where: { $0.place < .migrating }) {
      throw StoreError(
        .invalidConfiguration, "\(old) is moved from, and can have no layer \(layer.place)")
    }
    let newPlace = try await openForMove(&places.new, inner)
    do throws(StoreError) {
      if try await StoreMove.isComplete(newPlace.backend, newPlace.schema) {
        context.log(LogLine(.info, "the move is complete, and \(old) is not used any more"))
        try await newPlace.backend.adopt(newPlace.schema)
        return try await surround(newPlace, outer)
      }
    } catch {
      await newPlace.backend.close()
      throw error
    }
    let oldPlace: Store.OpenedBackend
    do throws(StoreError) {
      oldPlace = try await openForMove(&places.old, innerOfOld)
    } catch {
      await newPlace.backend.close()
      throw error
    }
    return try await join([oldPlace, newPlace], outer) { () throws(StoreError) in
      let move = try await StoreMove.join(
        from: (oldPlace.backend, oldPlace.schema), to: (newPlace.backend, newPlace.schema),
        at: generators.now(), log: context.log)
      try await move.request(context.environment)
      return move
    }
  }

  private func openForMove(
    _ url: inout BackendURL, _ layers: [any StorageLayer]
  ) async throws(StoreError) -> Store.OpenedBackend {
    _ = try url.takeSlowThreshold()
    for parameter in ["fallback", "write_behind"] where url.take(parameter) != nil {
      throw StoreError(.invalidConfiguration, "a store that moves can have no \(parameter)")
    }
    let mode = try url.takeChoice("migrate", of: MigrationMode.self) ?? migrate
    return try await around(try await openPlain(url, mode), layers)
  }

  /// Opens a place behind a folder that answers for it.
  private func open(
    _ url: BackendURL, behind folder: String, _ mode: MigrationMode?, _ layers: [any StorageLayer]
  ) async throws(StoreError) -> Store.OpenedBackend {
    guard let path = folder.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) else {
      throw StoreError(.invalidConfiguration, "write_behind names no folder")
    }
    let (outer, inner) = layers.split(at: .migrating)
    let front = try await openPlain(try BackendURL("file:\(path)"), .auto)
    let back: Store.OpenedBackend
    do throws(StoreError) {
      back = try await around(try await openPlain(url, mode), inner)
    } catch {
      await front.backend.close()
      throw error
    }
    return try await join([front, back], outer) { () throws(StoreError) in
      try await Store.joinBehind(front: front, back: back, context, generators)
    }
  }

  /// Begins a move of two places, which are closed when this throws.
  private func join(
    _ places: [Store.OpenedBackend], _ layers: [any StorageLayer],
    _ move: () async throws(StoreError) -> StoreMove
  ) async throws(StoreError) -> Store.OpenedBackend {
    var joined: Store.OpenedBackend
    do throws(StoreError) {
      let move = try await move()
      joined = places[0]
      joined.backend = move.backend
      joined.move = move
      joined.report.location = move.backend.location
      joined.report.migrated = places.flatMap(\.report.migrated)
      move.backend.begin(move.mover)
    } catch {
      for place in places { await place.backend.close() }
      throw error
    }
    return try await surround(joined, layers)
  }
}

extension [any StorageLayer] {
  /// The layers outside of a place, and those inside.
  fileprivate func split(at place: LayerPlace) -> (outer: Self, inner: Self) {
    (filter { $0.place < place }, filter { $0.place > place })
  }
}

extension Store {
  /// The rows that were written in memory while a backend was away, `fallback=memory`, and that it
  /// did not take when it was back: it had another row with that key, or a constraint refused them.
  /// They are handed out once; until then `health()` is degraded.
  public func takeLeftBehind() -> [LeftBehindRow] {
    core.context.fallbacks.flatMap { $0.takeLeftBehind() }
  }
}
