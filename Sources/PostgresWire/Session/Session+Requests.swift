extension Session {
  /// Appends a simple query of any number of statements.
  package mutating func query(_ sql: String, output: inout WireWriter) throws(WireError) {
    try requireOpen()
    try FrontendMessage.query(sql: sql).encode(into: &output)
    expect(.query)
  }

  /// Appends a simple query of one statement, COPY from the client.
  package mutating func copyIn(_ sql: String, output: inout WireWriter) throws(WireError) {
    try requireOpen()
    try FrontendMessage.query(sql: sql).encode(into: &output)
    expect(.copyIn)
  }

  /// Appends a simple query of one statement, COPY to the client.
  package mutating func copyOut(_ sql: String, output: inout WireWriter) throws(WireError) {
    try requireOpen()
    try FrontendMessage.query(sql: sql).encode(into: &output)
    expect(.copyOut)
  }

  /// Appends Parse.
  package mutating func parse(
    name: String, sql: String, types: [PostgresType], output: inout WireWriter
  ) throws(WireError) {
    try requireOpen()
    try FrontendMessage.parse(name: name, sql: sql, types: types).encode(into: &output)
    expect(.parse)
  }

  /// Appends Describe of a statement.
  package mutating func describe(
    statement name: String, output: inout WireWriter
  ) throws(WireError) {
    try requireOpen()
    try FrontendMessage.describe(.statement(name)).encode(into: &output)
    expect(.describeStatement)
  }

  /// Appends Describe of a portal.
  package mutating func describe(portal: String, output: inout WireWriter) throws(WireError) {
    try requireOpen()
    try FrontendMessage.describe(.portal(portal)).encode(into: &output)
    expect(.describePortal)
  }

  /// Appends Close of a statement.
  package mutating func close(
    statement name: String, output: inout WireWriter
  ) throws(WireError) {
    try requireOpen()
    try FrontendMessage.close(.statement(name)).encode(into: &output)
    expect(.close)
  }

  /// Appends Bind of parameters that are already encoded, to the unnamed portal unless another is
  /// named.
  package mutating func bind(
    statement name: String, parameters: PostgresParameters, columns: PostgresColumns,
    portal: String = "", output: inout WireWriter
  ) throws(WireError) {
    try requireOpen()
    guard let count = UInt16(exactly: parameters.count) else {
      throw .tooManyParameters(parameters.count)
    }
    try output.message(FrontendTag.bind) { writer throws(WireError) in
      if portal.isEmpty {
        writer.write(UInt8(0))
      } else {
        try writer.write(portal, field: "portal's name")
      }
      try writer.write(name, field: "statement's name")
      writer.write(count)
      for type in parameters.types { writer.write(Int16(type.parameterFormat.rawValue)) }
      writer.write(count)
      parameters.encoded.withBytes { writer.write($0) }
      writer.write(columns.encodedFormats)
    }
    expect(.bind)
  }

  /// Appends Execute of the unnamed portal, for all its rows.
  package mutating func execute(output: inout WireWriter) throws(WireError) {
    try requireOpen()
    output.writeExecute()
    expect(.execute)
  }

  /// Appends Execute of a portal, for so many rows at most; 0 for all.
  package mutating func execute(
    portal: String, rowLimit: Int32, output: inout WireWriter
  ) throws(WireError) {
    try requireOpen()
    try FrontendMessage.execute(portal: portal, rowLimit: rowLimit).encode(into: &output)
    expect(.execute)
  }

  /// Appends Close of a portal.
  package mutating func close(portal: String, output: inout WireWriter) throws(WireError) {
    try requireOpen()
    try FrontendMessage.close(.portal(portal)).encode(into: &output)
    expect(.close)
  }

  /// Appends Sync.
  package mutating func sync(output: inout WireWriter) throws(WireError) {
    try requireOpen()
    output.message(FrontendTag.sync)
    expect(.sync)
    passesOver = false
  }

  /// Makes the server undo what it was asked since the last Sync, whatever transaction it is in:
  /// the portal does not exist.
  package mutating func fail(output: inout WireWriter) throws(WireError) {
    try execute(portal: "the client gave up", rowLimit: 0, output: &output)
  }

  /// Appends the Sync that is still to come, if there is one: then the server ends all that was
  /// asked for with ReadyForQuery. What it ends in the middle comes to nothing.
  package mutating func giveUp(output: inout WireWriter) throws(WireError) {
    guard let last = steps.last, last != .sync, !last.isQuery else { return }
    if !passesOver { try fail(output: &output) }
    try sync(output: &output)
  }

  /// Appends Terminate and ends the session.
  package mutating func terminate(output: inout WireWriter) {
    if isOpen { output.message(FrontendTag.terminate) }
    end()
  }
}

extension WireWriter {
  /// Execute of the unnamed portal without a row limit: nine bytes that never change.
  fileprivate mutating func writeExecute() {
    // The tag, the length of the rest, and no byte of the portal's name.
    write(UInt64(FrontendTag.execute) << 56 | 9 << 24)
    // The end of the name and the limit are five zeros, of which three are there.
    write(Int16(0))
  }
}
