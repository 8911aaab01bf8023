import PostgresWire
import RoostCore
import Testing

private let failure = PostgresServerMessage(
  severity: .error, sqlState: SQLState("23505"), message: "duplicate key")

private let backendMessages: [BackendMessage] = [
  .authentication(.ok), .authentication(.kerberosV5), .authentication(.cleartextPassword),
  .authentication(.md5Password(salt: [1, 2, 3, 4])), .authentication(.gss),
  .authentication(.gssContinue([9, 8])), .authentication(.sspi),
  .authentication(.sasl(mechanisms: ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"])),
  .authentication(.saslContinue([1, 2])), .authentication(.saslFinal([3])),
  .backendKeyData(processID: 42, secretKey: [1, 2, 3, 4]), .bindComplete, .closeComplete,
  .commandComplete(tag: "INSERT 0 5"), .copyData([1, 2, 3]), .copyDone,
  .copyInResponse(CopyFormat(overall: .text, columns: [.text, .text])),
  .copyOutResponse(CopyFormat(overall: .binary, columns: [.binary])),
  .copyBothResponse(CopyFormat(overall: .text, columns: [])),
  .dataRow([[1, 2], nil, []]), .emptyQueryResponse, .errorResponse(failure),
  .functionCallResponse([7]), .functionCallResponse(nil),
  .negotiateProtocolVersion(version: 0x30000, unknownOptions: ["_pq_.x"]), .noData,
  .noticeResponse(failure),
  .notificationResponse(processID: 7, channel: "c", payload: "héllo"),
  .parameterDescription([.int4, .text]), .parameterStatus(name: "TimeZone", value: "UTC"),
  .parseComplete, .portalSuspended, .readyForQuery(.idle), .readyForQuery(.inTransaction),
  .readyForQuery(.failed),
  .rowDescription([
    PostgresColumn(
      name: "a", type: .int8, format: .binary, tableOID: 9, attributeNumber: 1, typeLength: 8,
      typeModifier: 4), PostgresColumn(name: "", type: .text, format: .text),
  ]),
]

private let frontendMessages: [FrontendMessage] = [
  .bind(
    .init(
      portal: "p", statement: "s", formats: [.binary, .text], values: [[1], nil],
      resultFormats: [.binary])), .close(.statement("s")), .close(.portal("")), .copyData([1]),
  .copyDone, .copyFail(reason: "no"), .describe(.statement("s")), .describe(.portal("p")),
  .execute(portal: "", rowLimit: 5), .flush,
  .functionCall(.init(function: 1, formats: [.text], values: [[2]], resultFormat: .binary)),
  .parse(name: "s", sql: "SELECT $1", types: [.int4]), .authenticationResponse([1, 2, 0]),
  .query(sql: "SELECT 1"), .sync, .terminate,
]

private let startupMessages: [StartupMessage] = [
  .startup(major: 3, minor: 0, parameters: [.init("user", "u"), .init("database", "d")]),
  .sslRequest, .gssEncryptionRequest, .cancelRequest(processID: 5, secretKey: [1, 2, 3, 4]),
]

private func bytes(_ message: BackendMessage) throws -> [UInt8] {
  var writer = WireWriter()
  try message.encode(into: &writer)
  return writer.bytes
}

private func bytes(_ message: FrontendMessage) throws -> [UInt8] {
  var writer = WireWriter()
  try message.encode(into: &writer)
  return writer.bytes
}

@Suite struct MessageTests {
  @Test(arguments: backendMessages)
  func backendRoundTrip(_ message: BackendMessage) throws {
    let encoded = try bytes(message)
    let decoded = try encoded.withUnsafeBytes { raw in
      try BackendMessage(tag: raw[0], body: UnsafeRawBufferPointer(rebasing: raw[5...]))
    }
    #expect(decoded == message)
  }

  @Test(arguments: frontendMessages)
  func frontendRoundTrip(_ message: FrontendMessage) throws {
    let encoded = try bytes(message)
    let decoded = try encoded.withUnsafeBytes { raw in
      try FrontendMessage(tag: raw[0], body: UnsafeRawBufferPointer(rebasing: raw[5...]))
    }
    #expect(decoded == message)
  }

  @Test(arguments: startupMessages)
  func startupRoundTrip(_ message: StartupMessage) throws {
    var writer = WireWriter()
    try message.encode(into: &writer)
    let decoded = try writer.bytes.withUnsafeBytes { raw in
      try StartupMessage(body: UnsafeRawBufferPointer(rebasing: raw[4...]))
    }
    #expect(decoded == message)
  }

  /// A body that is cut throws, or is another valid message; it never traps. One that goes on after
  /// its end throws.
  @Test(arguments: backendMessages)
  func cutAtEveryPrefix(_ message: BackendMessage) throws {
    let encoded = try bytes(message)
    let body = Array(encoded.dropFirst(5))
    for length in 0..<body.count {
      let decoded = Array(body[..<length]).withUnsafeBytes { raw in
        try? BackendMessage(tag: encoded[0], body: raw)
      }
      #expect(decoded != message)
    }
    let takesTheRest =
      switch message {
      case .copyData, .backendKeyData, .authentication(.gssContinue),
        .authentication(.saslContinue), .authentication(.saslFinal):
        true
      default: false
      }
    if !takesTheRest {
      #expect(throws: WireError.self) {
        try (body + [0]).withUnsafeBytes { raw in
          _ = try BackendMessage(tag: encoded[0], body: raw)
        }
      }
    }
  }

  /// Each field of each message is replaced by extreme values: a typed error or a message, no trap.
  @Test(arguments: backendMessages)
  func extremeValuesAnywhere(_ message: BackendMessage) throws {
    let encoded = try bytes(message)
    let body = Array(encoded.dropFirst(5))
    for value: [UInt8] in [
      [0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff], [0x80, 0, 0, 0],
      [0xff, 0xff, 0xff, 0xfe],
      [0xff, 0xff], [0x7f, 0xff], [0],
    ] where body.count >= value.count {
      for offset in 0...(body.count - value.count) {
        var changed = body
        changed.replaceSubrange(offset..<offset + value.count, with: value)
        changed.withUnsafeBytes { raw in _ = try? BackendMessage(tag: encoded[0], body: raw) }
      }
    }
  }

  @Test func fedByDripWholeAndInBatches() throws {
    let all = try backendMessages.flatMap { try bytes($0) }
    for step in [1, 2, 3, 7, 64, all.count] {
      var framer = MessageFramer()
      var decoded: [BackendMessage] = []
      for start in stride(from: 0, to: all.count, by: step) {
        framer.append(all[start..<min(start + step, all.count)])
        while let frame = try framer.next() {
          decoded.append(try BackendMessage(tag: frame.tag, body: frame.body))
        }
      }
      #expect(decoded == backendMessages)
      #expect(framer.bufferedByteCount == 0)
    }
  }

  @Test func aBigMessageGrowsTheBufferWithWhatArrives() throws {
    var framer = MessageFramer(limit: WireLimits.messageByteCount)
    let payload = [UInt8](repeating: 7, count: 3_000_000)
    let all = try bytes(BackendMessage.copyData(payload)) + bytes(.readyForQuery(.idle))
    var count = 0
    for start in stride(from: 0, to: all.count, by: 50_000) {
      framer.append(all[start..<min(start + 50_000, all.count)])
      while let frame = try framer.next() {
        count += 1
        if frame.tag == BackendTag.copyData { #expect(frame.body.count == payload.count) }
      }
    }
    #expect(count == 2)
  }

  @Test(arguments: [-1, 0, 3, Int32.min])
  func lengthsThatCannotBe(_ length: Int32) {
    var framer = MessageFramer()
    framer.append([82] + withUnsafeBytes(of: length.bigEndian) { Array($0) })
    #expect(throws: WireError.invalidLength(Int(length))) { _ = try framer.next() }
  }

  @Test func limitsOfLengths() throws {
    var early = MessageFramer()
    early.append([69] + withUnsafeBytes(of: Int32(40_000).bigEndian) { Array($0) })
    #expect(throws: WireError.self) { _ = try early.next() }
    #expect(try WireWriter.lengthField(WireLimits.messageByteCount) == 0x3fff_ffff)
    for count in [
      WireLimits.messageByteCount + 1, Int(Int32.max), Int(Int32.max) + 1, 1 << 32, (1 << 32) + 5,
    ] {
      #expect(throws: WireError.self) { _ = try WireWriter.lengthField(count) }
    }
  }

  /// A list of names that a gibibyte could hold would take sixteen as texts.
  @Test func listsOfNamesAreShort() {
    var names = [UInt8](repeating: 0x58, count: 4_004)
    for index in 0..<2_001 { names[2 * index + 1] = 0 }
    let mechanisms = [0, 0, 0, 10] + names + [0]
    let options = [0, 0, 0, 0, 0, 0, 0x07, 0xd0] + names
    for (tag, body) in [
      (BackendTag.authentication, mechanisms), (BackendTag.negotiateProtocolVersion, options),
    ] {
      body.withUnsafeBytes { body in
        _ = #expect(throws: WireError.self) { try BackendMessage(tag: tag, body: body) }
      }
    }
  }

  @Test func aNULThrowsAndLeavesNoByte() {
    var writer = WireWriter()
    let messages: [FrontendMessage] = [
      .query(sql: "a\0b"), .parse(name: "a\0", sql: "", types: []),
      .parse(name: "", sql: "\0", types: []), .describe(.statement("\0")), .close(.portal("\0")),
      .copyFail(reason: "\0"), .execute(portal: "\0", rowLimit: 0),
    ]
    for message in messages {
      #expect(throws: WireError.self) { try message.encode(into: &writer) }
      #expect(writer.bytes.isEmpty)
    }
    for parameter in [StartupMessage.Parameter("a\0", "b"), .init("a", "b\0c"), .init("", "b")] {
      #expect(throws: WireError.self) {
        try StartupMessage.startup(major: 3, minor: 0, parameters: [parameter])
          .encode(into: &writer)
      }
      #expect(writer.bytes.isEmpty)
    }
  }

  @Test func serverMessageFields() {
    let message = PostgresServerMessage(fields: [
      UInt8(ascii: "S"): "FEHLER", UInt8(ascii: "V"): "ERROR", UInt8(ascii: "C"): "23505",
      UInt8(ascii: "M"): "m", UInt8(ascii: "D"): "d", UInt8(ascii: "H"): "h",
      UInt8(ascii: "P"): "3", UInt8(ascii: "s"): "sc", UInt8(ascii: "t"): "ta",
      UInt8(ascii: "c"): "co", UInt8(ascii: "d"): "ty", UInt8(ascii: "n"): "cn",
      UInt8(ascii: "R"): "r",
    ])
    #expect(message.severity == .error)
    #expect(message.sqlState == .uniqueViolation)
    #expect(message.detail == "d")
    #expect(message.hint == "h")
    #expect(message.position == 3)
    #expect(message.schema == "sc")
    #expect(message.table == "ta")
    #expect(message.column == "co")
    #expect(message.dataType == "ty")
    #expect(message.constraint == "cn")
    #expect(message.routine == "r")
    #expect(message.internalQuery == nil)
  }
}
