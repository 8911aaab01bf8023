import Foundation
import Roost
import RoostSystems
import Testing

/// Every constraint of every table, violated: the same code and name on each backend.
@Suite(.timeLimit(.minutes(15))) struct TraceabilityConstraintTests {
  /// A change that makes a valid row one that is refused.
  private struct Case {
    var table: String
    var changes: [String: Value]
    var code: StoreError.Code
    var constraint: String

    init(
      _ table: String, _ constraint: String, _ code: StoreError.Code, _ changes: [String: Value]
    ) {
      self.table = table
      self.constraint = constraint
      self.code = code
      self.changes = changes
    }

    static func check(
      _ table: String, _ name: String, _ changes: [String: Value]
    ) -> Case {
      Case(table, "\(table)_\(name)", .checkViolation, changes)
    }

    static func unique(
      _ table: String, _ name: String, _ changes: [String: Value]
    ) -> Case {
      Case(table, "\(table)_\(name)", .uniqueViolation, changes)
    }

    static func reference(
      _ table: String, _ name: String, _ changes: [String: Value]
    ) -> Case {
      Case(table, "\(table)_\(name)_fkey", .foreignKeyViolation, changes)
    }
  }

  private static let blank = Value.text(" ")
  private static let missing = SampleRows.uuid(999_999)
  private static let short = Value.text("ab")
  private static let moment = SampleRows.moment
  private static let nan = Value.numeric(.nan)

  private static let items: [Case] = [
    .unique("items", "pkey", ["dfid": SampleRows.dfid(0)]),
    .check("items", "dfid_form", ["dfid": .text("ID-1")]),
    .check("items", "dfid_form", ["dfid": .text("DFID-")]),
    .check("items", "dfid_form", ["dfid": .text("DFID-a b")]),
    .check("items", "item_hash_form", ["item_hash": short]),
    .check("items", "item_hash_form", ["item_hash": .text(String(repeating: "A", count: 64))]),
    .check("items", "merged_has_target", ["status": .text("merged")]),
    .check("items", "merged_has_target", ["merged_into": SampleRows.dfid(0)]),
    .check(
      "items", "no_self_merge",
      ["dfid": .text("DFID-x"), "status": .text("merged"), "merged_into": .text("DFID-x")]),
    .check(
      "items", "no_self_split", ["dfid": .text("DFID-x"), "split_from": .text("DFID-x")]),
    .reference(
      "items", "merged_into", ["status": .text("merged"), "merged_into": .text("DFID-none")]),
    .reference("items", "split_from", ["split_from": .text("DFID-none")]),
    .unique("enhanced_identifiers", "pkey", ["id": .int(1)]),
    .unique(
      "enhanced_identifiers", "canonical_key",
      ["dfid": .text("DFID-other"), "value": .text("0")]),
    .unique(
      "enhanced_identifiers", "dfid_namespace_key_value_key",
      ["value": .text("0"), "id_type": .text("contextual")]),
    .check("enhanced_identifiers", "namespace_form", ["namespace": .text("Bovine")]),
    .check("enhanced_identifiers", "namespace_form", ["namespace": .text("")]),
    .check("enhanced_identifiers", "key_form", ["key": .text(" tag")]),
    .check("enhanced_identifiers", "value_form", ["value": .text("")]),
    .reference("enhanced_identifiers", "dfid", ["dfid": .text("DFID-none")]),
  ]

  private static let circuits: [Case] = [
    .unique("circuits", "pkey", ["circuit_id": SampleRows.uuid(0)]),
    .check("circuits", "name_not_blank", ["name": blank]),
    .unique("circuit_members", "pkey", ["user_id": SampleRows.uuid(0)]),
    .unique("circuit_members", "owner_key", ["role": .text("owner")]),
    .reference("circuit_members", "circuit_id", ["circuit_id": missing]),
    .unique("circuit_items", "pkey", ["dfid": SampleRows.dfid(0)]),
    .check("circuit_items", "dfid_form", ["dfid": blank]),
    .reference("circuit_items", "circuit_id", ["circuit_id": missing]),
    .unique("circuit_operations", "pkey", ["operation_id": SampleRows.uuid(0)]),
    .unique("circuit_operations", "pending_key", ["dfid": SampleRows.dfid(0)]),
    .check("circuit_operations", "dfid_form", ["dfid": blank]),
    .check("circuit_operations", "decided", ["status": .text("approved")]),
    .check("circuit_operations", "decided", ["decided_at": moment]),
    .check(
      "circuit_operations", "completed", ["status": .text("completed"), "decided_at": moment]),
    .check("circuit_operations", "completed", ["completed_at": moment]),
    .reference("circuit_operations", "circuit_id", ["circuit_id": missing]),
    .unique("activities", "pkey", ["id": .int(1)]),
    .check("activities", "dfid_form", ["dfid": blank]),
    .reference("activities", "circuit_id", ["circuit_id": missing]),
    .reference("activities", "operation_id", ["operation_id": missing]),
  ]

  private static let others: [Case] = [
    .unique("users", "pkey", ["user_id": SampleRows.uuid(0)]),
    .unique("users", "username_key", ["username": .text("USER0")]),
    .unique("users", "email_key", ["email": .text("User0@farm.EXAMPLE")]),
    .check("users", "username_form", ["username": .text("a b")]),
    .check("users", "email_form", ["email": .text("@farm.example")]),
    .check("users", "password_hash_form", ["password_hash": .text("123456")]),
    .unique("adapters", "pkey", ["config_id": SampleRows.uuid(0)]),
    .unique("adapters", "name_key", ["name": .text("adapter 0")]),
    .unique("adapters", "default_key", ["is_default": .bool(true)]),
    .check("adapters", "name_not_blank", ["name": blank]),
    .check(
      "adapters", "default_is_active", ["is_default": .bool(true), "is_active": .bool(false)]),
    .unique("storage_history", "pkey", ["id": .int(1)]),
    .check("storage_history", "dfid_form", ["dfid": blank]),
    .check("storage_history", "content_id_not_blank", ["content_id": blank]),
    .check("storage_history", "adapter_type_known", ["adapter_type": .text("tape")]),
    .check("storage_history", "location_not_blank", ["location": blank]),
    .unique("lid_dfid_mappings", "pkey", ["local_id": .text("cow-0")]),
    .check("lid_dfid_mappings", "local_id_not_blank", ["local_id": blank]),
    .check("lid_dfid_mappings", "dfid_form", ["dfid": blank]),
    .unique("receipts", "pkey", ["receipt_id": SampleRows.uuid(0)]),
    .check("receipts", "data_hash_form", ["data_hash": short]),
    .check("receipts", "data_size_not_negative", ["data_size": .int(-1)]),
    .check("receipts", "dfid_form", ["dfid": blank]),
    .unique("logs", "pkey", ["id": .int(1)]),
    .check("logs", "engine_not_blank", ["engine": blank]),
    .check("logs", "message_not_blank", ["message": blank]),
    .unique("data_lake_entries", "pkey", ["entry_id": SampleRows.uuid(0)]),
    .check("data_lake_entries", "data_hash_form", ["data_hash": short]),
    .check("data_lake_entries", "attempts_not_negative", ["attempts": .int(-1)]),
    .check("data_lake_entries", "claimed", ["claimed_at": moment, "worker": .text("w")]),
    .check("data_lake_entries", "claimed_by_worker", ["worker": .text("w")]),
    .check("data_lake_entries", "finished", ["finished_at": moment]),
    .check("data_lake_entries", "failed_has_reason", ["failure": .text("no")]),
    .check("data_lake_entries", "dfid_form", ["dfid": blank]),
    .unique("events", "pkey", ["id": .int(1)]),
    .check("events", "dfid_form", ["dfid": blank]),
    .check("events", "source_not_blank", ["source": blank]),
    .unique("notifications", "pkey", ["notification_id": SampleRows.uuid(0)]),
    .check("notifications", "title_not_blank", ["title": blank]),
    .unique("api_keys", "pkey", ["key_id": SampleRows.uuid(0)]),
    .unique("api_keys", "prefix_key", ["prefix": .text("rk_0000000000000")]),
    .check("api_keys", "name_not_blank", ["name": blank]),
    .check("api_keys", "prefix_form", ["prefix": .text("rkx0000000000001")]),
    .check("api_keys", "secret_hash_form", ["secret_hash": short]),
    .check("api_keys", "expires_after_creation", ["expires_at": moment]),
    .unique("credit_accounts", "pkey", ["user_id": SampleRows.uuid(0)]),
    .check("credit_accounts", "balance_not_negative", ["balance": .numeric(-1)]),
    .check("credit_accounts", "balance_not_negative", ["balance": nan]),
    .unique("credit_transactions", "pkey", ["id": .int(1)]),
    .unique(
      "credit_transactions", "user_id_idempotency_key_key", ["idempotency_key": .text("key 0")]),
    .check("credit_transactions", "amount_not_zero", ["amount": .numeric(0)]),
    .check("credit_transactions", "amount_not_zero", ["amount": nan]),
    .check("credit_transactions", "balance_after_not_negative", ["balance_after": .numeric(-1)]),
    .check("credit_transactions", "balance_after_not_negative", ["balance_after": nan]),
    .check("credit_transactions", "reason_not_blank", ["reason": blank]),
    .reference("credit_transactions", "user_id", ["user_id": missing]),
  ]

  /// Rows that others refer to, and the foreign key that keeps them.
  private static let kept: [(table: String, column: String, value: Value, constraint: String)] = [
    ("circuits", "circuit_id", SampleRows.uuid(5), "circuit_members_circuit_id_fkey"),
    ("circuit_operations", "operation_id", SampleRows.uuid(0), "activities_operation_id_fkey"),
    ("credit_accounts", "user_id", SampleRows.uuid(0), "credit_transactions_user_id_fkey"),
  ]

  private func insert(
    _ table: String, _ number: Int, _ changes: [String: Value] = [:], into store: Store
  ) async -> String {
    var row = SampleRows.row(table, number).merging(changes) { $1 }
    // A backend gets what a store has resolved: times and random keys.
    for column in store.schema.tables[table]?.columns ?? [] where row[column.name] == nil {
      switch column.defaultValue {
      case .now: row[column.name] = SampleRows.moment
      case .randomUUID: row[column.name] = SampleRows.uuid(number)
      default: break
      }
    }
    let columns = row.keys.sorted()
    let insert = Mutation.Insert(
      table: table, columns: columns, rows: [columns.map { row[$0] ?? .null }])
    return await Traceability.outcome { _ = try await store.backend.apply([.insert(insert)]) }
  }

  /// A store with a row of each table.
  private func withRows(
    _ backend: TestBackend, _ body: (Store) async throws -> Void
  ) async throws {
    try await Traceability.withStore(backend) { store in
      for table in SampleRows.tables {
        #expect(await insert(table, 0, into: store) == "done", "\(table)")
      }
      let other = ["dfid": Value.text("DFID-other")]
      #expect(await insert("items", 1, other, into: store) == "done")
      try await body(store)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func everyConstraint(_ backend: TestBackend) async throws {
    try await withRows(backend) { store in
      var violated: Set<String> = []
      for (number, one) in (Self.items + Self.circuits + Self.others).enumerated() {
        let outcome = await insert(one.table, number + 10, one.changes, into: store)
        #expect(outcome == "\(one.code) \(one.constraint)", "\(one.table) \(one.changes)")
        violated.insert(one.constraint)
        #expect(await insert(one.table, number + 10, into: store) == "done", "\(one.table)")
      }
      let alone = ["circuit_id": SampleRows.uuid(5)]
      #expect(await insert("circuits", 5, into: store) == "done")
      #expect(await insert("circuit_members", 5, alone, into: store) == "done")
      for row in Self.kept {
        let delete = Mutation.Delete(
          table: row.table,
          filter: .comparison(.equal, .column(row.column), .literal(row.value)))
        let outcome = await Traceability.outcome {
          _ = try await store.backend.apply([.delete(delete)])
        }
        #expect(outcome == "foreignKeyViolation \(row.constraint)")
      }
      var declared: Set<String> = []
      for table in store.schema.tables.values {
        declared.insert(table.primaryKey.name)
        declared.formUnion(table.uniqueConstraints.map(\.name) + table.checks.map(\.name))
        declared.formUnion(table.foreignKeys.map(\.name))
        declared.formUnion(table.indexes.filter(\.isUnique).map(\.name))
      }
      #expect(declared.subtracting(violated).sorted() == [], "violated by no case")
      #expect(violated.subtracting(declared).sorted() == [])
    }
  }

  /// What the column alone refuses: NULL, too long a text, an unknown label, too large a number.
  @Test(arguments: TestBackend.allCases)
  func everyColumn(_ backend: TestBackend) async throws {
    try await withRows(backend) { store in
      var seen: [StoreError.Code: Int] = [:]
      for (place, name) in SampleRows.tables.enumerated() {
        let table = try #require(store.schema.tables[name])
        for (number, column) in table.columns.enumerated() {
          let row = (place + 1) * 100 + number
          if !column.isNullable {
            let outcome = await insert(name, row, [column.name: .null], into: store)
            #expect(outcome == "notNullViolation \(column.name)", "\(name)")
            seen[.notNullViolation, default: 0] += 1
          }
          let bad: (Value, StoreError.Code)? =
            switch column.type {
            case .varchar(let length):
              (.text(String(repeating: "x", count: length + 1)), .valueTooLong)
            case .enumeration: (.text("nonsense"), .invalidValue)
            case .numeric: (.numeric(10_000_000_000_000), .valueOutOfRange)
            case .integer: (.int(3_000_000_000), .valueOutOfRange)
            default: nil
            }
          guard let (value, code) = bad else { continue }
          let outcome = await insert(name, row, [column.name: value], into: store)
          #expect(outcome.hasPrefix(code.rawValue), "\(name).\(column.name): \(outcome)")
          seen[code, default: 0] += 1
        }
      }
      #expect(Set(seen.keys).count == 4 && seen.values.allSatisfy { $0 > 0 }, "\(seen)")
    }
  }

  /// An engine can be moved alone: each table is one engine's, and no foreign key leaves it.
  @Test func enginesStandAlone() async throws {
    let engines = [
      ItemStore.tables, CircuitStore.tables, UserStore.tables, AdapterStore.tables,
      StorageHistoryStore.tables, MappingStore.tables, ReceiptStore.tables, LogStore.tables,
      DataLakeStore.tables, EventStore.tables, NotificationStore.tables, APIKeyStore.tables,
      CreditStore.tables,
    ]
    try await Traceability.withStore(.memory) { store in
      #expect(engines.flatMap { $0 }.sorted() == store.schema.tables.keys.sorted())
      #expect(Set(SampleRows.tables) == Set(store.schema.tables.keys))
      var types: [String: Int] = [:]
      for (place, engine) in engines.enumerated() {
        for name in engine {
          let table = try #require(store.schema.tables[name])
          for key in table.foreignKeys { #expect(engine.contains(key.referencedTable)) }
          for column in table.columns {
            guard case .enumeration(let type) = column.type else { continue }
            #expect(types.updateValue(place, forKey: type.name) ?? place == place, "\(type.name)")
          }
        }
      }
    }
  }
}
