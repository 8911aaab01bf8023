import PostgresWire
import RoostCore

/// Makes the messages of one session readable. Used on the loop's thread only.
final class WireTracer {
  private let trace: PostgresWireTrace
  private var startup = MessageFramer(isTagged: false)
  private var messages = MessageFramer(limit: WireLimits.messageByteCount)
  private var hasStarted = false
  private var processID: Int32 = 0

  init(_ trace: PostgresWireTrace) {
    self.trace = trace
  }

  /// A session begins, possibly after another that did not come about.
  func begin() {
    startup = MessageFramer(isTagged: false)
    messages = MessageFramer(limit: WireLimits.messageByteCount)
    hasStarted = false
    processID = 0
  }

  /// Takes bytes as they were sent; messages are shown once they are whole.
  func sent(_ bytes: UnsafeRawBufferPointer) {
    do throws(WireError) {
      guard hasStarted else {
        startup.append(bytes)
        guard let frame = try startup.next() else { return }
        hasStarted = true
        let text = WireText(showsValues: trace.showsValues).text(
          of: try StartupMessage(body: frame.body))
        return show("StartupMessage", text, frame.body.count + 4, isFromServer: false)
      }
      messages.append(bytes)
      while let frame = try messages.next() {
        let byteCount = frame.body.count + 4
        if frame.tag == FrontendTag.authenticationResponse {
          show("AuthenticationResponse", PasswordMask.mask, byteCount, isFromServer: false)
        } else {
          let message = try FrontendMessage(tag: frame.tag, body: frame.body)
          let (name, text) = WireText(showsValues: trace.showsValues).text(of: message)
          show(name, text, byteCount, isFromServer: false)
        }
      }
    } catch {
      show("Unknown", "", 0, isFromServer: false)
    }
  }

  /// Takes a message of the server.
  func received(_ frame: MessageFramer.Frame) {
    let byteCount = frame.body.count + 4
    do throws(WireError) {
      let message = try BackendMessage(tag: frame.tag, body: frame.body)
      if case .backendKeyData(let processID, _) = message { self.processID = processID }
      let (name, text) = WireText(showsValues: trace.showsValues).text(of: message)
      show(name, text, byteCount, isFromServer: true)
    } catch {
      show("Unknown", "", byteCount, isFromServer: true)
    }
  }

  private func show(_ name: String, _ fields: String, _ byteCount: Int, isFromServer: Bool) {
    trace.write(
      PostgresWireMessage(
        time: .now(), processID: processID, isFromServer: isFromServer, byteCount: byteCount,
        name: name, fields: fields))
  }
}

/// The names and fields of messages, in the order and form of libpq's `fe-trace.c`.
struct WireText {
  let showsValues: Bool

  func text(of message: StartupMessage) -> String {
    switch message {
    case .startup(let major, let minor, let parameters):
      let texts = parameters.flatMap { [quoted($0.name), quoted($0.value)] }
      return (["\(major)", "\(minor)"] + texts).joined(separator: " ")
    case .sslRequest, .gssEncryptionRequest: return ""
    case .cancelRequest(let processID, _): return "\(processID) \(PasswordMask.mask)"
    }
  }

  func text(of message: FrontendMessage) -> (name: String, fields: String) {
    switch message {
    case .bind(let bind): ("Bind", text(of: bind))
    case .close(let target): ("Close", text(of: target))
    case .copyData(let bytes): ("CopyData", value(bytes))
    case .copyDone: ("CopyDone", "")
    case .copyFail(let reason): ("CopyFail", quoted(reason))
    case .describe(let target): ("Describe", text(of: target))
    case .execute(let portal, let limit): ("Execute", "\(quoted(portal)) \(limit)")
    case .flush: ("Flush", "")
    case .functionCall(let call): ("FunctionCall", "\(call.function)")
    case .parse(let name, let sql, let types):
      (
        "Parse",
        join([quoted(name), quoted(PasswordMask.apply(to: sql))], types.map { "\($0.rawValue)" })
      )
    case .authenticationResponse: ("AuthenticationResponse", PasswordMask.mask)
    case .query(let sql): ("Query", quoted(PasswordMask.apply(to: sql)))
    case .sync: ("Sync", "")
    case .terminate: ("Terminate", "")
    }
  }

