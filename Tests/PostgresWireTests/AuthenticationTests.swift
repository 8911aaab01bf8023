import Foundation
import PostgresWire
import RoostCore
import Testing

private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

private func client(
  nonce: String = "rOprNGfwEbeRWgbNEkqO", password: String = "pencil"
) -> SCRAMClient {
  SCRAMClient(
    password: password, nonce: nonce, iterations: 4_096...100_000,
    derive: HMACSHA256.deriveKey)
}

@Suite struct SCRAMTests {
  /// The exchange of RFC 7677, section 3, but for the user name, which Postgres leaves empty: so
  /// the proof is computed anew, and the server's side checks it.
  @Test func theWholeExchange() throws {
    var client = client()
    var server = SCRAMServer(
      password: "pencil",
      salt: Array(try #require(Data(base64Encoded: "W22ZaJ0SNY7soEsUEjb6gQ=="))),
      iterations: 4096, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    let first = try client.firstMessage()
    #expect(text(first) == "n,,n=,r=rOprNGfwEbeRWgbNEkqO")
    let serverFirst = try server.firstMessage(clientFirst: first)
    #expect(
      text(serverFirst)
        == "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    let final = try client.finalMessage(serverFirst: serverFirst)
    #expect(!client.isVerified)
    try client.verify(serverFinal: try server.finalMessage(clientFinal: final))
    #expect(client.isVerified)
  }

  /// RFC 7677's own figures, from the salted password on.
  @Test func theKeysOfRFC7677() throws {
    let salt = Array(try #require(Data(base64Encoded: "W22ZaJ0SNY7soEsUEjb6gQ==")))
    let salted = HMACSHA256.deriveKey(
      password: Array("pencil".utf8), salt: salt, iterations: 4096)
    let message = Array(
      ("n=user,r=rOprNGfwEbeRWgbNEkqO,"
        + "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        + "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0").utf8)
    let clientKey = HMACSHA256.authenticate(Array("Client Key".utf8), key: salted)
    let signature = HMACSHA256.authenticate(message, key: SHA256.hash(clientKey))
    let proof = zip(clientKey, signature).map { $0 ^ $1 }
    #expect(
      Data(proof).base64EncodedString() == "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    let serverKey = HMACSHA256.authenticate(Array("Server Key".utf8), key: salted)
    #expect(
      Data(HMACSHA256.authenticate(message, key: serverKey)).base64EncodedString()
        == "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
  }

  @Test(arguments: [
    "", "r=", "r=abc", "r=nonceX,s=QUJD", "s=QUJD,r=nonceX,i=4096", "r=nonce,s=QUJD,i=4096",
    "r=Xnonce,s=QUJD,i=4096", "r=nonceX,s=!,i=4096", "r=nonceX,s=,i=4096", "r=nonceX,s=QUJD,i=",
    "r=nonceX,s=QUJD,i=+4096", "r=nonceX,s=QUJD,i=4095", "r=nonceX,s=QUJD,i=100001",
    "r=nonceX,s=QUJD,i=99999999999999999999999", "m=a,r=nonceX,s=QUJD,i=4096",
    "r=nonceX,s=QUJD,i=4096,m=a", "r=nonceX,i=4096,s=QUJD", "r=nonce\u{7}X,s=QUJD,i=4096",
  ])
  func serverFirstMessagesThatAreRefused(_ message: String) throws {
    var client = client(nonce: "nonce")
    _ = try client.firstMessage()
    #expect(throws: WireError.self) {
      _ = try client.finalMessage(serverFirst: Array(message.utf8))
    }
    #expect(throws: WireError.self) { try client.verify(serverFinal: Array("v=AAAA".utf8)) }
    #expect(!client.isVerified)
  }

  @Test(arguments: ["", "v=", "v=AAAA", "e=invalid-proof", "x=1,v=AAAA"])
  func serverFinalMessagesThatAreRefused(_ message: String) throws {
    var client = client(nonce: "nonce")
    _ = try client.firstMessage()
    _ = try client.finalMessage(serverFirst: Array("r=nonceX,s=QUJD,i=4096".utf8))
    #expect(throws: WireError.self) { try client.verify(serverFinal: Array(message.utf8)) }
    #expect(!client.isVerified)
  }
}

@Suite struct SASLprepTests {
  /// RFC 4013, section 3.
  @Test(
    arguments: [
      ("I\u{ad}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{aa}", "a"), ("\u{2168}", "IX"),
      ("\u{7}", nil), ("\u{627}\u{31}", nil), ("a\u{a0}b", "a b"), ("\u{627}a\u{628}", nil),
      ("\u{627}\u{628}", "\u{627}\u{628}"), ("\u{221}", nil), ("\u{ad}", nil), ("", nil),
      ("pässwörd", "pässwörd"),
    ] as [(String, String?)])
  func examples(input: String, output: String?) {
    #expect(SASLprep.prepare(input) == output)
    #expect(SASLprep.passwordBytes(input) == Array((output ?? input).utf8))
  }
}

@Suite struct AuthenticationPolicyTests {
  @Test(
    arguments: [
      ("scram-sha-256", [.scramSHA256]), ("md5,password", [.md5, .password]),
      ("!password,!md5", [.scramSHA256, .gss, .sspi, .none]), ("none", [.none]),
      ("", Set(AuthenticationPolicy.Method.allCases)), ("md5,!none", nil), ("x", nil),
      ("md5,", nil),
      ("md5,md5", nil),
    ] as [(String, Set<AuthenticationPolicy.Method>?)])
  func requireAuth(list: String, methods: Set<AuthenticationPolicy.Method>?) {
    #expect(AuthenticationPolicy.methods(requireAuth: list) == methods)
  }
}

@Suite struct ChannelBindingTests {
  private static let hash = [UInt8](repeating: 9, count: 32)

  /// What a session answers to a list of mechanisms: the mechanism and the GS2 header.
  private func choice(
    _ binding: ChannelBindingSource, _ mode: AuthenticationPolicy.ChannelBinding,
    _ mechanisms: [String]
  ) throws -> String {
    var policy = AuthenticationPolicy()
    policy.channelBinding = mode
    var session = Session(
      Credentials(
        user: "u", password: "secret", policy: policy, nonce: "nonce", binding: binding))
    var output = WireWriter()
    try session.start(parameters: [], output: &output)
    output.removeAll()
    var message = WireWriter()
    try BackendMessage.authentication(.sasl(mechanisms: mechanisms)).encode(into: &message)
    var framer = MessageFramer()
    framer.append(message.bytes)
    let frame = try #require(try framer.next())
    do {
      _ = try session.receive(frame, output: &output)
    } catch {
      #expect(output.bytes.isEmpty)
      throw error
    }
    let body = output.bytes.dropFirst(5)
    let name = body.prefix { $0 != 0 }
    return text(Array(name)) + " "
      + text(Array(body.dropFirst(name.count + 5))).prefix { $0 != "n" }
  }

  /// libpq's choice; nil is a refusal.
  @Test(
    arguments: [
      (.noTLS, .prefer, ["SCRAM-SHA-256"], "SCRAM-SHA-256 "),
      (.noTLS, .disable, ["SCRAM-SHA-256"], "SCRAM-SHA-256 "),
      (.noTLS, .require, ["SCRAM-SHA-256"], nil),
      (.noTLS, .prefer, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], nil),
      (.noTLS, .disable, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], nil),
      (
        .serverEndPoint(hash), .prefer, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"],
        "SCRAM-SHA-256-PLUS p=tls-server-e"
      ),
      (
        .serverEndPoint(hash), .require, ["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"],
        "SCRAM-SHA-256-PLUS p=tls-server-e"
      ),
      (.serverEndPoint(hash), .disable, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], "SCRAM-SHA-256 "),
      (.serverEndPoint(hash), .disable, ["SCRAM-SHA-256-PLUS"], nil),
      (.serverEndPoint(hash), .prefer, ["SCRAM-SHA-256"], "SCRAM-SHA-256 y,,"),
      (.serverEndPoint(hash), .disable, ["SCRAM-SHA-256"], "SCRAM-SHA-256 "),
      (.serverEndPoint(hash), .require, ["SCRAM-SHA-256"], nil),
      (.serverEndPoint(hash), .require, ["SCRAM-SHA-512-PLUS"], nil),
      (.noDigest, .prefer, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], "SCRAM-SHA-256 "),
      (.noDigest, .prefer, ["SCRAM-SHA-256-PLUS"], nil),
      (.noDigest, .require, ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"], nil),
    ] as [(ChannelBindingSource, AuthenticationPolicy.ChannelBinding, [String], String?)])
  func choices(
    binding: ChannelBindingSource, mode: AuthenticationPolicy.ChannelBinding,
    mechanisms: [String], expected: String?
  ) throws {
    guard let expected else {
      #expect(throws: WireError.self) { _ = try choice(binding, mode, mechanisms) }
      return
    }
    #expect(try choice(binding, mode, mechanisms) == expected)
  }

  /// The final message repeats the header with what is bound to, and the server compares.
  @Test func theBoundExchange() throws {
    for (bound, wanted, isRight) in [
      (Self.hash, Self.hash, true), (Self.hash, Self.hash.map { $0 ^ 1 }, false),
    ] {
      var client = SCRAMClient(
        password: "pencil", nonce: "nonce", header: .bound(serverEndPoint: bound),
        iterations: 4_096...4_096, derive: HMACSHA256.deriveKey)
      var server = SCRAMServer(
        password: "pencil", salt: [1, 2, 3], iterations: 4_096, nonce: "server",
        serverEndPoint: wanted)
      let first = try server.firstMessage(clientFirst: try client.firstMessage())
      let final = try client.finalMessage(serverFirst: first)
      let input = Data(Array("p=tls-server-end-point,,".utf8) + bound).base64EncodedString()
      #expect(text(final).hasPrefix("c=\(input),r=nonceserver,p="))
      if isRight {
        try client.verify(serverFinal: try server.finalMessage(clientFinal: final))
        #expect(client.isVerified)
      } else {
        #expect(throws: WireError.self) { _ = try server.finalMessage(clientFinal: final) }
      }
    }
  }
}
