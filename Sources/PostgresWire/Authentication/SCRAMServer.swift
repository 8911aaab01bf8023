import Foundation
import RoostCore

/// The server's side of SCRAM-SHA-256, for scripted servers and tests.
package struct SCRAMServer: Sendable {
  private let salted: [UInt8]
  private let salt: [UInt8]
  private let iterations: Int
  private let nonce: String
  private let serverEndPoint: [UInt8]?
  private var header = ""
  private var first = ""
  private var clientFirstBare = ""

  /// A server that knows this password; it wants a client to be bound to its certificate, hashed,
  /// or, when that is nil, not to be bound.
  package init(
    password: String, salt: [UInt8], iterations: Int, nonce: String,
    serverEndPoint: [UInt8]? = nil
  ) {
    salted = HMACSHA256.deriveKey(
      password: SASLprep.passwordBytes(password), salt: salt, iterations: iterations)
    self.salt = salt
    self.iterations = iterations
    self.nonce = nonce
    self.serverEndPoint = serverEndPoint
  }

  /// The server's first message, in answer to the client's first.
  package mutating func firstMessage(clientFirst: [UInt8]) throws(WireError) -> [UInt8] {
    let text = String(decoding: clientFirst, as: UTF8.self)
    let headers = serverEndPoint == nil ? ["n,,", "y,,"] : ["p=tls-server-end-point,,"]
    guard let header = headers.first(where: text.hasPrefix), let range = text.range(of: "r=")
    else {
      throw .authenticationViolation("the client's first message is malformed")
    }
    self.header = header
    clientFirstBare = String(text.dropFirst(header.count))
    first =
      "r=\(text[range.upperBound...])\(nonce),s=\(Data(salt).base64EncodedString()),i=\(iterations)"
    return Array(first.utf8)
  }

  /// The server's final message, in answer to the client's final. Throws on a wrong proof.
  package func finalMessage(clientFinal: [UInt8]) throws(WireError) -> [UInt8] {
    let text = String(decoding: clientFinal, as: UTF8.self)
    guard let range = text.range(of: ",p=", options: .backwards),
      let proof = Data(base64Encoded: String(text[range.upperBound...]))
    else {
      throw .authenticationViolation("the client's final message has no proof")
    }
    let input = Data(Array(header.utf8) + (serverEndPoint ?? []))
    guard text.hasPrefix("c=\(input.base64EncodedString()),") else {
      throw .authenticationViolation("the client is bound to something else")
    }
    let keys = SCRAMKeys(saltedPassword: salted)
    let message = Array("\(clientFirstBare),\(first),\(text[..<range.lowerBound])".utf8)
    guard Secrets.areEqual(Array(proof), keys.clientProof(of: message)) else {
      throw .authenticationViolation("the client's proof is wrong")
    }
    let signature = Data(keys.serverSignature(of: message)).base64EncodedString()
    return Array("v=\(signature)".utf8)
  }
}
