import RoostCore
import Synchronization

// The steps from stage to stage.

extension Mover {
  /// Takes the next step towards the stage that was asked for.
  /// - Returns: whether there was one to take.
  func follow(_ state: MoveState) async throws(StoreError) -> Bool {
    guard let (request, side) = try await wanted(), request.refusal == nil else { return false }
    let isThere =
      state.stage == request.stage
      && (request.stage != .percentage || state.readPercent == request.readPercent)
    if isThere { return false }
    do throws(StoreError) {
      return try await step(from: state, to: request)
    } catch {
      // What is no passing failure is an answer to whoever asked.
      guard error.code == .unsupported || error.code == .invalidConfiguration else { throw error }
      var refused = request
      refused.refusal = error.message
      try await write(refused, on: side)
      log(LogLine(.warning, "the move stays at \(state.stage.rawValue): \(error.message)"))
      return true
    }
  }

  /// What was asked for last, and where that stands: a command can open only one of the stores when
  /// the other is in a file or in memory.
  private func wanted() async throws(StoreError) -> (request: MoveRequest, side: MoveSide)? {
    for side in [MoveSide.to, .from] {
      let found = try await MoveRecords.read(MoveRecords.request, in: backend.backend(side))
      if let found { return (found, side) }
    }
    return nil
  }

  /// Writes a request, in the place of any other.
  func write(_ request: MoveRequest, on side: MoveSide) async throws(StoreError) {
    try await MoveRecords.write(request, as: MoveRecords.request, in: backend.backend(side))
    // One that stays on a side that is away is not asked for as long as this one is there.
    try? await MoveRecords.remove(MoveRecords.request, in: backend.backend(side.other))
  }

  private func step(
    from state: MoveState, to request: MoveRequest
  ) async throws(StoreError) -> Bool {
    let wanted = request.stage
    switch state.stage {
    case .off:
      try await requireEmptyTarget()
      try await change { state in
        state.stage = .dualWrite
        state.cleanWindows = 0
      }
    case .live where wanted == .complete: try await complete()
    case .live: try await changePlaces(to: .from)
    case .complete:
      throw StoreError(
        .unsupported, "the move is complete: move back by another one, from the new store")
    case _ where wanted < state.stage: try await stepBack(to: wanted)
    case .dualWrite: try await change { $0.stage = .backfill }
    case .backfill:
      let progress = try await MoveRecords.read(MoveRecords.backfill, in: backend.to)
      guard progress?.isDone == true else { return false }
      try await change { $0.stage = .verify }
    case .verify:
      guard state.cleanWindows >= options.cleanWindows else { return false }
      try await change { $0.stage = .shadow }
    case .shadow, .percentage:
      if wanted == .percentage {
        guard let percent = request.readPercent, (1...100).contains(percent) else {
          throw StoreError(
            .invalidConfiguration, "a share of reads is a number from 1 to 100 percent")
        }
        try await change { state in
          state.stage = .percentage
          state.readPercent = percent
        }
      } else {
        guard state.cleanWindows >= options.cleanWindows else { return false }
        try await changePlaces(to: .to)
      }
    }
    return true
  }

  private func stepBack(to stage: MoveStage) async throws(StoreError) {
    // The journal may be needed again only from its start.
    try await change { state in
      state.stage = stage
      state.cleanWindows = 0
      state.readPercent = 0
    }
    if stage == .off { try await ChangeJournal(links: backend.links).removeAll(from: backend.from) }
    if stage <= .dualWrite { try await write(BackfillProgress()) }
  }

  /// A target that holds rows of its own must not be overwritten. One that a move has begun to fill
  /// is known by how far it was.
  private func requireEmptyTarget() async throws(StoreError) {
    if try await MoveRecords.read(MoveRecords.backfill, in: backend.to) != nil { return }
    for node in backend.links.parentsFirst where try await backend.to.count(node.name) > 0 {
      throw StoreError(
        .invalidConfiguration, "\(backend.to.location) is not empty: \"\(node.name)\" has rows",
        table: node.name)
    }
    try await write(BackfillProgress())
  }

  /// Nothing is carried any more, and nothing noted.
  private func complete() async throws(StoreError) {
    try await change { $0.stage = .complete }
    try await ChangeJournal(links: backend.links).removeAll(from: backend.to)
    do throws(StoreError) {
      try await ChangeJournal(links: backend.links).removeAll(from: backend.from)
    } catch {
      log(LogLine(.warning, "the old store keeps its journal: \(error.message)"))
    }
  }
}

// The change of places.

extension Mover {
  /// Makes the other store the one that counts: writers wait, what waits in the journal is carried,
  /// the counts are compared, and then all go on with the other store.
  /// - Throws: `unsupported`, saying why it is not done; nothing has changed then.
  private func changePlaces(to side: MoveSide) async throws(StoreError) {
    let old = side.other
    if case .unavailable(let reason) = await backend.backend(side).health() {
      throw StoreError(.unsupported, "\(backend.backend(side).location): \(reason)")
    }
    try await drain(old, for: options.fence, "before the stores change places")
    try await change { $0.isFenced = true }
    do throws(StoreError) {
      try await drain(old, for: options.fence, "while the stores change places")
      let certificate = try await certify(side)
      try await change { state in
        state.stage = side == .to ? .live : .shadow
        state.isFenced = false
        state.readPercent = 0
        state.certificate = certificate
      }
    } catch {
      // Without this the writers would wait for the next mover.
      if backend.state.isFenced { try await unfence() }
      throw error
    }
    log(LogLine(.info, "\(backend.backend(side).location) counts from now on"))
  }

  /// Lets the writers go on where they were, unless the other store counts already: whether that
  /// was written is not known when its answer was lost. So the other one is written first, which
  /// waits for what is under way there and finds a newer state.
  func unfence() async throws(StoreError) {
    try await change(beginningAt: backend.state.authority.other) { $0.isFenced = false }
  }

  /// Carries until nothing waits.
  private func drain(
    _ side: MoveSide, for limit: Duration, _ when: String
  ) async throws(StoreError) {
    let end = ContinuousClock.now + limit
    while try await carry(from: side) > 0 {
      guard ContinuousClock.now < end else {
        let count = try await backend.journal.depth(in: backend.backend(side)).count
        throw StoreError(.unsupported, "\(count) changes still wait to be carried \(when)")
      }
    }
  }

  /// Compares the counts and, where that does not keep the writers waiting for long, the digests,
  /// and writes down what the change of places is based on.
  private func certify(_ side: MoveSide) async throws(StoreError) -> MoveCertificate {
    var certificate = MoveCertificate(
      id: backend.state.id, authority: side, time: Timestamp.now().description, counts: [:],
      digests: [:], cleanWindows: backend.state.cleanWindows)
    for node in backend.links.parentsFirst {
      let (name, table) = (node.name, node.definition)
      let (from, to) = (try await backend.from.count(name), try await backend.to.count(name))
      var isSame = from == to
      if isSame, from <= Self.digestLimit {
        let limit = max(from, 1)
        let old = try await backend.from.digest(table, in: KeyRange(), limit: limit)
        let new = try await backend.to.digest(table, in: KeyRange(), limit: limit)
        isSame = old.hasSameRows(as: new)
        certificate.digests[name] = new.text
      }
      guard isSame else {
        throw StoreError(
          .unsupported,
          "\"\(name)\" has other rows in the old store (\(from)) than in the new one (\(to))",
          table: name)
      }
      certificate.counts[name] = from
    }
    return certificate
  }

  /// Of larger tables only the counts are compared while writers wait; the comparisons before have
  /// compared their rows.
  private static let digestLimit = 500_000
}
