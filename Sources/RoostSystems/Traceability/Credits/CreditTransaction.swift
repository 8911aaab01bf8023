public import Foundation
public import Roost
public import RoostCore

/// The credits of a user: the sum of the user's bookings.
public struct CreditAccount: Record, Equatable {
  /// The user.
  public var userID: UUID
  /// What is there, never below zero.
  public var balance: Numeric
  /// When the first booking was made; nil until stored.
  public var createdAt: Timestamp?
  /// When the last booking was made; nil until stored.
  public var updatedAt: Timestamp?

  /// The table.
  public static let table = "credit_accounts"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `credit_accounts`.
  public struct Columns: Sendable {
    /// The user.
    public let userID = Column<UUID>("user_id")
    /// What is there.
    public let balance = Column<Numeric>("balance")
    /// When the first booking was made.
    public let createdAt = Column<Timestamp>("created_at")
    /// When the last booking was made.
    public let updatedAt = Column<Timestamp>("updated_at")
  }
}

/// A booking. The ledger only grows; a mistake is put right by another booking.
public struct CreditTransaction: Record, Equatable {
  /// The key, which grows with time; nil until the store gives one.
  public var id: Int?
  /// The user.
  public var userID: UUID
  /// What was booked: positive for a credit, negative for a debit.
  public var amount: Numeric
  /// What was there after it.
  public var balanceAfter: Numeric
  /// What it was for.
  public var reason: String
  /// What it belongs to, for example an invoice or an operation; nil when nothing.
  public var reference: String?
  /// What makes a repeated request the same booking; nil when nothing does.
  public var idempotencyKey: String?
  /// When it was made; nil until stored.
  public var createdAt: Timestamp?

  /// The table.
  public static let table = "credit_transactions"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `credit_transactions`.
  public struct Columns: Sendable {
    /// The key.
    public let id = Column<Int>("id")
    /// The user.
    public let userID = Column<UUID>("user_id")
    /// What was booked.
    public let amount = Column<Numeric>("amount")
    /// What was there after it.
    public let balanceAfter = Column<Numeric>("balance_after")
    /// What it was for.
    public let reason = Column<String>("reason")
    /// What it belongs to.
    public let reference = Column<String?>("reference")
    /// What makes a repeated request the same booking.
    public let idempotencyKey = Column<String?>("idempotency_key")
    /// When it was made.
    public let createdAt = Column<Timestamp>("created_at")
  }
}
