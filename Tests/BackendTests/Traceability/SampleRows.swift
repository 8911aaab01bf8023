import Foundation
import Roost

/// Valid rows of every table: two with different numbers meet under no constraint, and all refer to
/// rows with the number 0.
enum SampleRows {
  /// The tables, those that others refer to first.
  static let tables = [
    "items", "enhanced_identifiers", "circuits", "circuit_members", "circuit_items",
    "circuit_operations", "activities", "users", "adapters", "storage_history",
    "lid_dfid_mappings", "receipts", "logs", "data_lake_entries", "events", "notifications",
    "api_keys", "credit_accounts", "credit_transactions",
  ]

  static let hash = Value.text(String(repeating: "a", count: 64))
  static let moment = Value.timestamp(Timestamp(microsecondsSince2000: 800_000_000_000_000))

  static func uuid(_ number: Int) -> Value {
    let digits = String(repeating: "0", count: 12 - "\(number)".count) + "\(number)"
    return UUID(uuidString: "00000000-0000-0000-0000-\(digits)").map { .uuid($0) } ?? .null
  }

  static func dfid(_ number: Int) -> Value { .text("DFID-\(number)") }

  /// A row by its columns; those that are missing take their defaults.
  static func row(_ table: String, _ number: Int) -> [String: Value] {
    core(table, number) ?? supporting(table, number) ?? [:]
  }

  private static func core(_ table: String, _ number: Int) -> [String: Value]? {
    switch table {
    case "items": ["dfid": dfid(number), "item_hash": hash]
    case "enhanced_identifiers":
      [
        "dfid": dfid(0), "namespace": .text("bovine"), "key": .text("ear_tag"),
        "value": .text("\(number)"), "id_type": .text("canonical"),
      ]
    case "circuits":
      ["circuit_id": uuid(number), "name": .text("Coffee"), "owner_id": uuid(0)]
    case "circuit_members":
      [
        "circuit_id": uuid(0), "user_id": uuid(number),
        "role": .text(number == 0 ? "owner" : "member"),
      ]
    case "circuit_items": ["circuit_id": uuid(0), "dfid": dfid(number), "shared_by": uuid(0)]
    case "circuit_operations":
      [
        "operation_id": uuid(number), "circuit_id": uuid(0), "dfid": dfid(number),
        "kind": .text("push"), "requested_by": uuid(0),
      ]
    case "activities":
      [
        "circuit_id": uuid(0), "kind": .text("operation_requested"), "actor_id": uuid(0),
        "operation_id": uuid(0),
      ]
    case "users":
      [
        "user_id": uuid(number), "username": .text("user\(number)"),
        "email": .text("user\(number)@farm.example"),
        "password_hash": .text("pbkdf2-sha256$1$c2FsdA==$aGFzaA=="),
      ]
    case "adapters":
      [
        "config_id": uuid(number), "name": .text("adapter \(number)"),
        "adapter_type": .text("ipfs"), "is_default": .bool(number == 0),
      ]
    case "storage_history":
      [
        "dfid": dfid(number), "content_id": .text("bafy"), "adapter_type": .text("ipfs"),
        "location": .text("ipfs://bafy"), "stored_by": uuid(0),
      ]
    case "lid_dfid_mappings":
      ["workspace_id": uuid(0), "local_id": .text("cow-\(number)"), "dfid": dfid(number)]
    default: nil
    }
  }

  private static func supporting(_ table: String, _ number: Int) -> [String: Value]? {
    switch table {
    case "receipts":
      [
        "receipt_id": uuid(number), "data_hash": hash, "data_size": .int(3),
        "submitted_by": uuid(0),
      ]
    case "logs":
      ["level": .text("info"), "engine": .text("items"), "message": .text("created")]
    case "data_lake_entries":
      [
        "entry_id": uuid(number), "data_hash": hash, "payload": .json([:]),
        "submitted_by": uuid(0),
      ]
    case "events":
      ["dfid": dfid(number), "kind": .text("created"), "source": .text("farm")]
    case "notifications":
      [
        "notification_id": uuid(number), "user_id": uuid(0), "kind": .text("item"),
        "title": .text("An item came in"),
      ]
    case "api_keys":
      [
        "key_id": uuid(number), "user_id": uuid(0), "name": .text("sensor"),
        "prefix": .text("rk_" + uuidDigits(number)), "secret_hash": hash, "created_at": moment,
      ]
    case "credit_accounts": ["user_id": uuid(number), "balance": .numeric(5)]
    case "credit_transactions":
      [
        "user_id": uuid(0), "amount": .numeric(5), "balance_after": .numeric(5),
        "reason": .text("purchase"), "idempotency_key": .text("key \(number)"),
      ]
    default: nil
    }
  }

  private static func uuidDigits(_ number: Int) -> String {
    String(repeating: "0", count: 13 - "\(number)".count) + "\(number)"
  }
}
