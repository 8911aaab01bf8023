public import Foundation
public import Roost
import RoostCore

/// Circuits with their members, shared items, operations and audit trail.
///
/// Every change names its actor, who must be a member with the permission for it, and leaves an
/// activity in the same transaction.
public struct CircuitStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [
    Circuit.table, CircuitMember.table, CircuitItem.table, CircuitOperation.table, Activity.table,
  ]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Founds a circuit, whose owner becomes its first member.
  /// - Throws: `checkViolation` when the name is blank; what a store throws.
  @discardableResult
  public func create(
    name: String, description: String? = nil, owner: UUID, rules: CircuitRules = CircuitRules()
  ) async throws -> Circuit {
    try await store.transaction { transaction in
      let circuit = try await transaction.insert(
        Circuit(
          circuitID: UUID(), name: name, description: description, ownerID: owner,
          permissions: rules))
      try await transaction.insert(
        CircuitMember(circuitID: circuit.circuitID, userID: owner, role: .owner, permissions: []))
      try await transaction.insert(
        Activity(circuitID: circuit.circuitID, kind: .circuitCreated, actorID: owner))
      return circuit
    }
  }

  /// The circuit with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ circuit: UUID) async throws(StoreError) -> Circuit? {
    try await store.find(Circuit.self, circuit)
  }

  /// Gives a circuit another name, purpose or other rules; what is nil stays.
  /// - Throws: `notFound`; `forbidden` unless the actor may `manage`; what a store throws.
  @discardableResult
  public func change(
    _ circuit: UUID, name: String? = nil, description: String? = nil, rules: CircuitRules? = nil,
    by actor: UUID
  ) async throws -> Circuit {
    try await changing(circuit, .manage, by: actor) { transaction, _, stored in
      var changed = stored
      changed.name = name ?? stored.name
      changed.description = description ?? stored.description
      changed.permissions = rules ?? stored.permissions
      changed.updatedAt = nil
      try await transaction.insert(
        Activity(circuitID: circuit, kind: .circuitChanged, actorID: actor))
      return try await transaction.update(changed)
    }
  }

  /// The circuits that a user is a member of, by key.
  /// - Throws: what a store throws.
  public func circuits(of user: UUID) async throws(StoreError) -> [Circuit] {
    let keys = try await store.select(CircuitMember.self).where { $0.userID == user }
      .values { $0.circuitID }
    return try await store.find(Circuit.self, keys: keys.map { [.uuid($0)] }).compactMap { $0 }
  }

  /// The circuits that a user owns, by key.
  /// - Throws: what a store throws.
  public func circuits(ownedBy user: UUID) async throws(StoreError) -> [Circuit] {
    try await store.select(Circuit.self).where { $0.ownerID == user }.fetch()
  }

  /// What was done in a circuit, the latest first.
  /// - Parameters:
  ///   - size: the most activities of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func activities(
    of circuit: UUID, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<Activity> {
    try await store.select(Activity.self).where { $0.circuitID == circuit }
      .order { $0.id.descending }
      .page(size: size, after: position)
  }

  /// What was done about an operation, in its order.
  /// - Throws: what a store throws.
  public func activities(on operation: UUID) async throws(StoreError) -> [Activity] {
    try await store.select(Activity.self).where { $0.operationID == operation }
      .order { $0.id.ascending }.fetch()
  }

  /// Runs a change of a circuit, whose row is locked, so that a circuit has one change at a time.
  /// - Parameters:
  ///   - permission: what the actor must be allowed; nil when membership is enough.
  ///   - body: gets the actor's membership and the circuit.
  func changing<Result: Sendable>(
    _ circuit: UUID, _ permission: CircuitPermission?, by actor: UUID,
    _ body: @Sendable (Transaction, CircuitMember, Circuit) async throws -> Result
  ) async throws -> Result {
    try await store.transaction(.locking) { transaction in
      let stored = try await transaction.get(Circuit.self, circuit, lock: .forUpdate)
      let member = try await Self.member(actor, of: circuit, permission, in: transaction)
      return try await body(transaction, member, stored)
    }
  }

  /// The actor's membership.
  /// - Throws: `forbidden` when the actor is no member or lacks the permission.
  static func member(
    _ actor: UUID, of circuit: UUID, _ permission: CircuitPermission?,
    in transaction: Transaction
  ) async throws(StoreError) -> CircuitMember {
    guard let member = try await transaction.find(CircuitMember.self, circuit, actor) else {
      throw StoreError(
        .forbidden,
        "the actor is no member of the circuit", table: CircuitMember.table)
    }
    if let permission, !member.may(permission) {
      throw StoreError(
        .forbidden,
        "the actor lacks the permission to \(permission.rawValue)", table: CircuitMember.table)
    }
    return member
  }
}
