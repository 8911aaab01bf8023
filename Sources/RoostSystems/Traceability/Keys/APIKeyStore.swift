public import Foundation
public import Roost
public import RoostCore

/// The keys with which programs act for users.
public struct APIKeyStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [APIKey.table]

  /// The random bytes of a secret.
  static let secretByteCount = 32
  private static let prefixStart = "rk_"
  private static let prefixLength = 16
  /// A key that is used all the time is only noted as used once a minute.
  private static let useNotedEvery: Int64 = 60_000_000

  /// The store under it.
  public let store: Store
  private let now: @Sendable () -> Timestamp

  /// Uses a store that was opened with the migrations of `traceability`.
  /// - Parameter now: the clock by which keys end.
  public init(_ store: Store, now: @escaping @Sendable () -> Timestamp = { .now() }) {
    self.store = store
    self.now = now
  }

  /// Makes a key for a user. Its secret is in the answer and nowhere else.
  /// - Parameters:
  ///   - name: what the user calls it.
  ///   - scopes: what the program may do, in the application's own words.
  ///   - expiresAt: when it ends; nil for never.
  /// - Throws: `checkViolation` for a blank name and an end that is past; what a store throws.
  public func create(
    for user: UUID, name: String, scopes: [String] = [], expiresAt: Timestamp? = nil
  ) async throws(StoreError) -> IssuedAPIKey {
    let random = Digest.text(Secrets.randomBytes(Self.prefixLength))
    let prefix = String((Self.prefixStart + random).prefix(Self.prefixLength))
    let secret = Self.base64URL(Secrets.randomBytes(Self.secretByteCount))
    let key = try await store.insert(
      APIKey(
        keyID: UUID(), userID: user, name: name, prefix: prefix, secretHash: Self.hash(secret),
        scopes: scopes, createdAt: now(), expiresAt: expiresAt))
    return IssuedAPIKey(key: key, secret: APIKeySecret(prefix: prefix, secret: secret))
  }

  /// The key that a text is, noted as used; nil alike for a text of another form, an unknown
  /// prefix, a wrong secret, and a key that has ended or was revoked.
  /// - Throws: what a store throws.
  public func authenticate(_ text: String) async throws(StoreError) -> APIKey? {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, parts[0].hasPrefix(Self.prefixStart),
      parts[0].utf8.allSatisfy({ $0 != 0 })
    else { return nil }
    let prefix = String(parts[0])
    let stored = try await store.select(APIKey.self).where { $0.prefix == prefix }.first()
    // Compared in any case, so that the time says nothing about which prefixes there are.
    let given = Self.hash(String(parts[1]))
    let expected = stored?.secretHash ?? MaskedText("")
    let isRight = Secrets.areEqual(Array(given.text.utf8), Array(expected.text.utf8))
    let now = now()
    guard var key = stored, isRight, key.revokedAt == nil, key.expiresAt.map({ $0 > now }) ?? true
    else { return nil }
    let last = key.lastUsedAt
    if last.map({ $0.advanced(byMicroseconds: Self.useNotedEvery) > now }) ?? false { return key }
    try await store.select(APIKey.self).where { $0.keyID == key.keyID && $0.lastUsedAt == last }
      .update { [$0.lastUsedAt.set(to: now)] }
    key.lastUsedAt = now
    return key
  }

  /// Ends a key for good. Doing it again changes nothing.
  /// - Throws: `notFound`; `forbidden` when the key is another user's; what a store throws.
  @discardableResult
  public func revoke(_ key: UUID, by user: UUID) async throws -> APIKey {
    try await store.transaction(.locking) { transaction in
      var stored = try await transaction.get(APIKey.self, key, lock: .forUpdate)
      guard stored.userID == user else {
        throw StoreError(.forbidden, "the key is another user's", table: APIKey.table)
      }
      guard stored.revokedAt == nil else { return stored }
      stored.revokedAt = now()
      return try await transaction.update(stored)
    }
  }

  /// The keys of a user, newest first, also those that have ended or were revoked.
  /// - Throws: what a store throws.
  public func keys(of user: UUID) async throws(StoreError) -> [APIKey] {
    try await store.select(APIKey.self).where { $0.userID == user }
      .order { $0.createdAt.descending }.order { $0.keyID.descending }.fetch()
  }

  private static func hash(_ secret: String) -> MaskedText {
    MaskedText(Digest.hexadecimal(Array(secret.utf8)))
  }

  /// The characters of base64 that need no escape in URLs, without padding. Source: RFC 4648,
  /// section 5.
  private static func base64URL(_ bytes: [UInt8]) -> String {
    Data(bytes).base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }
}