  func text(of message: BackendMessage) -> (name: String, fields: String) {
    switch message {
    case .authentication(let request): ("Authentication", text(of: request))
    case .backendKeyData(let process, _): ("BackendKeyData", "\(process) \(PasswordMask.mask)")
    case .bindComplete: ("BindComplete", "")
    case .closeComplete: ("CloseComplete", "")
    case .commandComplete(let tag): ("CommandComplete", quoted(tag))
    case .copyData(let bytes): ("CopyData", value(bytes))
    case .copyDone: ("CopyDone", "")
    case .copyInResponse(let format): ("CopyInResponse", text(of: format))
    case .copyOutResponse(let format): ("CopyOutResponse", text(of: format))
    case .copyBothResponse(let format): ("CopyBothResponse", text(of: format))
    case .dataRow(let values): ("DataRow", join([], values.map { sized($0) }))
    case .emptyQueryResponse: ("EmptyQueryResponse", "")
    case .errorResponse(let error): ("ErrorResponse", text(of: error))
    case .functionCallResponse(let bytes): ("FunctionCallResponse", sized(bytes))
    case .negotiateProtocolVersion(let minor, let options):
      ("NegotiateProtocolVersion", join(["\(minor)"], options.map(quoted)))
    case .noData: ("NoData", "")
    case .noticeResponse(let notice): ("NoticeResponse", text(of: notice))
    case .notificationResponse(let process, let channel, let payload):
      (
        "NotificationResponse",
        "\(process) \(quoted(channel)) \(showsValues ? quoted(payload) : PasswordMask.mask)"
      )
    case .parameterDescription(let types):
      ("ParameterDescription", join([], types.map { "\($0.rawValue)" }))
    case .parameterStatus(let name, let value):
      ("ParameterStatus", "\(quoted(name)) \(quoted(value))")
    case .parseComplete: ("ParseComplete", "")
    case .portalSuspended: ("PortalSuspended", "")
    case .readyForQuery(let status):
      ("ReadyForQuery", String(Unicode.Scalar(status.rawValue)))
    case .rowDescription(let columns): ("RowDescription", join([], columns.map(text)))
    }
  }

  // MARK: Parts

  /// The first fields, a count, and what is counted.
  private func join(_ first: [String], _ counted: [String]) -> String {
    (first + ["\(counted.count)"] + counted).joined(separator: " ")
  }

  private func text(of bind: FrontendMessage.Bind) -> String {
    [
      quoted(bind.portal), quoted(bind.statement),
      join([], bind.formats.map { "\($0.rawValue)" }), join([], bind.values.map { sized($0) }),
      join([], bind.resultFormats.map { "\($0.rawValue)" }),
    ].joined(separator: " ")
  }

  private func text(of target: FrontendMessage.Target) -> String {
    switch target {
    case .statement(let name): "S \(quoted(name))"
    case .portal(let name): "P \(quoted(name))"
    }
  }

  private func text(of format: CopyFormat) -> String {
    join(["\(format.overall.rawValue)"], format.columns.map { "\($0.rawValue)" })
  }

  private func text(of column: PostgresColumn) -> String {
    [
      quoted(column.name), "\(column.tableOID)", "\(column.attributeNumber)",
      "\(column.type.rawValue)", "\(column.typeLength)", "\(column.typeModifier)",
      "\(column.format.rawValue)",
    ].joined(separator: " ")
  }

  /// The number that says what is asked for, and no more than the names of SASL's mechanisms.
  private func text(of request: AuthenticationRequest) -> String {
    switch request {
    case .ok: "0"
    case .kerberosV5: "2"
    case .cleartextPassword: "3"
    case .md5Password: "5 \(PasswordMask.mask)"
    case .gss: "7"
    case .gssContinue: "8 \(PasswordMask.mask)"
    case .sspi: "9"
    case .sasl(let mechanisms): (["10"] + mechanisms.map(quoted)).joined(separator: " ")
    case .saslContinue: "11 \(PasswordMask.mask)"
    case .saslFinal: "12 \(PasswordMask.mask)"
    }
  }

  /// The fields by their letters; detail and context may show values.
  private func text(of message: PostgresServerMessage) -> String {
    let hidden = showsValues ? Set<UInt8>() : Set("DW".utf8)
    return message.rawFields.sorted { $0.key < $1.key }.map { letter, text in
      let isHidden = hidden.contains(letter)
      return "\(Unicode.Scalar(letter)) \(isHidden ? PasswordMask.mask : quoted(text))"
    }.joined(separator: " ")
  }

  /// A value's length, and the value if it is to be shown; -1 is NULL.
  private func sized(_ bytes: [UInt8]?) -> String {
    guard let bytes else { return "-1" }
    return "\(bytes.count) \(value(bytes))"
  }

  private func value(_ bytes: [UInt8]) -> String {
    showsValues ? "'\(escaped(bytes, quote: "'"))'" : PasswordMask.mask
  }

  private func quoted(_ text: String) -> String {
    "\"\(escaped(Array(text.utf8), quote: "\""))\""
  }

  /// The bytes with those that are no printable ASCII as `\xhh`, so that a message is one line.
  private func escaped(_ bytes: [UInt8], quote: Unicode.Scalar) -> String {
    var text = ""
    for byte in bytes {
      let scalar = Unicode.Scalar(byte)
      if byte < 0x20 || byte > 0x7E || scalar == quote || scalar == "\\" {
        text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
