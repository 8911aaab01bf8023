/// A message of the client, protocol 3.0.
///
/// Source: PostgreSQL manual, "Message Formats".
package enum FrontendMessage: Sendable, Hashable {
  case bind(Bind)
  case close(Target)
  case copyData([UInt8])
  case copyDone
  case copyFail(reason: String)
  case describe(Target)
  case execute(portal: String, rowLimit: Int32)
  case flush
  case functionCall(FunctionCall)
  case parse(name: String, sql: String, types: [PostgresType])
  /// PasswordMessage, SASLInitialResponse, SASLResponse or GSSResponse: they share one tag, and
  /// only what was asked for tells them apart.
  case authenticationResponse([UInt8])
  case query(sql: String)
  case sync
  case terminate

  /// A prepared statement or a portal, by its name.
  package enum Target: Sendable, Hashable {
    case statement(String)
    case portal(String)
  }

  /// The fields of Bind.
  package struct Bind: Sendable, Hashable {
    package var portal: String
    package var statement: String
    package var formats: [PostgresFormat]
    package var values: [[UInt8]?]
    package var resultFormats: [PostgresFormat]

    package init(
      portal: String, statement: String, formats: [PostgresFormat], values: [[UInt8]?],
      resultFormats: [PostgresFormat]
    ) {
      self.portal = portal
      self.statement = statement
      self.formats = formats
      self.values = values
      self.resultFormats = resultFormats
    }
  }

  /// The fields of FunctionCall.
  package struct FunctionCall: Sendable, Hashable {
    package var function: UInt32
    package var formats: [PostgresFormat]
    package var values: [[UInt8]?]
    package var resultFormat: PostgresFormat

    package init(
      function: UInt32, formats: [PostgresFormat], values: [[UInt8]?], resultFormat: PostgresFormat
    ) {
      self.function = function
      self.formats = formats
      self.values = values
      self.resultFormat = resultFormat
    }
  }
}

/// The messages before the start-up is done, which have no tag.
package enum StartupMessage: Sendable, Hashable {
  case startup(major: UInt16, minor: UInt16, parameters: [Parameter])
  case sslRequest
  case gssEncryptionRequest
  case cancelRequest(processID: Int32, secretKey: [UInt8])

  /// A setting for the session.
  package struct Parameter: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  private static let sslRequestCode: Int32 = 80_877_103
  private static let gssEncryptionRequestCode: Int32 = 80_877_104
  private static let cancelRequestCode: Int32 = 80_877_102

  /// Appends the message.
  package func encode(into writer: inout WireWriter) throws(WireError) {
    try writer.message(0) { writer throws(WireError) in
      switch self {
      case .startup(let major, let minor, let parameters):
        writer.write(major)
        writer.write(minor)
        for parameter in parameters {
          // A name without a character is what ends them.
          guard !parameter.name.isEmpty else {
            throw .malformed("a start-up parameter has no name")
          }
          try writer.write(parameter.name, field: "name of a start-up parameter")
          try writer.write(parameter.value, field: parameter.name)
        }
        writer.write(UInt8(0))
      case .sslRequest: writer.write(Self.sslRequestCode)
      case .gssEncryptionRequest: writer.write(Self.gssEncryptionRequestCode)
      case .cancelRequest(let processID, let secretKey):
        writer.write(Self.cancelRequestCode)
        writer.write(processID)
        writer.write(secretKey)
      }
    }
  }

  /// Decodes a message's body; it must be used up exactly.
  package init(body: UnsafeRawBufferPointer) throws(WireError) {
    var reader = WireReader(body, name: "the start-up message")
    let code = try reader.integer(Int32.self)
    switch code {
    case Self.sslRequestCode: self = .sslRequest
    case Self.gssEncryptionRequestCode: self = .gssEncryptionRequest
    case Self.cancelRequestCode:
      let processID = try reader.integer(Int32.self)
      let key = Array(reader.rest())
      guard key.count >= 4, key.count <= WireLimits.cancelKeyByteCount else {
        throw .malformed("CancelRequest has a key of \(key.count) bytes")
      }
      self = .cancelRequest(processID: processID, secretKey: key)
    default:
      let version = UInt32(bitPattern: code)
      guard version >> 16 == 3 else { throw .malformed("start-up code \(code) is unknown") }
      var parameters: [Parameter] = []
      while true {
        let name = try reader.string()
        if name.isEmpty { break }
        parameters.append(Parameter(name, try reader.string()))
      }
      self = .startup(
        major: 3, minor: UInt16(truncatingIfNeeded: version), parameters: parameters)
    }
    try reader.finish()
  }
}

/// The first byte of each frontend message.
package enum FrontendTag {
  package static let bind = UInt8(ascii: "B")
  package static let close = UInt8(ascii: "C")
  package static let copyData = UInt8(ascii: "d")
  package static let copyDone = UInt8(ascii: "c")
  package static let copyFail = UInt8(ascii: "f")
  package static let describe = UInt8(ascii: "D")
  package static let execute = UInt8(ascii: "E")
  package static let flush = UInt8(ascii: "H")
  package static let functionCall = UInt8(ascii: "F")
  package static let parse = UInt8(ascii: "P")
  package static let authenticationResponse = UInt8(ascii: "p")
  package static let query = UInt8(ascii: "Q")
  package static let sync = UInt8(ascii: "S")
  package static let terminate = UInt8(ascii: "X")
}
