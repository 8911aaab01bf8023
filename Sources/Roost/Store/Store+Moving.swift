extension Store {
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
