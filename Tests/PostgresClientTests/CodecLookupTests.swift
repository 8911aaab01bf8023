import Foundation
import PostgresClient
import PostgresWire
import RoostCore
import RoostTesting
import Testing

private let ownType = PostgresType(90_001)

/// What a server may answer when it is asked about a type of its own.
@Suite(.timeLimit(.minutes(5))) struct CodecLookupTests {
  private static func bytes(_ value: some PostgresEncodable) throws -> [UInt8] {
    var writer = PostgresValueWriter()
    try value.encode(into: &writer)
    return writer.bytes
  }

  /// One row of the answer about types.
  private static func row(kind: String, part: PostgresType) throws -> [[UInt8]?] {
    [
      try bytes(ownType.rawValue), Array("own".utf8), Array(kind.utf8), try bytes(part.rawValue),
      [UInt8(ascii: ",")], try bytes([String]()), try bytes([UInt32]()),
    ]
  }

  /// Answers a query for one column of the type, and the question about it as the closure does.
  private func server(
    _ answer: @escaping @Sendable (ScriptedConversation) throws -> Void
  ) throws -> ScriptedServer {
    try ScriptedServer { conversation in
      try conversation.logIn()
      try conversation.describe([PostgresColumn(name: "v", type: ownType, format: .text)])
      try conversation.readRequest()
      try conversation.send(.closeComplete, .parseComplete, .bindComplete)
      try answer(conversation)
      try conversation.readRequest()
      try conversation.send(
        .bindComplete, .dataRow([Array("text".utf8)]), .commandComplete(tag: "SELECT 1"),
        .readyForQuery(.idle))
      conversation.waitForEnd()
    }
  }

  @Test func aTypeThatIsItselfComesAsText() async throws {
    let rows = try ["domain", "array", "range", "multirange", "something else"].map {
      try Self.row(kind: $0, part: ownType)
    }
    for row in rows {
      let server = try server { conversation in
        try conversation.send(
          .dataRow(row), .commandComplete(tag: "SELECT 1"), .closeComplete, .readyForQuery(.idle))
      }
      let connection = try await PostgresConnection.connect(server.configuration())
      let result = try await connection.query("SELECT v")
      #expect(result.columns.map(\.format) == [.text])
      #expect(try result.decode(as: String.self) == ["text"])
      await connection.close()
    }
  }

  @Test func aServerWithoutCataloguesGivesText() async throws {
    let server = try server { conversation in
      try conversation.send(
        .errorResponse(
          PostgresServerMessage(
            severity: .error, sqlState: .undefinedTable, message: "there is no pg_type")),
        .readyForQuery(.idle))
    }
    let connection = try await PostgresConnection.connect(server.configuration())
    #expect(try await connection.queryOne("SELECT v", as: String.self) == "text")
    await connection.close()
  }

  @Test func nonsenseAboutATypeEndsTheConnection() async throws {
    let server = try server { conversation in
      try conversation.send(.dataRow([[1], [2], nil, [], [], [9], [9]]))
    }
    let connection = try await PostgresConnection.connect(server.configuration())
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT v")
    }
    #expect(error?.code == .decoding)
    #expect(connection.isClosed)
  }

  @Test func silenceAboutATypeEndsAtTheDeadline() async throws {
    let server = try server { conversation in conversation.waitForEnd() }
    var configuration = server.configuration()
    configuration.queryTimeout = .milliseconds(100)
    let connection = try await PostgresConnection.connect(configuration)
    let error = await #expect(throws: PostgresError.self) {
      _ = try await connection.query("SELECT v")
    }
    #expect(error?.code == .deadlineExceeded)
  }
}
