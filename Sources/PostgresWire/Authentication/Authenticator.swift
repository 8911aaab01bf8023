import RoostCore

/// What a session's transport has for SCRAM to be bound to.
package enum ChannelBindingSource: Sendable, Hashable {
  /// No TLS, nothing.
  case noTLS
  /// TLS, but the server's certificate is signed without a digest of its own (such as Ed25519).
  case noDigest
  /// The server's certificate, hashed as `tls-server-end-point` wants it (RFC 5929, section 4).
  case serverEndPoint([UInt8])
}

/// What a client authenticates with.
package struct Credentials: Sendable {
  package var user: String
  /// Nil when there is none; the session fails when the server asks for one.
  package var password: String?
  package var policy: AuthenticationPolicy
  /// Fresh random printable ASCII without a comma, for SCRAM.
  package var nonce: String
  package var binding: ChannelBindingSource
  package var derive: SCRAMClient.Derivation

  package init(
    user: String, password: String?, policy: AuthenticationPolicy = AuthenticationPolicy(),
    nonce: String, binding: ChannelBindingSource = .noTLS,
    derive: @escaping SCRAMClient.Derivation = HMACSHA256.deriveKey
  ) {
    self.user = user
    self.password = password
    self.policy = policy
    self.nonce = nonce
    self.binding = binding
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
    let header = try choose(among: mechanisms)
    try credentials.policy.requireAllowed(.scramSHA256, isBound: header.isBound)
    var client = SCRAMClient(
      password: try password(), nonce: credentials.nonce, header: header,
      iterations: credentials.policy.scramIterations, derive: credentials.derive)
    let first = try client.firstMessage()
    try output.message(FrontendTag.authenticationResponse) { writer throws(WireError) in
      try writer.write(header.mechanism, field: "mechanism")
      try writer.write(value: first)
    }
    state = .scram(client)
  }

  /// Which of the mechanisms to use, and what to say about channel binding, as libpq chooses.
  private func choose(among mechanisms: [String]) throws(WireError) -> SCRAMClient.Header {
    let isPlusOffered = mechanisms.contains(SCRAMClient.Header.boundMechanism)
    if isPlusOffered, credentials.binding == .noTLS {
      // It can only be bound to TLS: whoever offers it here is not who TLS was meant for.
      throw .authenticationViolation("the server offers SCRAM-SHA-256-PLUS without TLS")
    }
    let isWanted = credentials.policy.channelBinding != .disable
    if isWanted, isPlusOffered, case .serverEndPoint(let hash) = credentials.binding {
      return .bound(serverEndPoint: hash)
    }
    guard mechanisms.contains(SCRAMClient.Header.unboundMechanism) else {
      throw .authenticationRefused("the server offers none of the SASL mechanisms of this client")
    }
    // Who could have bound says so, so that a server which did offer it knows that somebody has
    // taken the offer away.
    if isWanted, case .serverEndPoint = credentials.binding { return .notOffered }
    return .unbound
  }

  private func password() throws(WireError) -> String {
    guard let password = credentials.password, !password.isEmpty else { throw .passwordMissing }
    return password
  }

  private func outOfTurn(_ what: String) -> WireError {
    .authenticationViolation("\(what) came out of turn")
  }
}
