public import Foundation
public import Roost
public import RoostCore

/// The ledger of credits. Bookings of one user follow each other, so a balance is never below zero
/// and always the sum of the bookings.
public struct CreditStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [CreditAccount.table, CreditTransaction.table]

  /// The digits after the point that an amount may have.
  static let scale = 2

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// What a user has; 0 for one without bookings.
  /// - Throws: what a store throws.
  public func balance(of user: UUID) async throws(StoreError) -> Numeric {
    try await store.find(CreditAccount.self, user)?.balance ?? .zero
  }

  /// Gives a user credits.
  /// - Parameters:
  ///   - amount: more than zero, with two digits after the point at most.
  ///   - reason: what it is for.
  ///   - reference: what it belongs to; nil when nothing.
  ///   - idempotencyKey: when a booking of the user has it, that one is the answer and nothing is
  ///     booked.
  /// - Throws: `invalidValue` for another amount; `uniqueViolation` by
  ///   `credit_transactions_user_id_idempotency_key_key` when the key was used for a booking of
  ///   another amount; `valueOutOfRange` for a balance beyond 13 digits; what a store throws.
  @discardableResult
  public func credit(
    _ amount: Numeric, to user: UUID, reason: String, reference: String? = nil,
    idempotencyKey: String? = nil
  ) async throws -> CreditTransaction {
    try await book(try Self.checked(amount), user, reason, reference, idempotencyKey)
  }

  /// Takes credits from a user.
  /// - Throws: `insufficientCredits` when the balance is smaller; as `credit`.
  @discardableResult
  public func debit(
    _ amount: Numeric, from user: UUID, reason: String, reference: String? = nil,
    idempotencyKey: String? = nil
  ) async throws -> CreditTransaction {
    try await book(-(try Self.checked(amount)), user, reason, reference, idempotencyKey)
  }

  /// The bookings of a user, the latest first.
  /// - Parameters:
  ///   - size: the most bookings of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func transactions(
    of user: UUID, size: Int = 100, after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<CreditTransaction> {
    try await store.select(CreditTransaction.self).where { $0.userID == user }
      .order { $0.id.descending }
      .page(size: size, after: position)
  }

  /// Adds up the bookings of a user, in one snapshot with the balance.
  /// - Returns: whether the balance is their sum.
  /// - Throws: what a store throws.
  public func isBalanced(_ user: UUID) async throws -> Bool {
    let options = TransactionOptions(isolation: .repeatableRead, isReadOnly: true)
    return try await store.transaction(options) { transaction in
      let sum = try await transaction.select(CreditTransaction.self)
        .where { $0.userID == user }.sum { $0.amount }
      let balance = try await transaction.find(CreditAccount.self, user)?.balance
      return (Numeric(value: sum) ?? .zero) == (balance ?? .zero)
    }
  }

  private static func checked(_ amount: Numeric) throws(StoreError) -> Numeric {
    guard amount.isFinite, amount > .zero, amount.rounded(toScale: scale) == amount else {
      throw StoreError(
        .invalidValue,
        "an amount of credits is more than zero and has \(scale) digits after the point at most",
        table: CreditTransaction.table, column: CreditTransaction.columns.amount.name)
    }
    return amount
  }

  private func book(
    _ amount: Numeric, _ user: UUID, _ reason: String, _ reference: String?, _ key: String?
  ) async throws -> CreditTransaction {
    try await store.transaction(.locking) { transaction in
      var account = try await Self.lockAccount(of: user, in: transaction)
      if let key, let earlier = try await Self.booking(of: user, key: key, in: transaction) {
        guard earlier.amount == amount else { throw Self.usedKey }
        return earlier
      }
      let balance = account.balance + amount
      guard balance >= .zero else {
        throw StoreError(
          .insufficientCredits, "the balance is smaller than the debit",
          table: CreditAccount.table)
      }
      account.balance = balance
      account.updatedAt = nil
      try await transaction.update(account)
      return try await transaction.insert(
        CreditTransaction(
          userID: user, amount: amount, balanceAfter: balance, reason: reason,
          reference: reference, idempotencyKey: key))
    }
  }

  /// The account's row, locked until the transaction ends: bookings of a user come one by one, and
  /// each sees the bookings before it.
  private static func lockAccount(
    of user: UUID, in transaction: Transaction
  ) async throws(StoreError) -> CreditAccount {
    if let account = try await transaction.find(CreditAccount.self, user, lock: .forUpdate) {
      return account
    }
    // Of two first bookings one makes the row, for which the other waits.
    try await transaction.insertOrIgnore([CreditAccount(userID: user, balance: .zero)])
    return try await transaction.get(CreditAccount.self, user, lock: .forUpdate)
  }

  private static func booking(
    of user: UUID, key: String, in transaction: Transaction
  ) async throws(StoreError) -> CreditTransaction? {
    try await transaction.select(CreditTransaction.self)
      .where { $0.userID == user && $0.idempotencyKey == key }.first()
  }

  private static let usedKey = StoreError(
    .uniqueViolation, "the idempotency key was used for a booking of another amount",
    table: CreditTransaction.table,
    constraint: "credit_transactions_user_id_idempotency_key_key")
}
