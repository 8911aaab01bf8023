import Foundation
import Roost
import RoostSystems
import Testing

/// Circuits: who may do what, and that every change is in the audit trail.
@Suite(.timeLimit(.minutes(15))) struct CircuitStoreTests {
  private let owner = UUID()
  private let admin = UUID()
  private let member = UUID()
  private let viewer = UUID()
  private let stranger = UUID()

  /// A circuit with a member of each role.
  private func withCircuit(
    _ backend: TestBackend, rules: CircuitRules = CircuitRules(),
    _ body: (CircuitStore, UUID) async throws -> Void
  ) async throws {
    try await Traceability.withStore(backend) { store in
      let circuits = CircuitStore(store)
      let circuit = try await circuits.create(name: "Coffee", owner: owner, rules: rules).circuitID
      try await circuits.add(admin, to: circuit, as: .admin, by: owner)
      try await circuits.add(member, to: circuit, as: .member, by: admin)
      try await circuits.add(viewer, to: circuit, as: .viewer, by: admin)
      try await body(circuits, circuit)
    }
  }

  private func kinds(_ circuits: CircuitStore, _ circuit: UUID) async throws -> [ActivityKind] {
    try await circuits.activities(of: circuit).records.map(\.kind)
  }

  @Test(arguments: TestBackend.allCases)
  func members(_ backend: TestBackend) async throws {
    try await withCircuit(backend) { circuits, circuit in
      let roles = try await circuits.members(of: circuit).map(\.role)
      #expect(Set(roles) == Set(CircuitRole.allCases) && roles.count == 4)
      #expect(try await circuits.circuits(of: viewer).map(\.circuitID) == [circuit])
      #expect(try await circuits.circuits(of: stranger) == [])
      #expect(try await circuits.circuits(ownedBy: owner).map(\.name) == ["Coffee"])
      let before = try await kinds(circuits, circuit)
      #expect(before == [.memberAdded, .memberAdded, .memberAdded, .circuitCreated])

      let (guest, member, viewer, stranger) = (UUID(), member, viewer, stranger)
      for actor in [member, viewer, stranger] {
        #expect(
          await Traceability.outcome {
            try await circuits.add(guest, to: circuit, as: .viewer, by: actor)
          } == "forbidden")
      }
      // Who may invite may not make admins.
      try await circuits.change(
        member, of: circuit, to: .member, permissions: [.invite], by: admin)
      #expect(try await circuits.member(member, of: circuit)?.permissions == [.invite])
      #expect(
        await Traceability.outcome {
          try await circuits.add(guest, to: circuit, as: .admin, by: member)
        } == "forbidden")
      #expect(
        await Traceability.outcome {
          try await circuits.add(
            guest, to: circuit, as: .viewer, permissions: [.manage], by: member)
        } == "forbidden")
      try await circuits.add(guest, to: circuit, as: .viewer, by: member)
      #expect(
        await Traceability.outcome {
          try await circuits.add(guest, to: circuit, as: .viewer, by: member)
        } == "uniqueViolation circuit_members_pkey")
      #expect(
        await Traceability.outcome {
          try await circuits.remove(viewer, from: circuit, by: member)
        } == "forbidden")
      try await circuits.remove(guest, from: circuit, by: guest)
      #expect(try await circuits.member(guest, of: circuit) == nil, "a member may leave")
      #expect(
        await Traceability.outcome {
          try await circuits.remove(guest, from: circuit, by: admin)
        } == "notFound")
      #expect(
        try await kinds(circuits, circuit).prefix(3)
          == [.memberRemoved, .memberAdded, .memberChanged], "refused changes leave no trace")
      #expect(
        await Traceability.outcome {
          try await circuits.change(UUID(), name: "x", by: owner)
        } == "notFound")
    }
  }

  @Test(arguments: TestBackend.allCases)
  func exactlyOneOwner(_ backend: TestBackend) async throws {
    try await withCircuit(backend) { circuits, circuit in
      let attempts: [@Sendable () async throws -> Void] = [
        { [owner] in try await circuits.remove(owner, from: circuit, by: owner) },
        { [owner, admin] in try await circuits.remove(owner, from: circuit, by: admin) },
        { [owner, admin] in
          try await circuits.change(owner, of: circuit, to: .viewer, by: admin)
        },
        { [admin, owner] in try await circuits.change(admin, of: circuit, to: .owner, by: owner) },
        { [owner] in try await circuits.add(UUID(), to: circuit, as: .owner, by: owner) },
        { [admin] in try await circuits.transfer(circuit, to: admin, by: admin) },
      ]
      for attempt in attempts { #expect(await Traceability.outcome(attempt) == "forbidden") }
      #expect(
        await Traceability.outcome {
          try await circuits.transfer(circuit, to: UUID(), by: owner)
        } == "notFound")
      let moved = try await circuits.transfer(circuit, to: member, by: owner)
      #expect(moved.ownerID == member)
      #expect(try await circuits.member(member, of: circuit)?.role == .owner)
      #expect(try await circuits.member(owner, of: circuit)?.role == .admin)
      #expect(try await kinds(circuits, circuit).first == .ownershipTransferred)

      // The owner gives it to everybody at once: one gets it.
      let heirs = [admin, viewer, owner]
      let former = member
      let outcomes = await Traceability.outcomes(6) { number in
        try await circuits.transfer(circuit, to: heirs[number % 3], by: former)
      }
      #expect(outcomes == ["done": 1, "forbidden": 5])
      let owners = try await circuits.members(of: circuit).filter { $0.role == .owner }
      #expect(owners.count == 1)
      #expect(try await circuits.find(circuit)?.ownerID == owners.first?.userID)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func items(_ backend: TestBackend) async throws {
    try await withCircuit(backend) { circuits, circuit in
      let (member, admin) = (member, admin)
      #expect(
        await Traceability.outcome {
          try await circuits.share("DFID-1", in: circuit, by: member)
        } == "forbidden")
      let first = try await circuits.share("DFID-1", in: circuit, by: admin)
      #expect(first.permissions == CircuitItemPermission.allCases && first.sharedBy == admin)
      let again = try await circuits.share(
        "DFID-1", in: circuit, permissions: [.view], by: owner)
      #expect(again.permissions == [.view] && again.sharedBy == admin, "the first one shared it")
      for number in 2...5 { try await circuits.share("DFID-\(number)", in: circuit, by: admin) }
      let pages = try await Traceability.pages {
        try await circuits.items(of: circuit, size: 3, after: $0)
      }
      #expect(
        pages.map { $0.map(\.dfid) } == [["DFID-1", "DFID-2", "DFID-3"], ["DFID-4", "DFID-5"]])
      #expect(try await circuits.circuits(sharing: "DFID-2").map(\.circuitID) == [circuit])
      #expect(
        await Traceability.outcome {
          try await circuits.unshare("DFID-2", from: circuit, by: member)
        } == "forbidden")
      try await circuits.unshare("DFID-2", from: circuit, by: owner)
      #expect(try await circuits.circuits(sharing: "DFID-2") == [])
      #expect(
        await Traceability.outcome {
          try await circuits.unshare("DFID-2", from: circuit, by: owner)
        } == "notFound")
      let trail = try await circuits.activities(of: circuit, size: 1).records
      #expect(trail.map(\.kind) == [.itemRemoved] && trail.map(\.dfid) == ["DFID-2"])
      let changed = try await circuits.change(circuit, name: "Tea", by: owner)
      #expect(changed.name == "Tea" && changed.permissions == CircuitRules())
    }
  }

  @Test(arguments: TestBackend.allCases)
  func pushAndPull(_ backend: TestBackend) async throws {
    try await withCircuit(backend) { circuits, circuit in
      let push = try await circuits.push("DFID-1", to: circuit, by: member, reason: "harvest")
      #expect(push.status == .pending && push.requestedBy == member && push.decidedAt == nil)
      let (viewer, member, stranger) = (viewer, member, stranger)
      let refused: [(String, @Sendable () async throws -> Void)] = [
        (
          "uniqueViolation circuit_operations_pending_key",
          { try await circuits.push("DFID-1", to: circuit, by: member) }
        ),
        ("forbidden", { try await circuits.push("DFID-2", to: circuit, by: viewer) }),
        ("forbidden", { try await circuits.push("DFID-2", to: circuit, by: stranger) }),
        ("forbidden", { try await circuits.approve(push.operationID, by: member) }),
        ("forbidden", { try await circuits.complete(push.operationID, by: viewer) }),
        ("invalidTransition", { try await circuits.complete(push.operationID, by: member) }),
        ("notFound", { try await circuits.pull("DFID-1", from: circuit, by: member) }),
        ("notFound", { try await circuits.approve(UUID(), by: member) }),
      ]
      for (expected, call) in refused { #expect(await Traceability.outcome(call) == expected) }
      let approved = try await circuits.approve(push.operationID, by: admin)
      #expect(approved.status == .approved && approved.decidedBy == admin)
      #expect(approved.decidedAt != nil && approved.reason == "harvest")
      #expect(try await circuits.items(of: circuit).records == [], "not before it is completed")
      let completed = try await circuits.complete(push.operationID, by: member)
      #expect(completed.status == .completed && completed.completedAt != nil)
      #expect(try await circuits.items(of: circuit).records.map(\.sharedBy) == [member])

      let pull = try await circuits.pull("DFID-1", from: circuit, by: member)
      let rejected = try await circuits.reject(pull.operationID, reason: "not now", by: admin)
      #expect(rejected.status == .rejected && rejected.reason == "not now")
      try await circuits.share("DFID-1", in: circuit, permissions: [.view], by: admin)
      #expect(
        await Traceability.outcome {
          try await circuits.pull("DFID-1", from: circuit, by: member)
        } == "forbidden")
      let trail = try await circuits.activities(on: push.operationID)
      #expect(
        trail.map(\.kind) == [.operationRequested, .operationApproved, .operationCompleted])
      #expect(trail.map(\.actorID) == [member, admin, member])
      #expect(
        try await circuits.operations(of: circuit, status: .rejected).records == [rejected])
      #expect(try await circuits.operations(of: circuit, size: 1).records.count == 1)
      #expect(
        Set(try await circuits.operations(on: "DFID-1").map(\.operationID))
          == [push.operationID, pull.operationID])
    }
  }

  /// Every step from every status: the allowed ones work, the rest name both states.
  @Test(arguments: TestBackend.allCases)
  func transitionsCannotSkip(_ backend: TestBackend) async throws {
    try await withCircuit(backend) { circuits, circuit in
      let admin = admin
      let steps: [CircuitOperationStatus: @Sendable (UUID) async throws -> CircuitOperation] = [
        .approved: { try await circuits.approve($0, by: admin) },
        .rejected: { try await circuits.reject($0, by: admin) },
        .completed: { try await circuits.complete($0, by: admin) },
      ]
      let ways: [CircuitOperationStatus: [CircuitOperationStatus]] = [
        .pending: [], .approved: [.approved], .rejected: [.rejected],
        .completed: [.approved, .completed],
      ]
      let allowed: Set<String> = ["pending approved", "pending rejected", "approved completed"]
      for (from, way) in ways {
        for (to, step) in steps {
          let operation = try await circuits.push(
            "DFID-\(from)-\(to)", to: circuit, by: admin
          ).operationID
          for earlier in way { _ = try await steps[earlier]?(operation) }
          do {
            let moved = try await step(operation)
            #expect(allowed.contains("\(from) \(to)") && moved.status == to)
          } catch let error as StoreError {
            #expect(!allowed.contains("\(from) \(to)"))
            #expect(error.code == .invalidTransition)
            #expect(error.message.hasSuffix("is \(from) and cannot become \(to)"))
            #expect(try await circuits.operation(operation)?.status == from)
          }
        }
      }
    }
  }

  @Test(arguments: TestBackend.allCases)
  func decidedAtOnce(_ backend: TestBackend) async throws {
    try await withCircuit(backend) { circuits, circuit in
      let (owner, admin) = (owner, admin)
      for round in 0..<5 {
        let operation = try await circuits.push("DFID-\(round)", to: circuit, by: owner)
          .operationID
        let outcomes = await Traceability.outcomes(8) { number in
          if number % 2 == 0 {
            try await circuits.approve(operation, by: admin)
          } else {
            try await circuits.reject(operation, by: owner)
          }
        }
        #expect(outcomes == ["done": 1, "invalidTransition": 7])
        let trail = try await circuits.activities(on: operation).map(\.kind)
        #expect(trail.count == 2 && trail.first == .operationRequested)
      }
    }
  }

  @Test(arguments: TestBackend.allCases)
  func withoutApproval(_ backend: TestBackend) async throws {
    let rules = CircuitRules(pushNeedsApproval: false)
    try await withCircuit(backend, rules: rules) { circuits, circuit in
      let push = try await circuits.push("DFID-1", to: circuit, by: member)
      #expect(push.status == .approved && push.decidedBy == nil && push.decidedAt != nil)
      try await circuits.complete(push.operationID, by: member)
      let pull = try await circuits.pull("DFID-1", from: circuit, by: member)
      #expect(pull.status == .pending, "only pushes are free")
      #expect(try await circuits.find(circuit)?.permissions == rules)
      try await circuits.change(circuit, rules: CircuitRules(), by: owner)
      #expect(
        try await circuits.push("DFID-2", to: circuit, by: member).status == .pending)
    }
  }
}
