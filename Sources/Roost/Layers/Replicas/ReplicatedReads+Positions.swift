import Synchronization

// How far the servers have come, asked again and again.

extension ReplicatedReads {
  /// How long a server may take to say how far it has come.
  private static let answerLimit = Duration.seconds(2)
  /// How long opening a replica may take.
  private static let openLimit = Duration.seconds(10)
  /// How long to wait before a replica that could not be opened is tried again.
  private static let openPause = Duration.seconds(1)
  /// How long reads may wait for their table to move to the replica.
  private static let settlingLimit = Duration.milliseconds(50)
  /// What reads that were under way get before the primary's position is asked for, and a replica
  /// before it is asked again.
  private static let settlingPause = Duration.milliseconds(1)

  /// Opens the replicas, and begins to ask.
  /// - Throws: `invalidConfiguration` for a replica that is none, or of another system; what
  ///   opening one throws, unless it is only away. Nothing is left open then but the backend below.
  func start() async throws(StoreError) {
    await askPrimary()
    do throws(StoreError) {
      for number in layer.replicas.indices {
        do throws(StoreError) {
          try await openReplica(number)
        } catch {
          guard Self.mayPass(error) else { throw error }
          say(state.withLock { $0.leaveOut(number, error.message) })
          continue
        }
        await askReplica(number)
      }
    } catch {
      for (_, replica) in open.withLock({ $0 }) { await replica.close() }
      throw error
    }
    begin { await $0.askPrimary() }
    for number in layer.replicas.indices { begin { await $0.follow(number) } }
  }

  /// Whether what keeps a replica from being opened may be over by itself: it is away, or has not
  /// applied a migration yet.
  private static func mayPass(_ error: StoreError) -> Bool {
    [.unavailable, .deadlineExceeded, .schemaDrift].contains(error.code)
  }

  /// Runs a step again and again, until it is cancelled or the backend is let go.
  private func begin(_ step: @escaping @Sendable (ReplicatedReads) async -> Void) {
    let interval = layer.interval
    let task = Task { [weak self] in
      while !Task.isCancelled {
        try? await Task.sleep(for: interval)
        guard !Task.isCancelled, let self else { return }
        await step(self)
      }
    }
    tasks.withLock { $0.append(task) }
  }

  /// Asks a server how far it has come, and does not wait for ever.
  private func ask(
    _ server: any ReplicatedBackend
  ) async throws(StoreError) -> ReplicationStatus {
    try await TimeoutLayer(Self.answerLimit).run(StorageCall(.query)) { () throws(StoreError) in
      try await server.replicationStatus()
    }
  }

  private func askPrimary() async {
    // Tables that wait for the replica are not read meanwhile, so that they can move.
    let start = ContinuousClock.now
    let end = start + Self.settlingLimit
    let settling = state.withLock { $0.beginSettling(at: start) }
    let limit = settling.map { promise in
      Task {
        try? await Task.sleep(until: end)
        endSettling(promise)
      }
    }
    if settling != nil { try? await Task.sleep(for: Self.settlingPause) }
    let (begin, time) = (state.withLock { $0.now }, ContinuousClock.now)
    do throws(StoreError) {
      let status = try await ask(primary)
      state.withLock { $0.notePrimary(at: status.position, begin: begin, time: time) }
    } catch {
      state.withLock { $0.notePrimary(absence: error.message) }
    }
    guard let settling else { return }
    while ContinuousClock.now < end, let number = figures.replicas.firstIndex(where: \.isUsed) {
      await askReplica(number)
      if state.withLock({ $0.hasSettled }) { break }
      try? await Task.sleep(for: Self.settlingPause)
    }
    limit?.cancel()
    endSettling(settling)
  }

  private func endSettling(_ promise: Promise<Void>) {
    state.withLock { $0.endSettling(promise, at: .now) }
    promise.give(())
  }

  /// Asks a replica, or opens it first where that was not possible before.
  private func follow(_ number: Int) async {
    if open.withLock({ $0[number] }) == nil {
      do throws(StoreError) {
        try await openReplica(number)
      } catch {
        say(state.withLock { $0.leaveOut(number, error.message) })
        try? await Task.sleep(for: Self.openPause)
        return
      }
    }
    await askReplica(number)
  }

  private func askReplica(_ number: Int) async {
    guard let replica = open.withLock({ $0[number] })?.innermost as? any ReplicatedBackend else {
      return
    }
    do throws(StoreError) {
      let status = try await ask(replica)
      say(state.withLock { $0.note(number, status) })
    } catch {
      if error.code == .cancelled { return }
      say(state.withLock { $0.leaveOut(number, error.message) })
    }
  }

  /// - Throws: `invalidConfiguration` when it is no replica, or one of another system.
  private func openReplica(_ number: Int) async throws(StoreError) {
    let replica = layer.replicas[number]
    let context = context
    let backend = try await TimeoutLayer(Self.openLimit).run(StorageCall(.query)) {
      () throws(StoreError) in try await replica.open(context)
    }
    do throws(StoreError) {
      try await require(backend, replica.name)
      try await backend.adopt(context.schema)
    } catch {
      await backend.close()
      throw error
    }
    open.withLock { $0[number] = backend }
  }

  private func require(_ backend: any StorageBackend, _ name: String) async throws(StoreError) {
    guard let server = backend.innermost as? any ReplicatedBackend else {
      throw StoreError(.invalidConfiguration, "\(name) cannot be a replica")
    }
    guard try await ask(server).isReplica else {
      throw StoreError(.invalidConfiguration, "\(name) is no replica: it takes writes itself")
    }
    let other = try await server.replicationIdentity()
    guard identity == nil || other == nil || identity == other else {
      throw StoreError(
        .invalidConfiguration,
        "\(name) is no replica of \(self.backend.location): it is another system, or another "
          + "database or schema of the same")
    }
  }
}
