public import Foundation
public import Roost
import RoostCore

extension CircuitStore {
  /// The members of a circuit, by user.
  /// - Throws: what a store throws.
  public func members(of circuit: UUID) async throws(StoreError) -> [CircuitMember] {
    try await store.select(CircuitMember.self).where { $0.circuitID == circuit }.fetch()
  }

  /// A user's membership of a circuit, nil when there is none.
  /// - Throws: what a store throws.
  public func member(_ user: UUID, of circuit: UUID) async throws(StoreError) -> CircuitMember? {
    try await store.find(CircuitMember.self, circuit, user)
  }

  /// Adds a user to a circuit.
  /// - Throws: `notFound`; `forbidden` unless the actor may `invite`, or `manage` for an admin or
  ///   permissions beyond the role, and for a second owner; `uniqueViolation` by
  ///   `circuit_members_pkey` when the user is a member already; what a store throws.
  @discardableResult
  public func add(
    _ user: UUID, to circuit: UUID, as role: CircuitRole,
    permissions: [CircuitPermission] = [], by actor: UUID
  ) async throws -> CircuitMember {
    let isPlain = [.member, .viewer].contains(role) && permissions.isEmpty
    return try await changing(circuit, isPlain ? .invite : .manage, by: actor) {
      transaction, _, _ in
      try Self.refuseOwner(role)
      try await transaction.insert(
        Activity(
          circuitID: circuit, kind: .memberAdded, actorID: actor, memberID: user,
          details: ["role": .string(role.rawValue)]))
      return try await transaction.insert(
        CircuitMember(circuitID: circuit, userID: user, role: role, permissions: permissions))
    }
  }

  /// Gives a member another role and other permissions beyond it.
  /// - Throws: `notFound`; `forbidden` unless the actor may `manage`, for the owner and for a
  ///   second owner; what a store throws.
  @discardableResult
  public func change(
    _ user: UUID, of circuit: UUID, to role: CircuitRole, permissions: [CircuitPermission] = [],
    by actor: UUID
  ) async throws -> CircuitMember {
    try await changing(circuit, .manage, by: actor) { transaction, _, _ in
      try Self.refuseOwner(role)
      var member = try await transaction.get(CircuitMember.self, circuit, user)
      try Self.refuseOwner(member.role)
      try await transaction.insert(
        Activity(
          circuitID: circuit, kind: .memberChanged, actorID: actor, memberID: user,
          details: ["from": .string(member.role.rawValue), "to": .string(role.rawValue)]))
      member.role = role
      member.permissions = permissions
      return try await transaction.update(member)
    }
  }

  /// Takes a member out of a circuit. Members other than the owner may leave by themselves.
  /// - Throws: `notFound`; `forbidden` unless the actor leaves or may `manage`, and for the owner;
  ///   what a store throws.
  public func remove(_ user: UUID, from circuit: UUID, by actor: UUID) async throws {
    try await changing(circuit, user == actor ? nil : .manage, by: actor) { transaction, _, _ in
      let member = try await transaction.get(CircuitMember.self, circuit, user)
      try Self.refuseOwner(member.role)
      try await transaction.insert(
        Activity(circuitID: circuit, kind: .memberRemoved, actorID: actor, memberID: user))
      try await transaction.delete(CircuitMember.self, circuit, user)
    }
  }

  /// Gives a circuit to another member; the owner so far becomes an admin.
  /// - Throws: `notFound` when there is no such circuit or member; `forbidden` unless the actor is
  ///   the owner; what a store throws.
  @discardableResult
  public func transfer(_ circuit: UUID, to user: UUID, by actor: UUID) async throws -> Circuit {
    try await changing(circuit, nil, by: actor) { transaction, owner, stored in
      guard owner.role == .owner else {
        throw StoreError(
          .forbidden,
          "only its owner may give a circuit away", table: CircuitMember.table)
      }
      var heir = try await transaction.get(CircuitMember.self, circuit, user)
      if heir == owner { return stored }
      // First the old one: there are never two.
      var former = owner
      former.role = .admin
      heir.role = .owner
      heir.permissions = []
      try await transaction.update(former)
      try await transaction.update(heir)
      try await transaction.insert(
        Activity(circuitID: circuit, kind: .ownershipTransferred, actorID: actor, memberID: user))
      var changed = stored
      changed.ownerID = user
      changed.updatedAt = nil
      return try await transaction.update(changed)
    }
  }

  private static func refuseOwner(_ role: CircuitRole) throws(StoreError) {
    guard role != .owner else {
      throw StoreError(
        .forbidden,
        "a circuit has exactly one owner: transfer it", table: CircuitMember.table)
    }
  }
}
