import Roost
import RoostFile
import RoostMemory
import RoostPostgres
import RoostTesting
import Synchronization

/// A layer that does what a test says: it stands where chaos would, right above the backend.
final class ScriptedLayer: StorageLayer {
  enum Step: Sendable {
    case pass
    /// Fails without a call below.
    case fail(StoreError.Code)
    /// Makes the call and loses its answer.
    case lose
    /// Waits, as long as the task is not cancelled, and then passes.
    case wait(Duration)
  }

  private let steps: Mutex<[Step]>
  private let seen = Mutex<[StorageCall]>([])
  private let matches: @Sendable (StorageCall) -> Bool

  /// - Parameter matches: the calls that the steps are for, in order; all others pass.
  init(
    _ steps: [Step], for matches: @escaping @Sendable (StorageCall) -> Bool = { _ in true }
  ) {
    self.steps = Mutex(steps)
    self.matches = matches
  }

  var place: LayerPlace { .chaos }

  /// The calls that matched, failed ones included.
  var calls: [StorageCall] { seen.withLock { $0 } }

  func run<Result: Sendable>(
    _ call: StorageCall, _ next: @Sendable () async throws(StoreError) -> Result
  ) async throws(StoreError) -> Result {
    guard matches(call) else { return try await next() }
    seen.withLock { $0.append(call) }
    let step = steps.withLock { $0.isEmpty ? .pass : $0.removeFirst() }
    switch step {
    case .pass: return try await next()
    case .fail(let code): throw StoreError(code, "scripted")
    case .lose:
      _ = try await next()
      throw StoreError(.outcomeUnknown, "scripted")
    case .wait(let duration):
      do { try await Task.sleep(for: duration) } catch { throw StoreError(.cancelled, "scripted") }
      return try await next()
    }
  }
}

/// A store of routed items under layers.
func withLayers(
  _ layers: [any StorageLayer], on backend: TestBackend = .memory, url: String? = nil,
  _ body: @Sendable (Store) async throws -> Void
) async throws {
  let folder = try TemporaryFolder()
  let fresh = try await backend.freshURL(in: folder)
  let store = try await Store.open(
    url ?? fresh, backends: [.memory, .file, .postgres], migrations: [Routed.migrations],
    layers: layers, migrate: .auto, environment: [:])
  do {
    try await body(store)
  } catch {
    await store.close()
    throw error
  }
  await store.close()
}
