import Foundation
import Roost
import RoostCore
import RoostTesting
import Testing

/// Digests are equal on every backend for equal rows, and differ for whatever differs.
@Suite(.timeLimit(.minutes(15))) struct DigestTests {
  private static let scalars: [(name: String, type: String)] = [
    ("flag", "boolean"), ("small", "smallint"), ("medium", "integer"), ("large", "bigint"),
    ("single", "real"), ("wide", "double precision"), ("price", "numeric(10, 2)"),
    ("exact", "numeric"), ("label", "text COLLATE \"C\""), ("short", "varchar(5) COLLATE \"C\""),
    ("data", "bytea"), ("token", "uuid"), ("day", "date"), ("local", "timestamp"),
    ("moment", "timestamptz"), ("document", "jsonb"), ("tint", "tint"),
  ]

  /// Every type, and an array of every type: of doubles in a table of its own, since SQL has no
  /// exact bytes for them.
  private static let migrations = MigrationSet(
    system: "digests",
    files: [
      MigrationFile(
        name: "V001__digests.sql",
        text: """
          CREATE TYPE tint AS ENUM ('red', 'Green', 'blue');
          CREATE TABLE wide (id integer PRIMARY KEY, \(columns));
          CREATE TABLE floats (id integer PRIMARY KEY, singles real[], wides double precision[]);
          CREATE TABLE keyed (
            label text COLLATE "C", amount numeric, tint tint, moment timestamptz, local timestamp,
            PRIMARY KEY (label, amount, tint, moment, local));
          """)
    ])

  private static var columns: String {
    let plain = scalars.map { "\($0.name) \($0.type)" }
    let arrays = scalars.filter { !["real", "double precision"].contains($0.type) }.map {
      "\($0.name)_list \($0.type.replacing(" COLLATE \"C\"", with: ""))[]"
        + ($0.type.contains("COLLATE") ? " COLLATE \"C\"" : "")
    }
    return (plain + arrays).joined(separator: ", ")
  }

  /// Values of a type that are hard to keep apart, or to keep at all. Texts are read as the type.
  private static func values(_ name: String) throws -> [Value] {
    switch name {
    case "flag": [.bool(true), .bool(false)]
    case "small": [.int(-32_768), .int(0), .int(32_767)]
    case "medium": [.int(Int64(Int32.min)), .int(-1), .int(Int64(Int32.max))]
    case "large": [.int(.min), .int(0), .int(.max)]
    case "single":
      [.double(0), .double(-0.0), .double(Double(Float(0.1))), .double(-.infinity), .double(.nan)]
    case "wide":
      [
        .double(0), .double(-0.0), .double(0.1), .double(.leastNonzeroMagnitude),
        .double(.infinity), .double(.nan), .double(-.nan), .double(.greatestFiniteMagnitude),
      ]
    case "price": ["0.00", "-0.10", "99999999.99", "NaN"].map { .text($0) }
    case "exact":
      ["1.1", "1.10", "0", "0.000", "1e30", "NaN", "Infinity", "-Infinity", "-1.5e-300"]
        .map { .text($0) }
    case "label": ["", " ", "é", "e\u{301}", "\u{1F600}", "a\\b\"c\n"].map { .text($0) }
    case "short": ["", "é", "e\u{301}", "a    "].map { .text($0) }
    case "data": [.bytes([]), .bytes([0]), .bytes([0, 255])]
    case "token": [.uuid(UUID())]
    case "day": ["2026-11-21", "0044-03-15 BC", "infinity", "-infinity"].map { .text($0) }
    case "local": ["2026-11-21 12:00:00.000001", "-infinity"].map { .text($0) }
    case "moment": ["2026-11-21 12:00:00.000001Z", "0001-01-01 00:00:00 BC"].map { .text($0) }
    case "document":
      try ["null", "{}", "1.10", "1.1", "[1e2, \"\\u0007é\"]", #"{"bb":1,"a":{"c":null}}"#]
        .map { .json(try JSON(parsing: $0)) }
    default: [.text("red"), .text("Green"), .text("blue")]
    }
  }

  /// Rows with one column set each, and one without any.
  private static func rows(_ table: TableDefinition) throws -> [[Value]] {
    var rows: [[Value]] = [[.int(0)] + table.columns.dropFirst().map { _ in .null }]
    for (place, column) in table.columns.enumerated().dropFirst() {
      let scalar = column.name.replacing("_list", with: "")
      let lists = ["singles": "single", "wides": "wide"]
      var values = try values(lists[scalar] ?? scalar)
      if case .array = column.type {
        values = [.array([]), .array([.null]), .array(values), .array([values[0], .null])]
      }
      for value in values {
        var row: [Value] = [.int(Int64(rows.count))] + table.columns.dropFirst().map { _ in .null }
        row[place] = try column.type.coerce(value, table: table.name, column: column.name)
        rows.append(row)
      }
    }
    return rows
  }

  private static func withStores(
    _ body: (_ stores: [Store]) async throws -> Void
  ) async throws {
    let folder = try TemporaryFolder()
    var stores: [Store] = []
    for backend in TestBackend.allCases {
      stores.append(
        try await TestBackend.open(try await backend.freshURL(in: folder), [migrations]))
    }
    do { try await body(stores) } catch {
      for store in stores { await store.close() }
      throw error
    }
    for store in stores { await store.close() }
  }

  @Test(arguments: ["wide", "floats"]) func everyType(_ name: String) async throws {
    try await Self.withStores { stores in
      let table = try stores[0].schema.table(name)
      let rows = try Self.rows(table)
      var seen: Set<String> = []
      for store in stores {
        _ = try await store.backend.load(
          RowsToLoad(name, columns: table.columns.map(\.name), rows: rows))
      }
      for (place, row) in rows.enumerated() {
        var expected = RangeDigest()
        try expected.add([row], of: table)
        let key = [Value.int(Int64(place))]
        let range = KeyRange(after: place == 0 ? nil : [.int(Int64(place - 1))], through: key)
        for store in stores {
          let found = try await store.backend.digest(table, in: range, limit: 10)
          #expect(
            found.hasSameRows(as: expected),
            "\(store.opening.location) \(ValueText.exact(row)): \(found.text) \(expected.text)")
          #expect(found.last == key)
        }
        // The key is in the bytes, so that rows are told apart by their values only without it.
        var values = RangeDigest()
        try values.add([[.int(0)] + row.dropFirst()], of: table)
        let isNaN = ValueText.exact(row).contains("nand")
        #expect(seen.insert(values.text).inserted || isNaN, "\(ValueText.exact(row))")
      }
    }
  }

  @Test func partsAddUp() async throws {
    try await Self.withStores { stores in
      let table = try stores[0].schema.table("wide")
      let rows = try Self.rows(table)
      for store in stores {
        _ = try await store.backend.load(
          RowsToLoad("wide", columns: table.columns.map(\.name), rows: rows))
      }
      var whole = RangeDigest()
      try whole.add(rows, of: table)
      for store in stores {
        for limit in [1, 7, rows.count, rows.count + 1] {
          var sum = RangeDigest()
          var range = KeyRange()
          while true {
            let part = try await store.backend.digest(table, in: range, limit: limit)
            #expect(part.count <= limit)
            sum.add(part)
            if part.count < limit { break }
            range.after = part.last
          }
          #expect(sum.hasSameRows(as: whole))
          #expect(sum.last == whole.last)
        }
        let none = try await store.backend.digest(
          table, in: KeyRange(after: [.int(7)], through: [.int(7)]), limit: 5)
        #expect(none.count == 0 && none.last == nil && none.hasSameRows(as: RangeDigest()))
      }
    }
  }

  /// Keys of several columns come in the same order everywhere, and ranges are cut at them.
  @Test func keysOfSeveralColumns() async throws {
    try await Self.withStores { stores in
      let table = try stores[0].schema.table("keyed")
      var rows: [[Value]] = []
      for label in ["", "B", "a", "e\u{301}", "é"] {
        for amount in ["-Infinity", "1.10", "2", "NaN"] {
          for tint in ["red", "Green", "blue"] {
            for moment in ["-infinity", "2026-11-21 12:00:00.000001Z"] {
              let values: [Value] = [label, amount, tint, moment, "2026-11-21 12:00:00.5"]
                .map { .text($0) }
              var row: [Value] = []
              for (value, column) in zip(values, table.columns) {
                row.append(try column.type.coerce(value, table: "keyed", column: column.name))
              }
              rows.append(row)
            }
          }
        }
      }
      for store in stores {
        _ = try await store.backend.load(
          RowsToLoad("keyed", columns: table.columns.map(\.name), rows: rows.shuffled()))
      }
      for place in stride(from: 0, to: rows.count - 7, by: 5) {
        let range = KeyRange(after: rows[place], through: rows[place + 6])
        var expected = RangeDigest()
        try expected.add(rows[(place + 1)...(place + 4)], of: table)
        for store in stores {
          let found = try await store.backend.digest(table, in: range, limit: 4)
          #expect(found.hasSameRows(as: expected), "\(store.opening.location) \(place)")
          let all = try await store.backend.query(range.query(table, limit: 100))
          #expect(
            all.map { ValueText.exact($0) }
              == rows[(place + 1)...(place + 6)].map { ValueText.exact($0) })
        }
      }
    }
  }

  /// Layers and transactions hand the question on.
  @Test func throughLayersAndTransactions() async throws {
    try await withLayers([RetryLayer()], on: .postgres) { store in
      try await store.insert(RoutedItem(id: 1, text: "a"))
      let table = try store.schema.table("route_items")
      let plain = try await store.backend.digest(table, in: KeyRange(), limit: 5)
      #expect(plain.count == 1)
      let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
      let inside = try await store.backend.transaction(options) { session in
        try await session.digest(table, in: KeyRange(), limit: 5)
      }
      #expect(inside.hasSameRows(as: plain))
    }
  }
}
