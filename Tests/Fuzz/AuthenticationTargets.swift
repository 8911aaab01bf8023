import PostgresWire
import RoostCore

extension FuzzTarget {
  static let authentication: [FuzzTarget] = [
    FuzzTarget("scram-client", allowance: 64 << 10) { input in
      try runClient(input)
    } check: { _ in
    },
    FuzzTarget("scram-server", allowance: 32 << 10) { input in
      var input = Choices(input)
      let isBound = input.byte() & 1 == 1
      var server = server
      if isBound { server = boundServer }
      guard (try? server.firstMessage(clientFirst: Array(input.part()))) != nil else { return }
      try require(
        (try? server.finalMessage(clientFinal: Array(input.rest))) == nil,
        "a client that does not know the password was let in")
    } check: { _ in
    },
    FuzzTarget("saslprep") { input in
      _ = SASLprep.prepare(String(decoding: input, as: UTF8.self))
    } check: { input in
      let text = String(decoding: input, as: UTF8.self)
      try require(
        text.isEmpty || !SASLprep.passwordBytes(text).isEmpty, "a password was prepared away")
      guard let prepared = SASLprep.prepare(text) else { return }
      try require(!prepared.isEmpty, "a text was prepared away")
      // What is prepared stays as it is, unless its normal form has what this Unicode knows and
      // the profile's Unicode 3.2 does not.
      if let again = SASLprep.prepare(prepared) {
        try require(again == prepared, "\(prepared.unicodeScalars) is prepared twice")
      }
    },
  ]

  private static let nonce = "fyko+d2lbbFgONRv9qkxdawL"

  /// Salts cost little here: what is tested is what comes before.
  private static let derive: SCRAMClient.Derivation = { password, salt, iterations in
    HMACSHA256.deriveKey(password: password, salt: salt, iterations: min(iterations, 2))
  }

  private static func makeServer(_ endPoint: [UInt8]?) -> SCRAMServer {
    SCRAMServer(
      password: "pencil", salt: [1, 2, 3, 4], iterations: 2, nonce: "server",
      serverEndPoint: endPoint)
  }

  private static let server = makeServer(nil)
  private static let boundServer = makeServer([1, 2, 3])

  /// The server's two messages; the first choice decides which part of the first is given.
  private static func runClient(_ input: UnsafeRawBufferPointer) throws {
    var input = Choices(input)
    let choice = input.byte()
    let header: SCRAMClient.Header =
      switch choice & 3 {
      case 0: .unbound
      case 1: .notOffered
      default: .bound(serverEndPoint: [1, 2, 3])
      }
    var client = SCRAMClient(
      password: "pencil", nonce: nonce, header: header, iterations: 4_096...10_000_000,
      derive: derive)
    _ = try client.firstMessage()
    var first: [UInt8] = []
    if choice & 4 != 0 { first += Array("r=\(nonce)".utf8) }
    if choice & 8 != 0 { first += Array("server,s=AQIDBA==,i=4096".utf8) }
    first += Array(input.part())
    let final = try? client.finalMessage(serverFirst: first)
    try require(
      final == nil || choice & 4 != 0 || first.starts(with: Array("r=\(nonce)".utf8)),
      "a foreign nonce was answered")
    try? client.verify(serverFinal: Array(input.rest))
    try require(!client.isVerified, "a server that does not know the password was believed")
    try? client.verify(serverFinal: Array(input.rest))
    try require(!client.isVerified, "a server was believed at the second try")
  }
}
