import Foundation
import RoostCore

/// The client's side of SCRAM-SHA-256, with every check of RFC 5802.
///
/// The user name in the exchange is empty: the server takes the start-up message's.
package struct SCRAMClient: Sendable {
  /// What the client says about channel binding, the GS2 header. Source: RFC 5802, section 7. There
  /// is no authorization identity.
  package enum Header: Sendable, Hashable {
    /// The client does not bind.
    case unbound
    /// The client would, but the server did not offer it.
    case notOffered
    /// Bound to the server's certificate, hashed.
    case bound(serverEndPoint: [UInt8])

    package static let unboundMechanism = "SCRAM-SHA-256"
    package static let boundMechanism = "SCRAM-SHA-256-PLUS"

    /// The mechanism's name.
    package var mechanism: String { isBound ? Self.boundMechanism : Self.unboundMechanism }

    var isBound: Bool {
      if case .bound = self { return true }
      return false
    }

    var text: String {
      switch self {
      case .unbound: "n,,"
      case .notOffered: "y,,"
      case .bound: "p=tls-server-end-point,,"
      }
    }

    /// The header with what is bound to, as the final message repeats it.
    var bindingInput: [UInt8] {
      if case .bound(let hash) = self { return Array(text.utf8) + hash }
      return Array(text.utf8)
    }
  }

  /// Derives the salted password; a pool keeps the results, since this is the costly part.
  package typealias Derivation =
    @Sendable (_ password: [UInt8], _ salt: [UInt8], _ iterations: Int) -> [UInt8]

  private enum State {
    case initial
    case sentFirst(bare: String)
    case sentFinal(serverSignature: [UInt8])
    case done
    case failed
  }

  private let password: String
  private let nonce: String
  private let header: Header
  private let iterations: ClosedRange<Int>
  private let derive: Derivation
  private var state = State.initial

  /// A nonce is printable ASCII without a comma, and must not have been used before.
  package init(
    password: String, nonce: String, header: Header = .unbound, iterations: ClosedRange<Int>,
    derive: @escaping Derivation
  ) {
    self.password = password
    self.nonce = nonce
    self.header = header
    self.iterations = iterations
    self.derive = derive
  }

  /// Whether the server has proved that it knows the password.
  package var isVerified: Bool {
    if case .done = state { return true }
    return false
  }

  /// The client's first message.
  package mutating func firstMessage() throws(WireError) -> [UInt8] {
    guard case .initial = state else {
      throw .authenticationViolation("the server began SCRAM twice")
    }
    let bare = "n=,r=\(nonce)"
    state = .sentFirst(bare: bare)
    return Array((header.text + bare).utf8)
  }

  /// The client's final message, in answer to the server's first.
  package mutating func finalMessage(serverFirst: [UInt8]) throws(WireError) -> [UInt8] {
    guard case .sentFirst(let bare) = state else {
      throw .authenticationViolation("SASLContinue came out of turn")
    }
    state = .failed
    guard let text = String(validating: serverFirst, as: UTF8.self) else {
      throw .authenticationViolation("the server's first message is not UTF-8")
    }
    let attributes = text.split(separator: ",", omittingEmptySubsequences: false)
    if attributes.contains(where: { $0.hasPrefix("m=") }) {
      throw .authenticationViolation("the server demands an extension of SCRAM (m=)")
    }
    // RFC 5802, section 7: the order is fixed; what follows the three are extensions.
    guard attributes.count >= 3, let serverNonce = Self.value(attributes[0], of: "r"),
      let encodedSalt = Self.value(attributes[1], of: "s"),
      let count = Self.value(attributes[2], of: "i")
    else {
      throw .authenticationViolation("the server's first message lacks r=, s= and i= in order")
    }
    guard serverNonce.utf8.starts(with: nonce.utf8), serverNonce.utf8.count > nonce.utf8.count,
      serverNonce.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
    else {
      throw .authenticationViolation("the server's nonce does not extend the client's")
    }
    guard let salt = Data(base64Encoded: encodedSalt), !salt.isEmpty else {
      throw .authenticationViolation("the salt is not base64")
    }
    guard count.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let rounds = Int(count) else {
      throw .authenticationViolation("the iteration count is not a number")
    }
    guard iterations.contains(rounds) else {
      throw .authenticationViolation(
        "\(rounds) iterations are outside of \(iterations.lowerBound) to \(iterations.upperBound)")
    }
    let withoutProof =
      "c=\(Data(header.bindingInput).base64EncodedString()),r=\(serverNonce)"
    let salted = derive(SASLprep.passwordBytes(password), Array(salt), rounds)
    let keys = SCRAMKeys(saltedPassword: salted)
    let message = Array("\(bare),\(text),\(withoutProof)".utf8)
    state = .sentFinal(serverSignature: keys.serverSignature(of: message))
    let proof = Data(keys.clientProof(of: message)).base64EncodedString()
    return Array("\(withoutProof),p=\(proof)".utf8)
  }

  /// Checks the server's final message.
  package mutating func verify(serverFinal: [UInt8]) throws(WireError) {
    guard case .sentFinal(let expected) = state else {
      throw .authenticationViolation("SASLFinal came out of turn")
    }
    state = .failed
    let text = String(decoding: serverFinal, as: UTF8.self)
    let attributes = text.split(separator: ",", omittingEmptySubsequences: false)
    if let error = attributes.first.flatMap({ Self.value($0, of: "e") }) {
      throw .authenticationViolation("the server ended SCRAM: \(error.prefix(100))")
    }
    guard let encoded = attributes.first.flatMap({ Self.value($0, of: "v") }),
      let signature = Data(base64Encoded: encoded)
    else {
      throw .authenticationViolation("the server's final message has no signature")
    }
    guard Secrets.areEqual(Array(signature), expected) else {
      throw .authenticationViolation("the server's signature is wrong: it may be an impostor")
    }
    state = .done
  }

  static func value(_ attribute: Substring, of name: Character) -> String? {
    attribute.first == name && attribute.dropFirst().first == "="
      ? String(attribute.dropFirst(2)) : nil
  }
}

/// The keys that follow from a salted password. Source: RFC 5802, section 3.
struct SCRAMKeys {
  private let clientKey: [UInt8]
  private let serverKey: [UInt8]

  init(saltedPassword: [UInt8]) {
    let keyed = HMACSHA256(key: saltedPassword)
    clientKey = keyed.authenticate(Array("Client Key".utf8))
    serverKey = keyed.authenticate(Array("Server Key".utf8))
  }

  func clientProof(of message: [UInt8]) -> [UInt8] {
    let signature = HMACSHA256.authenticate(message, key: SHA256.hash(clientKey))
    return zip(clientKey, signature).map { $0 ^ $1 }
  }

  func serverSignature(of message: [UInt8]) -> [UInt8] {
    HMACSHA256.authenticate(message, key: serverKey)
  }
}
