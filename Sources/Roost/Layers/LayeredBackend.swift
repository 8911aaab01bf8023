/// A backend with one layer around its calls.
struct LayeredBackend<Layer: StorageLayer>: ForwardingBackend, LayeredSession {
  let backend: any StorageBackend
  let layer: Layer

  init(_ backend: any StorageBackend, _ layer: Layer) {
    self.backend = backend
    self.layer = layer
  }

  var below: any StorageSession { backend }
  var isInTransaction: Bool { false }
  var innermost: any StorageSession { layer.letsRawSQLPass ? backend.innermost : self }

  var capabilities: Set<Capability> {
    layer.letsRawSQLPass ? backend.capabilities : backend.capabilities.subtracting([.sql])
  }

  func transaction<Result: Sendable>(
    _ options: TransactionOptions,
    _ body: @Sendable (any StorageTransaction) async throws -> Result
  ) async throws -> Result {
    let end = ContinuousClock.now + options.deadline
    let call = StorageCall(beginning: options)
    return try await layer.run(around: call) {
      // A layer may run it again; the time goes on.
      let remaining = end - .now
      guard remaining > .zero else { throw TransactionOptions.expired }
      return try await backend.transaction(options.with(deadline: remaining)) { transaction in
        let result = try await body(LayeredTransaction(layer: layer, transaction: transaction))
        let commit = StorageCall(
          .commit, mayWrite: !options.isReadOnly, isInTransaction: true)
        try await layer.run(commit) { () throws(StoreError) in }
        return result
      }
    }
  }

  func health() async -> Health { await layer.health(await backend.health()) }

  func close() async {
    await layer.close()
    await backend.close()
  }
  func figures() async -> [Figure] {
    await layer.figures() + backend.figures()
  }

  func healthChecks() async -> [HealthCheck] {
    await layer.healthChecks() + backend.healthChecks()
  }

}

extension TransactionOptions {
  func with(deadline: Duration) -> TransactionOptions {
    var options = self
    options.deadline = deadline
    return options
  }
}
