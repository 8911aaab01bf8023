public import Foundation
public import Roost
import RoostCore

/// Users and their passwords.
public struct UserStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [User.table]

  /// The store under it.
  public let store: Store
  /// How new passwords are kept.
  public let hashing: PasswordHashing

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store, hashing: PasswordHashing = PasswordHashing()) {
    self.store = store
    self.hashing = hashing
  }

  /// Stores a new user.
  /// - Parameter workspace: where the user works; nil for a workspace of the user's own.
  /// - Throws: `uniqueViolation` by `users_username_key` or `users_email_key`; `checkViolation`
  ///   when name or address has a wrong form; `invalidValue` for an empty password; what a store
  ///   throws.
  @discardableResult
  public func register(
    username: String, email: String, password: Password, tier: UserTier = .basic,
    workspace: UUID? = nil
  ) async throws(StoreError) -> User {
    try Self.refuseEmpty(password)
    return try await store.insert(
      User(
        userID: UUID(), username: username, email: email,
        passwordHash: await hashing.hash(password), tier: tier, workspaceID: workspace))
  }

  /// The user with a key, nil when there is none.
  /// - Throws: what a store throws.
  public func find(_ user: UUID) async throws(StoreError) -> User? {
    try await store.find(User.self, user)
  }

  /// The user with a name, ASCII letters in either case; nil when there is none.
  /// - Throws: what a store throws.
  public func find(username: String) async throws(StoreError) -> User? {
    try await store.select(User.self)
      .where { $0.username.lowercased.isEqual(toLowercased: username) }.first()
  }

  /// The user with an address, ASCII letters in either case; nil when there is none.
  /// - Throws: what a store throws.
  public func find(email: String) async throws(StoreError) -> User? {
    try await store.select(User.self)
      .where { $0.email.lowercased.isEqual(toLowercased: email) }.first()
  }

  /// The user with a name and a password; nil when there is no such user and when the password is
  /// another, after about the same time. A hash of fewer iterations than are wanted now is renewed
  /// on the way.
  /// - Throws: `corrupted` when the stored hash cannot be read; what a store throws.
  public func signIn(
    username: String, password: Password
  ) async throws(StoreError) -> User? {
    guard let verified = try await verify(username: username, password: password) else {
      return nil
    }
    return verified.needsRehash ? try await rehash(verified) : verified.user
  }

  /// As `signIn`, but a hash of fewer iterations is only reported.
  /// - Throws: as `signIn`.
  public func verify(
    username: String, password: Password
  ) async throws(StoreError) -> VerifiedUser? {
    let user = try await find(username: username)
    let (isRight, isOutdated) = try await hashing.verify(password, against: user?.passwordHash)
    guard let user, isRight else { return nil }
    return VerifiedUser(user: user, needsRehash: isOutdated, password: password)
  }

  /// Hashes the verified password anew. A password that was changed since is left alone.
  /// - Returns: the user as stored.
  /// - Throws: `notFound` when the user is gone; what a store throws.
  @discardableResult
  public func rehash(_ verified: VerifiedUser) async throws(StoreError) -> User {
    let hash = await hashing.hash(verified.password)
    let user = verified.user
    try await store.select(User.self)
      .where { $0.userID == user.userID && $0.passwordHash == user.passwordHash }
      .update { [$0.passwordHash.set(to: hash), $0.updatedAt.set(to: .now())] }
    return try await store.get(User.self, user.userID)
  }

  /// Gives a user another password.
  /// - Throws: `notFound`; `invalidValue` for an empty one; what a store throws.
  public func setPassword(of user: UUID, to password: Password) async throws(StoreError) {
    try Self.refuseEmpty(password)
    let hash = await hashing.hash(password)
    try await change(user) { $0.passwordHash.set(to: hash) }
  }

  /// Gives a user another tier.
  /// - Throws: `notFound`; what a store throws.
  @discardableResult
  public func setTier(of user: UUID, to tier: UserTier) async throws(StoreError) -> User {
    try await change(user) { $0.tier.set(to: tier) }
  }

  /// Gives a user another address.
  /// - Throws: `notFound`; as `register`.
  @discardableResult
  public func setEmail(of user: UUID, to email: String) async throws(StoreError) -> User {
    try await change(user) { $0.email.set(to: email) }
  }

  /// Lets a user work elsewhere.
  /// - Throws: `notFound`; what a store throws.
  @discardableResult
  public func move(_ user: UUID, to workspace: UUID) async throws(StoreError) -> User {
    try await change(user) { $0.workspaceID.set(to: workspace) }
  }

  /// The users of a workspace, by key.
  /// - Parameters:
  ///   - size: the most users of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func users(
    in workspace: UUID, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<User> {
    try await store.select(User.self).where { $0.workspaceID == workspace }
      .page(size: size, after: position)
  }

  /// Removes a user. What other engines keep under the user's key stays.
  /// - Returns: whether there was one.
  /// - Throws: what a store throws.
  @discardableResult
  public func remove(_ user: UUID) async throws(StoreError) -> Bool {
    try await store.delete(User.self, user)
  }

  @discardableResult
  private func change(
    _ user: UUID, _ assignment: @Sendable (User.Columns) -> Mutation.Assignment
  ) async throws(StoreError) -> User {
    let changed = try await store.select(User.self).where { $0.userID == user }
      .updateReturning { [assignment($0), $0.updatedAt.set(to: .now())] }
    guard let stored = changed.first else {
      throw StoreError(.notFound, "there is no such user", table: User.table)
    }
    return stored
  }

  private static func refuseEmpty(_ password: Password) throws(StoreError) {
    guard !password.text.isEmpty else {
      throw StoreError(.invalidValue, "a password cannot be empty", table: User.table)
    }
  }
}

/// A user who gave the right password.
public struct VerifiedUser: Sendable {
  /// The user.
  public var user: User
  /// Whether the stored hash has fewer iterations than new ones.
  public var needsRehash: Bool
  let password: Password
}

extension LowercasedColumn {
  /// Equality with a text in lower case, which the index on `lower(column)` serves.
  fileprivate func isEqual(toLowercased text: String) -> Filter {
    Filter(.comparison(.equal, textExpression, .literal(.text(TextOrder.lowercased(text)))))
  }
}
