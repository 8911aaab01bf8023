extension Store {
  /// Opens a store that moves from one place to another, and begins to run its move.
  /// - Parameters:
  ///   - places: the URLs of both.
  ///   - layers: what stands around both together.
  ///   - generators: clock and UUIDs.
  ///   - context: the variables, and where log lines go.
  ///   - open: opens the backend of a URL and sees to its migrations.
  static func openMoving(
    _ places: (from: BackendURL, to: BackendURL), _ layers: [any StorageLayer],
    _ generators: StoreGenerators, _ context: BackendContext,
    _ open: (BackendURL) async throws(StoreError) -> OpenedBackend
  ) async throws(StoreError) -> Store {
    var opened: [any StorageBackend] = []
    do throws(StoreError) {
      let new = try await open(places.to)
      opened.append(new.backend)
      if try await StoreMove.isComplete(new.backend, new.schema) {
        context.log(
          LogLine(
            .info, "the move to \(new.backend.location) is complete: \(places.from) is not used"))
        let backend = try await new.backend.under(
          layers, LayerContext(schema: new.schema, log: context.log))
        return Store(
          context: StoreContext(backend: backend, schema: new.schema, generators: generators),
          opening: new.report)
      }
      let old = try await open(places.from)
      opened.append(old.backend)
      for place in [old, new] {
        // Rows that were written in the place of the real ones are not what is to be moved.
        if let degradation = place.report.degradation {
          throw StoreError(.unavailable, "a store cannot move while it is degraded: \(degradation)")
        }
      }
      let move = try await StoreMove.join(
        from: (old.backend, old.schema), to: (new.backend, new.schema), at: generators.now(),
        log: context.log)
      try await move.request(context.environment)
      var report = new.report
      report.location = move.backend.location
      report.migrated = old.report.migrated + new.report.migrated
      let backend = try await move.backend.under(
        layers, LayerContext(schema: old.schema, log: context.log))
      move.backend.begin(move.mover)
      return Store(
        context: StoreContext(
          backend: backend, schema: old.schema, generators: generators, move: move),
        opening: report)
    } catch {
      for backend in opened { await backend.close() }
      throw error
    }
  }

  /// A store over two others that moves from the first to the second, whose move is run by whoever
  /// holds it.
  package static func moving(
    from old: Store, to new: Store, layers: (StoreMove) -> [any StorageLayer] = { _ in [] },
    _ options: Mover.Options = .init(), log: @escaping @Sendable (LogLine) -> Void = { _ in }
  ) async throws(StoreError) -> Store {
    let generators = old.core.context.generators
    let move = try await StoreMove.join(
      from: (old.backend, old.schema), to: (new.backend, new.schema), options,
      at: generators.now(), log: log)
    return Store(
      context: StoreContext(
        backend: try await move.backend.under(
          layers(move), LayerContext(schema: old.schema, log: log)), schema: old.schema,
        generators: generators,
        move: move),
      opening: new.opening)
  }
}
