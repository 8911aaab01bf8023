import Foundation
import RoostCore

/// The server's side of SCRAM-SHA-256, for scripted servers and tests.
package struct SCRAMServer: Sendable {
  private let salted: [UInt8]
  private let salt: [UInt8]
  private let iterations: Int
  private let nonce: String
  private var first = ""
  private var clientFirstBare = ""

  /// A server that knows this password.
  package init(password: String, salt: [UInt8], iterations: Int, nonce: String) {
    salted = HMACSHA256.deriveKey(
      password: SASLprep.passwordBytes(password), salt: salt, iterations: iterations)
    self.salt = salt
    self.iterations = iterations
    self.nonce = nonce
  }

  /// The server's first message, in answer to the client's first.
  package mutating func firstMessage(clientFirst: [UInt8]) throws(WireError) -> [UInt8] {
    let text = String(decoding: clientFirst, as: UTF8.self)
    guard text.hasPrefix("n,,"), let range = text.range(of: "r=") else {
      throw .authenticationViolation("the client's first message is malformed")
    }
    clientFirstBare = String(text.dropFirst(3))
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
    let keys = SCRAMKeys(saltedPassword: salted)
    let message = Array("\(clientFirstBare),\(first),\(text[..<range.lowerBound])".utf8)
    guard Secrets.areEqual(Array(proof), keys.clientProof(of: message)) else {
      throw .authenticationViolation("the client's proof is wrong")
    }
    let signature = Data(keys.serverSignature(of: message)).base64EncodedString()
    return Array("v=\(signature)".utf8)
  }
}
