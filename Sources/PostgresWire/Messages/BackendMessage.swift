/// A message of the server, protocols 3.0 and 3.2.
///
/// Source: PostgreSQL manual, "Message Formats". The session reads DataRow in place; this form is
/// for everything else, for scripted servers and for tests.
package enum BackendMessage: Sendable, Hashable {
  case authentication(AuthenticationRequest)
  case backendKeyData(processID: Int32, secretKey: [UInt8])
  case bindComplete
  case closeComplete
  case commandComplete(tag: String)
  case copyData([UInt8])
  case copyDone
  case copyInResponse(CopyFormat)
  case copyOutResponse(CopyFormat)
  case copyBothResponse(CopyFormat)
  case dataRow([[UInt8]?])
  case emptyQueryResponse
  case errorResponse(PostgresServerMessage)
  case functionCallResponse([UInt8]?)
  case negotiateProtocolVersion(version: Int32, unknownOptions: [String])
  case noData
  case noticeResponse(PostgresServerMessage)
  case notificationResponse(processID: Int32, channel: String, payload: String)
  case parameterDescription([PostgresType])
  case parameterStatus(name: String, value: String)
  case parseComplete
  case portalSuspended
  case readyForQuery(TransactionStatus)
  case rowDescription([PostgresColumn])
}

/// What the server asks for, or says, in an Authentication message.
package enum AuthenticationRequest: Sendable, Hashable {
  case ok
  case kerberosV5
  case cleartextPassword
  case md5Password(salt: [UInt8])
  case gss
  case gssContinue([UInt8])
  case sspi
  case sasl(mechanisms: [String])
  case saslContinue([UInt8])
  case saslFinal([UInt8])
}

/// The formats of a COPY's columns.
package struct CopyFormat: Sendable, Hashable {
  package var overall: PostgresFormat
  package var columns: [PostgresFormat]

  package init(overall: PostgresFormat, columns: [PostgresFormat]) {
    self.overall = overall
    self.columns = columns
  }
}

/// Whether the session is in a transaction, as ReadyForQuery says.
public enum TransactionStatus: UInt8, Sendable, Hashable {
  /// Not in a transaction (`I`).
  case idle = 0x49
  /// In a transaction (`T`).
  case inTransaction = 0x54
  /// In a transaction that has failed and must be rolled back (`E`).
  case failed = 0x45
}

/// The first byte of each backend message.
package enum BackendTag {
  package static let authentication = UInt8(ascii: "R")
  package static let backendKeyData = UInt8(ascii: "K")
  package static let bindComplete = UInt8(ascii: "2")
  package static let closeComplete = UInt8(ascii: "3")
  package static let commandComplete = UInt8(ascii: "C")
  package static let copyData = UInt8(ascii: "d")
  package static let copyDone = UInt8(ascii: "c")
  package static let copyInResponse = UInt8(ascii: "G")
  package static let copyOutResponse = UInt8(ascii: "H")
  package static let copyBothResponse = UInt8(ascii: "W")
  package static let dataRow = UInt8(ascii: "D")
  package static let emptyQueryResponse = UInt8(ascii: "I")
  package static let errorResponse = UInt8(ascii: "E")
  package static let functionCallResponse = UInt8(ascii: "V")
  package static let negotiateProtocolVersion = UInt8(ascii: "v")
  package static let noData = UInt8(ascii: "n")
  package static let noticeResponse = UInt8(ascii: "N")
  package static let notificationResponse = UInt8(ascii: "A")
  package static let parameterDescription = UInt8(ascii: "t")
  package static let parameterStatus = UInt8(ascii: "S")
  package static let parseComplete = UInt8(ascii: "1")
  package static let portalSuspended = UInt8(ascii: "s")
  package static let readyForQuery = UInt8(ascii: "Z")
  package static let rowDescription = UInt8(ascii: "T")
}
