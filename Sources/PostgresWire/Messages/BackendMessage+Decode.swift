extension BackendMessage {
  /// Decodes a message's body; it must be used up exactly.
  package init(tag: UInt8, body: UnsafeRawBufferPointer) throws(WireError) {
    var reader = WireReader(body, name: Self.name(of: tag))
    switch tag {
    case BackendTag.authentication:
      self = .authentication(try AuthenticationRequest(&reader))
    case BackendTag.backendKeyData:
      self = try Self.decodeKey(&reader)
    case BackendTag.bindComplete: self = .bindComplete
    case BackendTag.closeComplete: self = .closeComplete
    case BackendTag.commandComplete: self = .commandComplete(tag: try reader.string())
    case BackendTag.copyData: self = .copyData(Array(reader.rest()))
    case BackendTag.copyDone: self = .copyDone
    case BackendTag.copyInResponse: self = .copyInResponse(try CopyFormat(&reader))
    case BackendTag.copyOutResponse: self = .copyOutResponse(try CopyFormat(&reader))
    case BackendTag.copyBothResponse: self = .copyBothResponse(try CopyFormat(&reader))
    case BackendTag.dataRow:
      self = .dataRow(try Self.decodeRow(&reader))
    case BackendTag.emptyQueryResponse: self = .emptyQueryResponse
    case BackendTag.errorResponse: self = .errorResponse(try PostgresServerMessage(&reader))
    case BackendTag.functionCallResponse:
      self = .functionCallResponse(try reader.value().map { Array($0) })
    case BackendTag.negotiateProtocolVersion:
      self = try Self.decodeNegotiation(&reader)
    case BackendTag.noData: self = .noData
    case BackendTag.noticeResponse: self = .noticeResponse(try PostgresServerMessage(&reader))
    case BackendTag.notificationResponse:
      self = .notificationResponse(
        processID: try reader.integer(Int32.self), channel: try reader.string(),
        payload: try reader.string())
    case BackendTag.parameterDescription:
      self = .parameterDescription(try Self.decodeTypes(&reader))
    case BackendTag.parameterStatus:
      self = .parameterStatus(name: try reader.string(), value: try reader.string())
    case BackendTag.parseComplete: self = .parseComplete
    case BackendTag.portalSuspended: self = .portalSuspended
    case BackendTag.readyForQuery: self = .readyForQuery(try Self.decodeStatus(&reader))
    case BackendTag.rowDescription: self = .rowDescription(try Self.decodeColumns(&reader))
    default: throw .unknownMessage(tag: tag)
    }
    try reader.finish()
  }

  private static func name(of tag: UInt8) -> StaticString {
    switch tag {
    case BackendTag.authentication: "Authentication"
    case BackendTag.backendKeyData: "BackendKeyData"
    case BackendTag.commandComplete: "CommandComplete"
    case BackendTag.copyInResponse: "CopyInResponse"
    case BackendTag.copyOutResponse: "CopyOutResponse"
    case BackendTag.copyBothResponse: "CopyBothResponse"
    case BackendTag.dataRow: "DataRow"
    case BackendTag.errorResponse: "ErrorResponse"
    case BackendTag.functionCallResponse: "FunctionCallResponse"
    case BackendTag.negotiateProtocolVersion: "NegotiateProtocolVersion"
    case BackendTag.noticeResponse: "NoticeResponse"
    case BackendTag.notificationResponse: "NotificationResponse"
    case BackendTag.parameterDescription: "ParameterDescription"
    case BackendTag.parameterStatus: "ParameterStatus"
    case BackendTag.readyForQuery: "ReadyForQuery"
    case BackendTag.rowDescription: "RowDescription"
    default: "a message without fields"
    }
  }

  private static func decodeKey(_ reader: inout WireReader) throws(WireError) -> BackendMessage {
    let processID = try reader.integer(Int32.self)
    let key = Array(reader.rest())
    guard key.count >= 4, key.count <= WireLimits.cancelKeyByteCount else {
      throw .malformed("BackendKeyData has a key of \(key.count) bytes")
    }
    return .backendKeyData(processID: processID, secretKey: key)
  }

  private static func decodeRow(_ reader: inout WireReader) throws(WireError) -> [[UInt8]?] {
    var values: [[UInt8]?] = []
    for _ in 0..<(try reader.count(limit: WireLimits.columnCount)) {
      values.append(try reader.value().map { Array($0) })
    }
    return values
  }

  private static func decodeNegotiation(
    _ reader: inout WireReader
  ) throws(WireError) -> BackendMessage {
    // The manual calls it the newest minor version; servers send the whole one, 3 << 16 and more.
    let version = try reader.integer(Int32.self)
    let count = Int(try reader.integer(Int32.self))
    guard count >= 0, count <= WireLimits.listedNameCount else {
      throw .malformed("NegotiateProtocolVersion has the count \(count)")
    }
    var options: [String] = []
    for _ in 0..<count { options.append(try reader.string()) }
    return .negotiateProtocolVersion(version: version, unknownOptions: options)
  }

  private static func decodeTypes(_ reader: inout WireReader) throws(WireError) -> [PostgresType] {
    // Unsigned here: a statement can have up to 65,535 parameters.
    let count = Int(try reader.integer(UInt16.self))
    var types: [PostgresType] = []
    for _ in 0..<count { types.append(PostgresType(try reader.integer(UInt32.self))) }
    return types
  }

  private static func decodeStatus(
    _ reader: inout WireReader
  ) throws(WireError) -> TransactionStatus {
    let byte = try reader.integer(UInt8.self)
    guard let status = TransactionStatus(rawValue: byte) else {
      throw .malformed("ReadyForQuery has the status \(byte)")
    }
    return status
  }

  private static func decodeColumns(
    _ reader: inout WireReader
  ) throws(WireError) -> [PostgresColumn] {
    var columns: [PostgresColumn] = []
    for _ in 0..<(try reader.count(limit: WireLimits.columnCount)) {
      var column = PostgresColumn(name: try reader.string(), type: .unspecified)
      column.tableOID = try reader.integer(UInt32.self)
      column.attributeNumber = try reader.integer(Int16.self)
      column.type = PostgresType(try reader.integer(UInt32.self))
      column.typeLength = try reader.integer(Int16.self)
      column.typeModifier = try reader.integer(Int32.self)
      column.format = try reader.format()
      columns.append(column)
    }
    return columns
  }
}

