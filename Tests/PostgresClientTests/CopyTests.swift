import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// COPY in both directions, typed and raw, to its end and half-way.
@Suite(.timeLimit(.minutes(2))) struct CopyTests {
  private func withConnection(
    _ body: @Sendable (PostgresConnection) async throws -> Void
  ) async throws {
    let server = try await ThrowawayPostgres.shared(.trust)
    let connection = try await PostgresConnection.connect(
      try PostgresConfiguration(server.url(), environment: [:]))
    try await connection.simple(
      """
      CREATE TEMP TABLE things (id int4 PRIMARY KEY CHECK (id > 0), small int2, big int8,
        name text, ratio float8, thin float4, price numeric(10, 2), at timestamptz,
        local timestamp, code varchar(5), document jsonb, plain json, token uuid, raw bytea,
        flags bool[]);
      CREATE TEMP TABLE pairs (a int4, b text)
      """)
    do {
      try await connection.run(body)
    } catch {
      await connection.close()
      throw error
    }
    await connection.close()
  }

  private struct Stop: Error {}

  /// The rows of `pairs`, which also shows that the connection can still be used.
  private func pairs(_ connection: PostgresConnection) async throws -> [String] {
    try await connection.query(
      "SELECT a || '=' || coalesce(b, 'NULL') FROM pairs ORDER BY a, b", as: String.self)
  }

  @Test func everyKindOfValue() async throws {
    try await withConnection { connection async throws in
      let moment = Timestamp(microsecondsSince2000: -123_456_789)
      let token = UUID()
      let count = try await connection.copyIn(
        into: "things",
        columns: [
          "id", "small", "big", "name", "ratio", "thin", "price", "at", "local", "code",
          "document", "plain", "token", "raw", "flags",
        ]
      ) { copy in
        try await copy.write(
          1, -2, Int64.min, "é\u{1F426}", 0.1, 0.5, Numeric(12.5), moment, moment, "abc",
          JSON.object(["a": 1]), "{\"b\": 2}", token, [UInt8](0...255), [true, nil, false])
        try await copy.write(
          2, Int?.none, Int64?.none, String?.none, Double?.none, Float?.none, Numeric?.none,
          Timestamp?.none, Timestamp?.none, String?.none, JSON?.none, String?.none, UUID?.none,
          [UInt8]?.none, [Bool?]?.none)
        #expect(copy.rowCount == 2)
      }
      #expect(count == 2)
      let row = try await connection.queryOne(
        """
        SELECT small, big, name, ratio, thin, price::text, at, local, code, document::text,
          plain::text, token, raw, flags FROM things WHERE id = 1
        """,
        as: (
          Int, Int64, String, Double, Float, String, Timestamp, Timestamp, String, String, String,
          UUID, [UInt8], [Bool?]
        ).self)
      #expect(row.0 == -2 && row.1 == .min && row.2 == "é\u{1F426}" && row.3 == 0.1)
      #expect(row.4 == 0.5 && row.5 == "12.50" && row.6 == moment && row.7 == moment)
      #expect(row.8 == "abc" && row.9 == "{\"a\": 1}" && row.10 == "{\"b\": 2}")
      #expect(row.11 == token && row.12 == [UInt8](0...255) && row.13 == [true, nil, false])
      let nulls = try await connection.queryOne(
        "SELECT num_nulls(small, big, name, ratio, thin, price, flags) FROM things WHERE id = 2",
        as: Int.self)
      #expect(nulls == 7)
    }
  }

  @Test func manyRowsThereAndBack() async throws {
    try await withConnection { connection async throws in
      let numbers = 1...200_000
      let copied = try await connection.copyIn(into: "pairs", columns: ["b", "a"]) { copy in
        for number in numbers.prefix(50_000) { try await copy.write("text \(number)", number) }
        try await copy.write(each: numbers.dropFirst(50_000)) { ("text \($0)", $0) }
        #expect(copy.rowCount == numbers.count)
      }
      #expect(copied == numbers.count)
      var sum = 0
      let received = try await connection.copyOut(
        rowsOf: "SELECT a, b FROM pairs ORDER BY a"
      ) { row in
        let (number, text) = try row.decode(as: (Int, String).self)
        #expect(text == "text \(number)")
        sum += number
      }
      #expect(received == numbers.count && sum == numbers.reduce(0, +))
      #expect(
        try await connection.copyOut(rowsOf: "SELECT a FROM pairs WHERE false") { _ in
          Issue.record("there is no row")
        } == 0)
    }
  }

  @Test func manyRowsOfWhichOneFails() async throws {
    struct Missing: Error {}
    try await withConnection { connection async throws in
      await #expect(throws: Missing.self) {
        try await connection.copyIn(into: "pairs", columns: ["b", "a"]) { copy in
          try await copy.write(each: 1...50_000) { number in
            if number == 40_000 { throw Missing() }
            return ("", number)
          }
        }
      }
      let error = await #expect(throws: PostgresError.self) {
        try await connection.copyIn(into: "pairs", columns: ["b", "a"]) { copy in
          try await copy.write(each: [1, Int.max]) { ("", $0) }
        }
      }
      #expect(error?.code == .encoding && error?.message.contains("row 2, column \"a\"") == true)
      #expect(try await pairs(connection) == [], "nothing was copied, the connection goes on")
    }
  }

  @Test func textAndCSV() async throws {
    try await withConnection { connection async throws in
      let csv = "a,b\n1,\"x,\"\"y\"\"\"\n2,\n3,é\n"
      // Cut anywhere, also inside of a character.
      let cut = Array(csv.utf8).map { [$0] }
      #expect(
        try await connection.copyIn("COPY pairs FROM STDIN (FORMAT csv, HEADER)", data: cut) == 3)
      #expect(try await pairs(connection) == ["1=x,\"y\"", "2=NULL", "3=é"])
      let stream = AsyncStream { continuation in
        for number in 4...6 { continuation.yield(Array("\(number)\tt\n".utf8)) }
        continuation.finish()
      }
      #expect(try await connection.copyIn("COPY pairs FROM STDIN", data: stream) == 3)
      var out: [UInt8] = []
      let count = try await connection.copyOut(
        "COPY (SELECT * FROM pairs ORDER BY a) TO STDOUT (FORMAT csv)"
      ) { out.append(contentsOf: $0) }
      #expect(count == 6)
      #expect(String(decoding: out, as: UTF8.self) == "1,\"x,\"\"y\"\"\"\n2,\n3,é\n4,t\n5,t\n6,t\n")
    }
  }

  @Test func whatDoesNotFitIsNamed() async throws {
    try await withConnection { connection async throws in
      func message(
        _ columns: [String], _ body: @Sendable (inout PostgresCopyWriter) async throws -> Void
      ) async -> String {
        do {
          try await connection.copyIn(into: "things", columns: columns, body)
          return "none"
        } catch {
          return (error as? PostgresError).map { "\($0.code): \($0)" } ?? "\(error)"
        }
      }
      let range = await message(["id", "small"]) { copy in
        try await copy.write(1, 32_767)
        try await copy.write(2, 32_768)
      }
      #expect(range.hasPrefix("encoding: ") && range.contains("row 2, column \"small\""))
      let type = await message(["id", "at"]) { try await $0.write(1, "yesterday") }
      #expect(type.contains("column \"at\"") && type.contains("String"))
      #expect(type.contains("timestamptz"))
      #expect(await message(["id", "small"]) { try await $0.write(1) }.contains("not 2 values"))
      #expect(await message(["id"]) { try await $0.write(1, 2) }.contains("not 1 values"))
      let thin = await message(["id", "thin"]) { try await $0.write(1, 1e300) }
      #expect(thin.contains("column \"thin\"") && thin.contains("out of the column's range"))
      #expect(await message(["nothing"]) { try await $0.write(1) }.contains("nothing"))
      #expect(
        try await connection.queryOne("SELECT count(*) FROM things", as: Int.self) == 0,
        "all rows or none, and the connection is whole")
      await #expect(throws: PostgresError.self) {
        try await connection.copyIn("COPY pairs FROM STDIN -- \(1)", data: [])
      }
    }
  }

  @Test func theServerRefusesARow() async throws {
    try await withConnection { connection async throws in
      let error = await #expect(throws: PostgresError.self) {
        try await connection.copyIn(into: "things", columns: ["id", "name"]) { copy in
          // Far more than what is sent before the server can say anything.
          for number in 0..<300_000 { try await copy.write(number, "text \(number)") }
        }
      }
      #expect(error?.server?.sqlState == .checkViolation)
      #expect(error?.server?.context?.contains("COPY things, line 1") == true)
      #expect(!connection.isClosed)
      #expect(try await connection.queryOne("SELECT count(*) FROM things", as: Int.self) == 0)
      let missing = await #expect(throws: PostgresError.self) {
        try await connection.copyIn("COPY nowhere FROM STDIN", data: [[1]])
      }
      #expect(missing?.server?.sqlState == .undefinedTable)
      #expect(try await pairs(connection) == [])
    }
  }

  @Test func theClientGivesUp() async throws {
    try await withConnection { connection async throws in
      await #expect(throws: Stop.self) {
        try await connection.copyIn(into: "pairs", columns: ["a", "b"]) { copy in
          for number in 0..<50_000 { try await copy.write(number, "x") }
          throw Stop()
        }
      }
      #expect(try await pairs(connection) == [])
      try await connection.execute(
        "INSERT INTO pairs SELECT n, 'x' FROM generate_series(1, 1000) n")
      var seen = 0
      await #expect(throws: Stop.self) {
        try await connection.copyOut(rowsOf: "SELECT a FROM pairs") { _ in
          seen += 1
          if seen == 10 { throw Stop() }
        }
      }
      #expect(seen == 10)
      await #expect(throws: Stop.self) {
        try await connection.copyOut("COPY pairs TO STDOUT") { _ in throw Stop() }
      }
      #expect(try await pairs(connection).count == 1_000)
      // In a transaction it is that of the COPY that fails.
      try await connection.begin()
      await #expect(throws: Stop.self) {
        try await connection.copyIn("COPY pairs FROM STDIN", data: AsyncFailure())
      }
      #expect(connection.transactionStatus == .failed)
      try await connection.rollback()
      #expect(try await pairs(connection).count == 1_000)
    }
  }

  /// Data that fails before it begins.
  private struct AsyncFailure: AsyncSequence, AsyncIteratorProtocol {
    typealias Element = [UInt8]
    func makeAsyncIterator() -> AsyncFailure { self }
    func next() async throws -> [UInt8]? { throw Stop() }
  }

  @Test func cancelledHalfWay() async throws {
    try await withConnection { connection async throws in
      let (started, signal) = AsyncStream.makeStream(of: Void.self)
      let task = Task {
        try await connection.copyIn(into: "pairs", columns: ["a", "b"]) { copy in
          while true {
            try await copy.write(1, "x")
            if copy.rowCount == 20_000 { signal.yield() }
          }
        }
      }
      for await _ in started { break }
      task.cancel()
      let result = await task.result
      #expect(throws: PostgresError.self) { try result.get() }
      // Noticed between two parts, it leaves the connection whole; while waiting, it closes it.
      if !connection.isClosed { #expect(try await pairs(connection) == []) }
    }
  }

  @Test func otherStatementsAndOtherTurns() async throws {
    try await withConnection { connection async throws in
      for wrong in ["SELECT 1", "INSERT INTO pairs VALUES (1, 'x')", "COPY pairs TO STDOUT", ""] {
        let error = await #expect(throws: PostgresError.self) {
          try await connection.copyIn(PostgresQuery(unsafeSQL: wrong), data: [[1]])
        }
        #expect(error?.code == .unsupported, "\(wrong)")
      }
      for wrong in ["SELECT 1", "COPY pairs FROM STDIN"] {
        let error = await #expect(throws: PostgresError.self) {
          try await connection.copyOut(PostgresQuery(unsafeSQL: wrong)) { _ in }
        }
        #expect(error != nil && !connection.isClosed, "\(wrong)")
      }
      let nested = await #expect(throws: PostgresError.self) {
        try await connection.copyIn(into: "pairs", columns: ["a", "b"]) { _ in
          try await connection.execute("SELECT 1")
        }
      }
      #expect(nested?.code == .unsupported)
      #expect(try await pairs(connection) == ["1=x"])
    }
  }

  // MARK: Without a real server

  /// Every way to cut and to spoil the binary format.
  @Test func hostileData() throws {
    var encoder = PostgresCopyEncoder(columns: [("a", .int4), ("b", .text)])
    try encoder.append(1, "one")
    try encoder.append(2, String?.none)
    try encoder.append(3, String(repeating: "x", count: 300))
    encoder.finish()
    let whole = encoder.bytes

    func rows(_ parts: [[UInt8]]) throws -> (count: Int, hasEnded: Bool) {
      var reader = CopyBinaryReader()
      var count = 0
      for part in parts {
        try part.withUnsafeBytes { bytes in
          try reader.read(bytes) { row throws(WireError) in
            count += 1
            #expect(row.count >= 2)
          }
        }
      }
      return (count, reader.hasEnded)
    }
    for size in [1, 2, 3, 7, 19, 20, 64, whole.count] {
      let parts = stride(from: 0, to: whole.count, by: size).map {
        Array(whole[$0..<min($0 + size, whole.count)])
      }
      let result = try rows(parts)
      #expect(result.count == 3 && result.hasEnded, "in parts of \(size)")
    }
    for length in 0..<whole.count {
      #expect(try !rows([Array(whole.prefix(length))]).hasEnded, "cut at \(length)")
    }
    #expect(throws: WireError.self) { try rows([whole + [0]]) }
    for (offset, bytes) in [
      (0, [0x51 as UInt8]), (11, [0, 1, 0, 0]), (15, [0x7f, 0xff, 0xff, 0xff]),
      (15, [0xff, 0xff, 0xff, 0xff]), (19, [0xff, 0xfe]), (21, [0xff, 0xff, 0xff, 0xfe]),
      (21, [0x80, 0, 0, 0]),
    ] {
      var spoiled = whole
      spoiled.replaceSubrange(offset..<offset + bytes.count, with: bytes)
      #expect(throws: WireError.self, "at \(offset)") { try rows([spoiled]) }
    }
    var huge = whole
    huge.replaceSubrange(21..<25, with: [0x7f, 0xff, 0xff, 0xff])
    #expect(try rows([huge]).count == 0, "it waits for what was promised, and keeps what came")
  }

  @Test func aServerThatTalksNonsense() async throws {
    let answers: [(BackendMessage, PostgresError.Code)] = [
      (.copyData([1]), .protocolViolation), (.copyDone, .protocolViolation),
      (.bindComplete, .protocolViolation), (.readyForQuery(.idle), .unsupported),
    ]
    for (message, code) in answers {
      let server = try ScriptedServer { conversation in
        try conversation.logIn()
        try conversation.readRequest()
        try conversation.send(message)
        conversation.waitForEnd()
      }
      let connection = try await PostgresConnection.connect(server.configuration())
      let error = await #expect(throws: PostgresError.self) {
        try await connection.copyOut("COPY a TO STDOUT") { _ in }
      }
      #expect(error?.code == code)
    }
    // Silence after the start, and data after the end.
    let silent = try ScriptedServer { conversation in
      try conversation.logIn()
      try conversation.readRequest()
      try conversation.send(.copyInResponse(CopyFormat(overall: .text, columns: [])))
      conversation.waitForEnd()
    }
    let connection = try await PostgresConnection.connect(silent.configuration())
    let error = await #expect(throws: PostgresError.self) {
      try await connection.copyIn(
        PostgresQuery(unsafeSQL: "COPY a FROM STDIN").timeout(.milliseconds(300)), data: [[1]])
    }
    #expect(error?.code == .deadlineExceeded && connection.isClosed)
  }
}
