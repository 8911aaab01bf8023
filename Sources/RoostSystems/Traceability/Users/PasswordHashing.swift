import Foundation
import Roost
import RoostCore

/// How passwords are kept: by PBKDF2-HMAC-SHA-256 over a random salt, in the text
/// `pbkdf2-sha256$ITERATIONS$SALT$HASH`, so that each hash says how it was made.
///
/// The two spellings that Unicode has for one character count as the same (form KC). Source:
/// RFC 8018; OWASP Password Storage Cheat Sheet for the number of iterations.
public struct PasswordHashing: Sendable {
  /// The iterations unless told otherwise.
  public static let defaultIterations = 600_000

  /// The most iterations, also of a stored hash: one with more would keep a processor busy for
  /// minutes.
  public static let maximumIterations = 10_000_000

  /// The iterations of new hashes.
  public let iterations: Int

  /// Makes a way of hashing.
  /// - Parameter iterations: how much work a hash is; brought between 1 and `maximumIterations`.
  public init(iterations: Int = PasswordHashing.defaultIterations) {
    self.iterations = min(max(iterations, 1), Self.maximumIterations)
  }

  private static let algorithm = "pbkdf2-sha256"
  private static let saltByteCount = 16

  /// Threads of its own, one a processor: a hash takes a good part of a second, for which no thread
  /// of the cooperative pool, where all other tasks run, must be held.
  private static let queue: OperationQueue = {
    let queue = OperationQueue()
    queue.name = "roost.password-hashing"
    queue.maxConcurrentOperationCount = max(1, ProcessInfo.processInfo.activeProcessorCount)
    return queue
  }()

  /// A new hash of a password.
  func hash(_ password: Password) async -> MaskedText {
    let stored = Parameters(iterations: iterations, salt: Secrets.randomBytes(Self.saltByteCount))
    let hash = await Self.derive(password, stored)
    return MaskedText(
      [
        Self.algorithm, "\(iterations)", Data(stored.salt).base64EncodedString(),
        Data(hash).base64EncodedString(),
      ].joined(separator: "$"))
  }

  /// Whether a password is the one that was hashed, and whether its hash should be renewed;
  /// compared in constant time. Without a hash, for a user who is not there, the answer is no after
  /// the same work.
  /// - Throws: `corrupted` when the stored hash cannot be read.
  func verify(
    _ password: Password, against hash: MaskedText?
  ) async throws(StoreError) -> (isRight: Bool, isOutdated: Bool) {
    guard let hash else {
      let nobody = Parameters(
        iterations: iterations, salt: Secrets.randomBytes(Self.saltByteCount))
      _ = await Self.derive(password, nobody)
      return (false, false)
    }
    guard let (stored, expected) = Self.read(hash.text) else {
      throw StoreError(
        .corrupted, "a stored password hash cannot be read", table: User.table,
        column: "password_hash")
    }
    let derived = await Self.derive(password, stored)
    return (Secrets.areEqual(derived, expected), stored.iterations < iterations)
  }

  private struct Parameters {
    var iterations: Int
    var salt: [UInt8]
  }

  private static func derive(_ password: Password, _ parameters: Parameters) async -> [UInt8] {
    let bytes = Array(password.text.precomposedStringWithCompatibilityMapping.utf8)
    return await withCheckedContinuation { continuation in
      queue.addOperation {
        continuation.resume(
          returning: HMACSHA256.deriveKey(
            password: bytes, salt: parameters.salt, iterations: parameters.iterations))
      }
    }
  }

  private static func read(_ text: String) -> (Parameters, hash: [UInt8])? {
    let parts = text.split(separator: "$", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == algorithm, let iterations = Int(parts[1]),
      (1...maximumIterations).contains(iterations),
      let salt = Data(base64Encoded: String(parts[2])), !salt.isEmpty,
      let hash = Data(base64Encoded: String(parts[3])), hash.count == SHA256.digestByteCount
    else { return nil }
    return (Parameters(iterations: iterations, salt: Array(salt)), Array(hash))
  }
}
