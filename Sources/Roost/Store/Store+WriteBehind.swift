extension Store {
  /// Joins a file store that answers and the place that its changes are carried to behind it:
  /// `write_behind=PATH` in the place's URL.
  ///
  /// Promise: what is acknowledged is durable in the folder, and reads are as fast as memory. The
  /// place follows in the background: all changes get there, each row as it last was, and a row
  /// never goes back. If the folder is lost, so are the rows that wait: at most
  /// `MovingBackend.waitingLimit`, then writers wait. Nobody else may write to the place: it is
  /// read once, when the folder is new.
  ///
  /// It is a move that stays at `dual_write`.
  static func joinBehind(
    front: OpenedBackend, back: OpenedBackend, _ context: BackendContext,
    _ generators: StoreGenerators
  ) async throws(StoreError) -> StoreMove {
    let move = try await StoreMove.join(
      from: (front.backend, front.schema), to: (back.backend, back.schema),
      at: generators.now(), log: context.log)
    switch move.backend.state.stage {
    case .dualWrite: break
    case .off:
      let stores = [front, back].map { place in
        Store(
          context: StoreContext(
            backend: place.backend, schema: place.schema, generators: generators),
          opening: place.report)
      }
      // A folder that was being filled when its process ended is filled again.
      _ = try await StoreCopy(from: stores[1], to: stores[0], intoNonEmpty: true).run()
      try await move.mover.beginBehind()
    default:
      throw StoreError(
        .invalidConfiguration,
        "\(front.backend.location) is part of a move, and cannot be written behind")
    }
    move.backend.answersAlone()
    return move
  }
}

extension Mover {
  /// Goes to `dual_write` with both stores equal already.
  func beginBehind() async throws(StoreError) {
    try await holdLease()
    var progress = BackfillProgress()
    progress.isDone = true
    try await write(progress)
    try await write(MoveRequest(stage: .dualWrite), on: .to)
    try await change { $0.stage = .dualWrite }
  }
}
