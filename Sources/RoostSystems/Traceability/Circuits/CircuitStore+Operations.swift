public import Foundation
public import Roost
import RoostCore

extension CircuitStore {
  /// Asks to bring an item into a circuit. Where the circuit's rules need no approval, the
  /// operation is approved at once.
  /// - Throws: `notFound`; `forbidden` unless the actor may `push`; `uniqueViolation` by
  ///   `circuit_operations_pending_key` when the same is asked already; what a store throws.
  @discardableResult
  public func push(
    _ dfid: String, to circuit: UUID, by actor: UUID, reason: String? = nil
  ) async throws -> CircuitOperation {
    try await request(.push, dfid, circuit, actor, reason)
  }

  /// Asks to take an item from a circuit, as `push`.
  /// - Throws: `notFound` when there is no such circuit or it does not share the item; `forbidden`
  ///   unless actor and item may `pull`; `uniqueViolation` as `push`; what a store throws.
  @discardableResult
  public func pull(
    _ dfid: String, from circuit: UUID, by actor: UUID, reason: String? = nil
  ) async throws -> CircuitOperation {
    try await request(.pull, dfid, circuit, actor, reason)
  }

  /// Allows a pending operation. Of two who decide at once, one is told that it is decided.
  /// - Throws: `notFound`; `forbidden` unless the actor may `approve`; `invalidTransition` when the
  ///   operation is not pending; what a store throws.
  @discardableResult
  public func approve(_ operation: UUID, by actor: UUID) async throws -> CircuitOperation {
    try await decide(operation, .approved, reason: nil, by: actor)
  }

  /// Refuses a pending operation.
  /// - Throws: as `approve`.
  @discardableResult
  public func reject(
    _ operation: UUID, reason: String? = nil, by actor: UUID
  ) async throws -> CircuitOperation {
    try await decide(operation, .rejected, reason: reason, by: actor)
  }

  /// Notes that an approved operation has happened; a push brings its item into the circuit.
  /// - Throws: `notFound`; `forbidden` unless the actor asked for it or may `approve`;
  ///   `invalidTransition` when the operation is not approved; what a store throws.
  @discardableResult
  public func complete(_ operation: UUID, by actor: UUID) async throws -> CircuitOperation {
    try await changingOperation(operation, nil, by: actor) { transaction, member, stored in
      guard stored.requestedBy == actor || member.may(.approve) else {
        throw StoreError(
          .forbidden,
          "the actor has not asked for the operation", table: CircuitOperation.table)
      }
      let completed = try await Self.move(stored, to: .completed, by: actor, in: transaction) {
        $0.completedAt = .now()
      }
      if stored.kind == .push {
        try await transaction.insertOrIgnore([
          CircuitItem(
            circuitID: stored.circuitID, dfid: stored.dfid,
            permissions: CircuitItemPermission.allCases, sharedBy: stored.requestedBy)
        ])
      }
      return completed
    }
  }

  /// The operation with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func operation(_ operation: UUID) async throws(StoreError) -> CircuitOperation? {
    try await store.find(CircuitOperation.self, operation)
  }

  /// The operations of a circuit, the latest first.
  /// - Parameters:
  ///   - status: only those of a status; nil for all.
  ///   - size: the most operations of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func operations(
    of circuit: UUID, status: CircuitOperationStatus? = nil, size: Int = 100,
    after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<CircuitOperation> {
    var selection = store.select(CircuitOperation.self).where { $0.circuitID == circuit }
    if let status { selection = selection.where { $0.status == status } }
    return try await selection.order { $0.requestedAt.descending }
      .order { $0.operationID.descending }
      .page(size: size, after: position)
  }

  /// The operations that were ever asked for an item, the latest first.
  /// - Throws: what a store throws.
  public func operations(on dfid: String) async throws(StoreError) -> [CircuitOperation] {
    try await store.select(CircuitOperation.self).where { $0.dfid == dfid }
      .order { $0.requestedAt.descending }.fetch()
  }

  private func request(
    _ kind: CircuitOperationKind, _ dfid: String, _ circuit: UUID, _ actor: UUID,
    _ reason: String?
  ) async throws -> CircuitOperation {
    try await changing(circuit, kind.permission, by: actor) { transaction, _, stored in
      if kind == .pull {
        let item = try await transaction.get(CircuitItem.self, circuit, dfid)
        guard item.permissions.contains(.pull) else {
          throw StoreError(.forbidden, "the item may not be pulled", table: CircuitItem.table)
        }
      }
      let isApproved = !stored.permissions.needApproval(kind)
      let operation = try await transaction.insert(
        CircuitOperation(
          operationID: UUID(), circuitID: circuit, dfid: dfid, kind: kind,
          status: isApproved ? .approved : .pending, requestedBy: actor,
          decidedAt: isApproved ? .now() : nil, reason: reason))
      try await transaction.insert(
        Activity(
          circuitID: circuit, kind: .operationRequested, actorID: actor, dfid: dfid,
          operationID: operation.operationID,
          details: ["kind": .string(kind.rawValue), "status": .string(operation.status.rawValue)]))
      return operation
    }
  }

  private func decide(
    _ operation: UUID, _ status: CircuitOperationStatus, reason: String?, by actor: UUID
  ) async throws -> CircuitOperation {
    try await changingOperation(operation, .approve, by: actor) { transaction, _, stored in
      try await Self.move(stored, to: status, by: actor, in: transaction) {
        $0.decidedBy = actor
        $0.decidedAt = .now()
        $0.reason = reason ?? $0.reason
      }
    }
  }

  /// Runs a change of an operation under its circuit's lock, which everything that changes the
  /// circuit takes first.
  private func changingOperation(
    _ operation: UUID, _ permission: CircuitPermission?, by actor: UUID,
    _ body:
      @escaping @Sendable (Transaction, CircuitMember, CircuitOperation) async throws ->
      CircuitOperation
  ) async throws -> CircuitOperation {
    // An operation never goes to another circuit.
    let circuit = try await store.get(CircuitOperation.self, operation).circuitID
    return try await changing(circuit, permission, by: actor) { transaction, member, _ in
      let stored = try await transaction.get(CircuitOperation.self, operation)
      return try await body(transaction, member, stored)
    }
  }

  /// Moves an operation on and writes the activity that tells of it.
  private static func move(
    _ stored: CircuitOperation, to status: CircuitOperationStatus, by actor: UUID,
    in transaction: Transaction, _ change: (inout CircuitOperation) -> Void
  ) async throws(StoreError) -> CircuitOperation {
    guard stored.status.mayBecome(status) else {
      throw StoreError.invalidTransition(
        "operation \(stored.operationID.uuidString.lowercased())", from: stored.status.rawValue,
        to: status.rawValue, table: CircuitOperation.table)
    }
    var operation = stored
    operation.status = status
    change(&operation)
    let kind: ActivityKind =
      switch status {
      case .approved: .operationApproved
      case .rejected: .operationRejected
      case .pending, .completed: .operationCompleted
      }
    try await transaction.insert(
      Activity(
        circuitID: stored.circuitID, kind: kind, actorID: actor, dfid: stored.dfid,
        operationID: stored.operationID))
    return try await transaction.update(operation)
  }
}
