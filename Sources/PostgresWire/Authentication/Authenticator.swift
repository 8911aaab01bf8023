import RoostCore

/// What a client authenticates with.
package struct Credentials: Sendable {
  package var user: String
  /// Nil when there is none; the session fails when the server asks for one.
  package var password: String?
  package var policy: AuthenticationPolicy
  /// Fresh random printable ASCII without a comma, for SCRAM.
  package var nonce: String
  package var derive: SCRAMClient.Derivation

  package init(
    user: String, password: String?, policy: AuthenticationPolicy = AuthenticationPolicy(),
    nonce: String, derive: @escaping SCRAMClient.Derivation = HMACSHA256.deriveKey
  ) {
    self.user = user
    self.password = password
    self.policy = policy
    self.nonce = nonce
    self.derive = derive
  }
}

/// Answers the server's Authentication messages.
struct Authenticator: Sendable {
  private enum State {
    case waiting
    case answered
    case scram(SCRAMClient)
  }

  private let credentials: Credentials
  private var state = State.waiting

  init(_ credentials: Credentials) {
    self.credentials = credentials
  }

  /// Takes a request and appends the answer to it, if it wants one. True once the server is
  /// content and has done all that it had to.
  mutating func receive(
    _ request: AuthenticationRequest, output: inout WireWriter
  ) throws(WireError) -> Bool {
    switch request {
    case .ok:
      try acceptOk()
      return true
    case .cleartextPassword: try answerCleartext(&output)
    case .md5Password(let salt): try answerMD5(salt, &output)
    case .sasl(let mechanisms): try beginSCRAM(mechanisms, &output)
    case .saslContinue(let bytes):
      guard case .scram(var client) = state else { throw outOfTurn("SASLContinue") }
      let answer = try client.finalMessage(serverFirst: bytes)
      state = .scram(client)
      try FrontendMessage.authenticationResponse(answer).encode(into: &output)
    case .saslFinal(let bytes):
      guard case .scram(var client) = state else { throw outOfTurn("SASLFinal") }
      try client.verify(serverFinal: bytes)
      state = .scram(client)
    case .kerberosV5, .gss, .gssContinue, .sspi:
      throw .authenticationRefused("the server asks for Kerberos or SSPI, which this client lacks")
    }
    return false
  }

  private func acceptOk() throws(WireError) {
    switch state {
    case .waiting: try credentials.policy.requireAllowed(.none)
    case .answered: break
    case .scram(let client):
      guard client.isVerified else {
        throw .authenticationViolation("the server let us in before it proved who it is")
      }
    }
  }

  private mutating func answerCleartext(_ output: inout WireWriter) throws(WireError) {
    guard case .waiting = state else { throw outOfTurn("a request for a password") }
    try credentials.policy.requireAllowed(.password)
    guard credentials.policy.allowsCleartextPassword else {
      throw .authenticationRefused(
        "the server asks for the password in clear text, which is not allowed here")
    }
    try send(password: try password(), &output)
  }

  private mutating func answerMD5(
    _ salt: [UInt8], _ output: inout WireWriter
  ) throws(WireError) {
    guard case .waiting = state else { throw outOfTurn("a request for a password") }
    try credentials.policy.requireAllowed(.md5)
    let inner = MD5.hexadecimal(Array(try password().utf8) + Array(credentials.user.utf8))
    try send(password: "md5" + MD5.hexadecimal(Array(inner.utf8) + salt), &output)
  }

  private mutating func send(password: String, _ output: inout WireWriter) throws(WireError) {
    try output.message(FrontendTag.authenticationResponse) { writer throws(WireError) in
      try writer.write(password, field: "password")
    }
    state = .answered
  }

  private mutating func beginSCRAM(
    _ mechanisms: [String], _ output: inout WireWriter
  ) throws(WireError) {
    guard case .waiting = state else { throw outOfTurn("a request for SASL") }
    try credentials.policy.requireAllowed(.scramSHA256)
    guard mechanisms.contains(SCRAMClient.mechanism) else {
      throw .authenticationRefused("the server offers none of the SASL mechanisms of this client")
    }
    var client = SCRAMClient(
      password: try password(), nonce: credentials.nonce,
      iterations: credentials.policy.scramIterations, derive: credentials.derive)
    let first = try client.firstMessage()
    try output.message(FrontendTag.authenticationResponse) { writer throws(WireError) in
      try writer.write(SCRAMClient.mechanism, field: "mechanism")
      try writer.write(value: first)
    }
    state = .scram(client)
  }

  private func password() throws(WireError) -> String {
    guard let password = credentials.password, !password.isEmpty else { throw .passwordMissing }
    return password
  }

  private func outOfTurn(_ what: String) -> WireError {
    .authenticationViolation("\(what) came out of turn")
  }
}
