import RoostCore
import Synchronization

/// Remembers SCRAM's salted passwords, so that a pool's later connections are cheap.
package final class SaltedPasswordCache: Sendable {
  /// The most entries that are kept; a server has one salt for a role, until its password changes.
  package static let entryCount = 16

  private struct Key: Hashable {
    let password: [UInt8]
    let salt: [UInt8]
    let iterations: Int
  }

  private let entries = Mutex<[Key: [UInt8]]>([:])

  package init() {}

  /// The salted password, from memory or derived.
  package func derive(password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
    let key = Key(password: password, salt: salt, iterations: iterations)
    if let known = entries.withLock({ $0[key] }) { return known }
    let derived = HMACSHA256.deriveKey(password: password, salt: salt, iterations: iterations)
    entries.withLock { entries in
      if entries.count >= Self.entryCount { entries.removeAll() }
      entries[key] = derived
    }
    return derived
  }
}
