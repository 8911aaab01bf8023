import Foundation
import Roost
import RoostSystems
import RoostTesting
import Testing

/// Every constraint of the compilations' tables, violated once on each backend.
@Suite(.timeLimit(.minutes(15))) struct CompilationConstraintTests {
  /// What a row has that breaks one rule, and what comes of it.
  struct Case: Sendable, CustomStringConvertible {
    let table: String
    let column: String
    let value: Value
    let code: StoreError.Code
    let constraint: String?

    init(
      _ table: String, _ column: String, _ value: Value, _ code: StoreError.Code,
      _ constraint: String? = nil
    ) {
      self.table = table
      self.column = column
      self.value = value
      self.code = code
      self.constraint = constraint
    }

    var description: String { "\(table).\(column) \(code)" }
  }

  private static let compilation: [String: Value] = [
    "id": .text("550e8400-e29"), "account_id": .text(CompilationSample.account),
    "name": .text("shop"),
    "status": .text("success"), "specs": .json([:]), "api_ir": .json([:]),
    "openapi_canonical_hash": .text(CompilationSample.hash), "resource_names": .json([]),
    "resource_slugs": .json([]), "diff_from_previous": .null, "errors": .null,
    "created_at": .timestamp(Timestamp(microsecondsSince2000: 0)),
    "updated_at": .timestamp(Timestamp(microsecondsSince2000: 0)),
  ]
  private static let mockData: [String: Value] = [
    "account_id": .text(CompilationSample.account), "data_key": .text("golden_users"),
    "resource_slug": .text("users"), "records": .json([]), "list_schema": .null,
    "id_field": .text("id"),
  ]

  private static func long(_ count: Int) -> Value {
    .text(String(repeating: "a", count: count))
  }

  static let checks: [Case] =
    [
      .init("compilations", "id", .text("550e8400"), .checkViolation, "compilations_id_of_uuid"),
      .init(
        "compilations", "id", .text("golden_users"), .checkViolation, "compilations_id_of_uuid"),
      .init(
        "compilations", "id", .text("550e8400 e29"), .checkViolation, "compilations_id_of_uuid"),
      .init("compilations", "status", .text("done"), .checkViolation, "compilations_status_known"),
      .init(
        "compilations", "openapi_canonical_hash", .text(String(CompilationSample.hash.dropLast())),
        .checkViolation, "compilations_hash_hexadecimal"),
      .init(
        "compilations", "openapi_canonical_hash", .text(CompilationSample.hash.uppercased()),
        .checkViolation, "compilations_hash_hexadecimal"),
    ]
    + [JSON.null, true, false, 0, 1e10, "text", [:], ["a": []]].map { document in
      .init("mock_data", "records", .json(document), .checkViolation, "mock_data_records_array")
    }

  static let nulls: [Case] =
    [
      "id", "account_id", "specs", "api_ir", "openapi_canonical_hash", "resource_names",
      "resource_slugs", "created_at", "updated_at",
    ].map { .init("compilations", $0, .null, .notNullViolation) }
    + ["account_id", "data_key", "resource_slug", "records", "id_field"].map {
      .init("mock_data", $0, .null, .notNullViolation)
    }

  static let keys: [Case] = [
    .init("compilations", "name", .text("twice"), .uniqueViolation, "compilations_pkey"),
    .init("mock_data", "id_field", .text("twice"), .uniqueViolation, "mock_data_pkey"),
  ]

  /// Each case beside a good row, so that nothing but the wrong value can be the fault.
  @Test(arguments: TestBackend.allCases)
  func violations(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      for row in [("compilations", Self.compilation), ("mock_data", Self.mockData)] {
        _ = try await store.backend.apply([.insert(Self.insert(row.0, row.1))])
      }
      for wrong in Self.checks + Self.nulls + Self.keys {
        var row = wrong.table == "compilations" ? Self.compilation : Self.mockData
        if wrong.code != .uniqueViolation, wrong.table == "compilations" {
          row["id"] = .text("550e8400-e30")
        } else if wrong.code != .uniqueViolation {
          row["data_key"] = .text("demo")
        }
        row[wrong.column] = wrong.value
        let error = await #expect(throws: StoreError.self, "\(wrong)") {
          _ = try await store.backend.apply([.insert(Self.insert(wrong.table, row))])
        }
        #expect(error?.code == wrong.code, "\(wrong)")
        #expect(error?.constraint == wrong.constraint, "\(wrong)")
        #expect(error?.table == wrong.table, "\(wrong)")
        if wrong.code == .notNullViolation { #expect(error?.column == wrong.column, "\(wrong)") }
      }
      #expect(try await store.select(CompilationSummary.self).count() == 1)
      #expect(try await store.select(MockData.self).count() == 1)
      // What a check must let pass.
      for records: JSON in [[], [nil_], [[:]], [true], [[], []], ["a", "b"]] {
        var row = Self.mockData
        row["data_key"] = .text("\(records)")
        row["records"] = .json(records)
        _ = try await store.backend.apply([.insert(Self.insert("mock_data", row))])
      }
    }
  }

  private let nil_ = JSON.null

  @Test(arguments: TestBackend.allCases)
  func lengths(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      let compilations = [("id", 12), ("account_id", 36), ("name", 255), ("status", 20)]
      for (column, length) in compilations + [("openapi_canonical_hash", 64)] {
        var row = Self.compilation
        row[column] = Self.long(length + 1)
        try await expectTooLong(column, of: "compilations", row, in: store)
      }
      for (column, length) in [
        ("account_id", 36), ("data_key", 64), ("resource_slug", 64), ("id_field", 64),
      ] {
        var row = Self.mockData
        row[column] = Self.long(length + 1)
        try await expectTooLong(column, of: "mock_data", row, in: store)
        row[column] = Self.long(length)
        _ = try await store.backend.apply([.insert(Self.insert("mock_data", row))])
      }
      var row = Self.compilation
      row["account_id"] = Self.long(36)
      row["name"] = Self.long(255)
      _ = try await store.backend.apply([.insert(Self.insert("compilations", row))])
    }
  }

  private func expectTooLong(
    _ column: String, of table: String, _ row: [String: Value], in store: Store
  ) async throws {
    let error = await #expect(throws: StoreError.self, "\(column)") {
      _ = try await store.backend.apply([.insert(Self.insert(table, row))])
    }
    #expect(error?.code == .valueTooLong, "\(column)")
  }

  private static func insert(_ table: String, _ row: [String: Value]) -> Mutation.Insert {
    let columns = row.keys.sorted()
    return Mutation.Insert(
      table: table, columns: columns, rows: [columns.map { row[$0] ?? .null }])
  }

  @Test(arguments: TestBackend.allCases)
  func defaults(_ backend: TestBackend) async throws {
    try await CompilationSample.withStore(backend) { store in
      var row = Self.compilation
      for column in ["status", "created_at", "updated_at"] { row[column] = nil }
      if backend != .postgres {
        // Without a store, which knows the time, an embedded backend has none to give.
        row["created_at"] = Self.compilation["created_at"]
        row["updated_at"] = Self.compilation["updated_at"]
      }
      _ = try await store.backend.apply([.insert(Self.insert("compilations", row))])
      #expect(try await CompilationStore(store).get("550e8400-e29")?.status == .success)
      var data = Self.mockData
      data["records"] = nil
      data["id_field"] = nil
      _ = try await store.backend.apply([.insert(Self.insert("mock_data", data))])
      let stored = try await store.select(MockData.self).fetch()
      #expect(stored.map(\.records) == [[]] && stored.map(\.idField) == ["id"])
    }
  }
}
