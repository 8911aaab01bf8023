extension BackendMessage {
  /// Appends the message as a server sends it; for scripted servers and tests.
  package func encode(into writer: inout WireWriter) throws(WireError) {
    switch self {
    case .authentication(let request): try request.encode(into: &writer)
    case .backendKeyData(let processID, let key):
      try writer.message(BackendTag.backendKeyData) { writer in
        writer.write(processID)
        writer.write(key)
      }
    case .bindComplete: writer.message(BackendTag.bindComplete)
    case .closeComplete: writer.message(BackendTag.closeComplete)
    case .commandComplete(let tag):
      try writer.message(BackendTag.commandComplete) { writer throws(WireError) in
        try writer.write(tag, field: "command tag")
      }
    case .copyData(let bytes):
      try writer.message(BackendTag.copyData) { $0.write(bytes) }
    case .copyDone: writer.message(BackendTag.copyDone)
    case .copyInResponse(let format):
      try format.encode(tag: BackendTag.copyInResponse, into: &writer)
    case .copyOutResponse(let format):
      try format.encode(tag: BackendTag.copyOutResponse, into: &writer)
    case .copyBothResponse(let format):
      try format.encode(tag: BackendTag.copyBothResponse, into: &writer)
    case .emptyQueryResponse: writer.message(BackendTag.emptyQueryResponse)
    case .errorResponse(let message):
      try writer.message(BackendTag.errorResponse) { writer throws(WireError) in
        try message.write(into: &writer)
      }
    case .noticeResponse(let message):
      try writer.message(BackendTag.noticeResponse) { writer throws(WireError) in
        try message.write(into: &writer)
      }
    case .noData: writer.message(BackendTag.noData)
    case .parseComplete: writer.message(BackendTag.parseComplete)
    case .portalSuspended: writer.message(BackendTag.portalSuspended)
    case .readyForQuery(let status):
      try writer.message(BackendTag.readyForQuery) { $0.write(status.rawValue) }
    default: try encodeFields(into: &writer)
    }
  }

  private func encodeFields(into writer: inout WireWriter) throws(WireError) {
    switch self {
    case .dataRow(let values):
      try writer.message(BackendTag.dataRow) { writer throws(WireError) in
        writer.write(try count(values.count))
        for value in values { try writer.write(value: value) }
      }
    case .functionCallResponse(let value):
      try writer.message(BackendTag.functionCallResponse) { writer throws(WireError) in
        try writer.write(value: value)
      }
    case .negotiateProtocolVersion(let newest, let options):
      try writer.message(BackendTag.negotiateProtocolVersion) { writer throws(WireError) in
        writer.write(newest)
        writer.write(Int32(truncatingIfNeeded: options.count))
        for option in options { try writer.write(option, field: "option") }
      }
    case .notificationResponse(let processID, let channel, let payload):
      try writer.message(BackendTag.notificationResponse) { writer throws(WireError) in
        writer.write(processID)
        try writer.write(channel, field: "channel")
        try writer.write(payload, field: "payload")
      }
    case .parameterDescription(let types):
      try writer.message(BackendTag.parameterDescription) { writer throws(WireError) in
        guard let count = UInt16(exactly: types.count) else {
          throw .tooManyParameters(types.count)
        }
        writer.write(count)
        for type in types { writer.write(type.rawValue) }
      }
    case .parameterStatus(let name, let value):
      try writer.message(BackendTag.parameterStatus) { writer throws(WireError) in
        try writer.write(name, field: "parameter's name")
        try writer.write(value, field: "parameter's value")
      }
    case .rowDescription(let columns):
      try writer.message(BackendTag.rowDescription) { writer throws(WireError) in
        writer.write(try count(columns.count))
        for column in columns { try column.encode(into: &writer) }
      }
    default: break
    }
  }

  private func count(_ count: Int) throws(WireError) -> Int16 {
    guard let count = Int16(exactly: count) else {
      throw .malformed("\(count) columns are more than a message can have")
    }
    return count
  }
}

extension PostgresColumn {
  fileprivate func encode(into writer: inout WireWriter) throws(WireError) {
    try writer.write(name, field: "column's name")
    writer.write(tableOID)
    writer.write(attributeNumber)
    writer.write(type.rawValue)
    writer.write(typeLength)
    writer.write(typeModifier)
    writer.write(Int16(format.rawValue))
  }
}

extension CopyFormat {
  fileprivate func encode(tag: UInt8, into writer: inout WireWriter) throws(WireError) {
    try writer.message(tag) { writer throws(WireError) in
      writer.write(overall.rawValue)
      guard let count = Int16(exactly: columns.count) else {
        throw .malformed("\(columns.count) columns are more than a message can have")
      }
      writer.write(count)
      for column in columns { writer.write(Int16(column.rawValue)) }
    }
  }
}

extension AuthenticationRequest {
  fileprivate func encode(into writer: inout WireWriter) throws(WireError) {
    try writer.message(BackendTag.authentication) { writer throws(WireError) in
      switch self {
      case .ok: writer.write(Int32(0))
      case .kerberosV5: writer.write(Int32(2))
      case .cleartextPassword: writer.write(Int32(3))
      case .md5Password(let salt):
        writer.write(Int32(5))
        writer.write(salt)
      case .gss: writer.write(Int32(7))
      case .gssContinue(let bytes):
        writer.write(Int32(8))
        writer.write(bytes)
      case .sspi: writer.write(Int32(9))
      case .sasl(let mechanisms):
        writer.write(Int32(10))
        for mechanism in mechanisms { try writer.write(mechanism, field: "mechanism") }
        writer.write(UInt8(0))
      case .saslContinue(let bytes):
        writer.write(Int32(11))
        writer.write(bytes)
      case .saslFinal(let bytes):
        writer.write(Int32(12))
        writer.write(bytes)
      }
    }
  }
}
