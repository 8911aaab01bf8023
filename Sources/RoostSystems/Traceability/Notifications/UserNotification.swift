public import Foundation
public import Roost
public import RoostCore

/// What a notification is about.
public enum NotificationKind: String, Codable, ColumnValue, CaseIterable {
  /// A circuit, for example an invitation.
  case circuit
  /// An operation that waits, or was decided.
  case operation
  /// An item.
  case item
  /// Credits that run low.
  case credits
  /// The system itself.
  case system
}

/// Something that a user is to be told.
public struct UserNotification: Record, Equatable {
  /// The key.
  public var notificationID: UUID
  /// Who is to be told.
  public var userID: UUID
  /// What it is about.
  public var kind: NotificationKind
  /// What it says in a line.
  public var title: String
  /// What else it says; empty when the title is all.
  public var body: String
  /// What a program needs to show more: a JSON object.
  public var payload: JSON
  /// When it was sent; nil takes the present, after that never nil.
  public var createdAt: Timestamp?
  /// When it was read; nil until then.
  public var readAt: Timestamp?

  /// The table.
  public static let table = "notifications"
  /// The columns.
  public static let columns = Columns()

  /// The columns of `notifications`.
  public struct Columns: Sendable {
    /// The key.
    public let notificationID = Column<UUID>("notification_id")
    /// Who is to be told.
    public let userID = Column<UUID>("user_id")
    /// What it is about.
    public let kind = Column<NotificationKind>("kind")
    /// What it says in a line.
    public let title = Column<String>("title")
    /// What else it says.
    public let body = Column<String>("body")
    /// What a program needs to show more.
    public let payload = Column<JSON>("payload")
    /// When it was sent.
    public let createdAt = Column<Timestamp>("created_at")
    /// When it was read.
    public let readAt = Column<Timestamp?>("read_at")
  }
}