extension WireReader {
  /// A 16-bit format code.
  package mutating func format() throws(WireError) -> PostgresFormat {
    let code = try integer(Int16.self)
    guard let byte = UInt8(exactly: code), let format = PostgresFormat(rawValue: byte) else {
      throw .malformed("the format code \(code) is neither text nor binary")
    }
    return format
  }
}

extension CopyFormat {
  init(_ reader: inout WireReader) throws(WireError) {
    let code = try reader.integer(UInt8.self)
    guard let overall = PostgresFormat(rawValue: code) else {
      throw .malformed("the format code \(code) is neither text nor binary")
    }
    self.init(overall: overall, columns: [])
    for _ in 0..<(try reader.count(limit: WireLimits.columnCount)) {
      columns.append(try reader.format())
    }
  }
}

extension AuthenticationRequest {
  init(_ reader: inout WireReader) throws(WireError) {
    let code = try reader.integer(Int32.self)
    switch code {
    case 0: self = .ok
    case 2: self = .kerberosV5
    case 3: self = .cleartextPassword
    case 5: self = .md5Password(salt: Array(try reader.read(4)))
    case 7: self = .gss
    case 8: self = .gssContinue(Array(reader.rest()))
    case 9: self = .sspi
    case 10:
      var mechanisms: [String] = []
      while true {
        let mechanism = try reader.string()
        if mechanism.isEmpty { break }
        guard mechanisms.count < WireLimits.listedNameCount else {
          throw .malformed("Authentication names too many mechanisms")
        }
        mechanisms.append(mechanism)
      }
      self = .sasl(mechanisms: mechanisms)
    case 11: self = .saslContinue(Array(reader.rest()))
    case 12: self = .saslFinal(Array(reader.rest()))
    default: throw .malformed("Authentication has the code \(code)")
    }
  }
}
