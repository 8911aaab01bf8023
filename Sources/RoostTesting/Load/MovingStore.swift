public import Roost
import Synchronization

/// A store that moves, and a mover that can be ended as if its process had been killed.
public final class MovingStore: Sendable {
  /// The store that moves.
  public let store: Store
  /// The store that it moves from.
  public let old: Store
  /// The store that it moves to.
  public let new: Store

  private struct Mover: Sendable {
    let end: MoverEnd
    let task: Task<Void, Never>
  }

  private let mover = Mutex<Mover?>(nil)

  /// After how long without a sign of life another mover takes over: less than usual, since so
  /// much waits for it here.
  public static let lease = Duration.seconds(1)

  private static var options: Roost.Mover.Options {
    var options = Roost.Mover.Options()
    options.lease = lease
    options.windowPause = .milliseconds(200)
    return options
  }

  /// Joins two stores; nobody runs the move yet.
  public init(from old: Store, to new: Store) async throws(StoreError) {
    store = try await Store.moving(from: old, to: new, Self.options)
    self.old = old
    self.new = new
    store.move?.backend.begin(nil)
  }

  /// Begins to run the move, in this process, by another mover than the one before.
  public func beginMover() async throws(StoreError) {
    let end = MoverEnd()
    let context = LayerContext(schema: old.schema)
    let move = try await StoreMove.join(
      from: (try await old.backend.under([end], context), old.schema),
      to: (try await new.backend.under([end], context), new.schema), Self.options, at: old.now)
    mover.withLock { $0 = Mover(end: end, task: Task { await move.run() }) }
  }

  /// Ends the mover: no call that it makes or has under way comes to anything from now on, so that
  /// it can tidy up nothing.
  public func killMover() async {
    guard let mover = mover.withLock({ $0.take() }) else { return }
    mover.end.hasCome.store(true, ordering: .relaxed)
    mover.task.cancel()
    await mover.task.value
  }

  /// Ends the mover in order, and closes all.
  public func close() async {
    if let mover = mover.withLock({ $0.take() }) {
      mover.task.cancel()
      await mover.task.value
    }
    await store.close()
  }
}

/// The end of a mover: its calls fail, those of a transaction before they are made, and the answers
/// of those that are under way are lost.
private final class MoverEnd: StorageLayer {
  let hasCome = Atomic(false)

  var place: LayerPlace { .chaos }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    try check()
    let result = try await next()
    try check()
    return result
  }

  private func check() throws(StoreError) {
    if hasCome.load(ordering: .relaxed) {
      throw StoreError(.cancelled, "the mover has been killed")
    }
  }
}
