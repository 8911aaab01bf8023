extension FrontendMessage {
  /// Appends the message.
  package func encode(into writer: inout WireWriter) throws(WireError) {
    switch self {
    case .bind(let bind): try bind.encode(into: &writer)
    case .close(let target): try target.encode(tag: FrontendTag.close, into: &writer)
    case .copyData(let bytes): try writer.message(FrontendTag.copyData) { $0.write(bytes) }
    case .copyDone: writer.message(FrontendTag.copyDone)
    case .copyFail(let reason):
      try writer.message(FrontendTag.copyFail) { writer throws(WireError) in
        try writer.write(reason, field: "reason")
      }
    case .describe(let target): try target.encode(tag: FrontendTag.describe, into: &writer)
    case .execute(let portal, let rowLimit):
      try writer.message(FrontendTag.execute) { writer throws(WireError) in
        try writer.write(portal, field: "portal's name")
        writer.write(rowLimit)
      }
    case .flush: writer.message(FrontendTag.flush)
    case .functionCall(let call): try call.encode(into: &writer)
    case .parse(let name, let sql, let types):
      try writer.message(FrontendTag.parse) { writer throws(WireError) in
        try writer.write(name, field: "statement's name")
        try writer.write(sql, field: "SQL text")
        guard let count = UInt16(exactly: types.count) else {
          throw .tooManyParameters(types.count)
        }
        writer.write(count)
        for type in types { writer.write(type.rawValue) }
      }
    case .authenticationResponse(let bytes):
      try writer.message(FrontendTag.authenticationResponse) { $0.write(bytes) }
    case .query(let sql):
      try writer.message(FrontendTag.query) { writer throws(WireError) in
        try writer.write(sql, field: "SQL text")
      }
    case .sync: writer.message(FrontendTag.sync)
    case .terminate: writer.message(FrontendTag.terminate)
    }
  }

  /// Decodes a message's body, as a server does; it must be used up exactly.
  package init(tag: UInt8, body: UnsafeRawBufferPointer) throws(WireError) {
    var reader = WireReader(body, name: "a message of the client")
    switch tag {
    case FrontendTag.bind: self = .bind(try Bind(&reader))
    case FrontendTag.close: self = .close(try Target(&reader))
    case FrontendTag.copyData: self = .copyData(Array(reader.rest()))
    case FrontendTag.copyDone: self = .copyDone
    case FrontendTag.copyFail: self = .copyFail(reason: try reader.string())
    case FrontendTag.describe: self = .describe(try Target(&reader))
    case FrontendTag.execute:
      self = .execute(portal: try reader.string(), rowLimit: try reader.integer(Int32.self))
    case FrontendTag.flush: self = .flush
    case FrontendTag.functionCall: self = .functionCall(try FunctionCall(&reader))
    case FrontendTag.parse:
      let name = try reader.string()
      let sql = try reader.string()
      var types: [PostgresType] = []
      for _ in 0..<(try reader.integer(UInt16.self)) {
        types.append(PostgresType(try reader.integer(UInt32.self)))
      }
      self = .parse(name: name, sql: sql, types: types)
    case FrontendTag.authenticationResponse:
      self = .authenticationResponse(Array(reader.rest()))
    case FrontendTag.query: self = .query(sql: try reader.string())
    case FrontendTag.sync: self = .sync
    case FrontendTag.terminate: self = .terminate
    default: throw .unknownMessage(tag: tag)
    }
    try reader.finish()
  }
}

extension FrontendMessage.Target {
  fileprivate func encode(tag: UInt8, into writer: inout WireWriter) throws(WireError) {
    try writer.message(tag) { writer throws(WireError) in
      switch self {
      case .statement(let name):
        writer.write(UInt8(ascii: "S"))
        try writer.write(name, field: "statement's name")
      case .portal(let name):
        writer.write(UInt8(ascii: "P"))
        try writer.write(name, field: "portal's name")
      }
    }
  }

  fileprivate init(_ reader: inout WireReader) throws(WireError) {
    let kind = try reader.integer(UInt8.self)
    switch kind {
    case UInt8(ascii: "S"): self = .statement(try reader.string())
    case UInt8(ascii: "P"): self = .portal(try reader.string())
    default: throw .malformed("the target \(kind) is neither a statement nor a portal")
    }
  }
}

extension WireWriter {
  fileprivate mutating func write(formats: [PostgresFormat]) throws(WireError) {
    guard let count = UInt16(exactly: formats.count) else {
      throw .tooManyParameters(formats.count)
    }
    write(count)
    for format in formats { write(Int16(format.rawValue)) }
  }

  fileprivate mutating func write(values: [[UInt8]?]) throws(WireError) {
    guard let count = UInt16(exactly: values.count) else {
      throw .tooManyParameters(values.count)
    }
    write(count)
    for value in values { try write(value: value) }
  }
}

extension WireReader {
  fileprivate mutating func formats() throws(WireError) -> [PostgresFormat] {
    var formats: [PostgresFormat] = []
    for _ in 0..<(try integer(UInt16.self)) { formats.append(try format()) }
    return formats
  }

  fileprivate mutating func values() throws(WireError) -> [[UInt8]?] {
    var values: [[UInt8]?] = []
    for _ in 0..<(try integer(UInt16.self)) { values.append(try value().map { Array($0) }) }
    return values
  }
}

extension FrontendMessage.Bind {
  fileprivate func encode(into writer: inout WireWriter) throws(WireError) {
    try writer.message(FrontendTag.bind) { writer throws(WireError) in
      try writer.write(portal, field: "portal's name")
      try writer.write(statement, field: "statement's name")
      try writer.write(formats: formats)
      try writer.write(values: values)
      try writer.write(formats: resultFormats)
    }
  }

  fileprivate init(_ reader: inout WireReader) throws(WireError) {
    self.init(
      portal: try reader.string(), statement: try reader.string(), formats: try reader.formats(),
      values: try reader.values(), resultFormats: try reader.formats())
  }
}

extension FrontendMessage.FunctionCall {
  fileprivate func encode(into writer: inout WireWriter) throws(WireError) {
    try writer.message(FrontendTag.functionCall) { writer throws(WireError) in
      writer.write(function)
      try writer.write(formats: formats)
      try writer.write(values: values)
      writer.write(Int16(resultFormat.rawValue))
    }
  }

  fileprivate init(_ reader: inout WireReader) throws(WireError) {
    self.init(
      function: try reader.integer(UInt32.self), formats: try reader.formats(),
      values: try reader.values(), resultFormat: try reader.format())
  }
}
