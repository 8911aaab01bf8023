public import Foundation
public import Roost
public import RoostCore

/// What users are to be told, and what they have read.
public struct NotificationStore: Sendable {
  /// The tables of this engine, for routes.
  public static let tables = [UserNotification.table]

  /// The store under it.
  public let store: Store

  /// Uses a store that was opened with the migrations of `traceability`.
  public init(_ store: Store) {
    self.store = store
  }

  /// Tells users something, all or none.
  /// - Returns: the notifications, in the order of the users.
  /// - Throws: `checkViolation` for a blank title; what a store throws.
  @discardableResult
  public func notify(
    _ users: [UUID], _ kind: NotificationKind, title: String, body: String = "",
    payload: JSON = .object([:]), at date: Timestamp? = nil
  ) async throws(StoreError) -> [UserNotification] {
    try await store.insert(
      users.map { user in
        UserNotification(
          notificationID: UUID(), userID: user, kind: kind, title: title, body: body,
          payload: payload, createdAt: date)
      })
  }

  /// How many notifications a user has not read.
  /// - Throws: what a store throws.
  public func unreadCount(of user: UUID) async throws(StoreError) -> Int {
    try await unread(user).count()
  }

  /// How many notifications users have not read; those without any are missing.
  /// - Throws: what a store throws.
  public func unreadCounts(of users: [UUID]) async throws(StoreError) -> [UUID: Int] {
    let groups = try await store.select(UserNotification.self)
      .where { $0.userID.isIn(users) && $0.readAt.isNull }
      .aggregate(by: { [$0.userID] }, [.count])
    var counts: [UUID: Int] = [:]
    for group in groups {
      if let user = UUID(value: group[0]) { counts[user] = Int(value: group[1]) }
    }
    return counts
  }

  /// The notifications of a user, newest first.
  /// - Parameters:
  ///   - unreadOnly: whether those that were read are left out.
  ///   - size: the most notifications of the page.
  ///   - position: where an earlier page ended; nil for the first.
  /// - Throws: what a store throws.
  public func notifications(
    of user: UUID, unreadOnly: Bool = false, size: Int = 100,
    after position: PagePosition? = nil
  ) async throws(StoreError) -> Page<UserNotification> {
    let selection =
      unreadOnly
      ? unread(user) : store.select(UserNotification.self).where { $0.userID == user }
    return try await selection.order { $0.createdAt.descending }
      .order { $0.notificationID.descending }
      .page(size: size, after: position)
  }

  /// Notes that a user has read a notification. Reading it again changes nothing.
  /// - Throws: `notFound`; `forbidden` when it is another user's; what a store throws.
  @discardableResult
  public func markRead(_ notification: UUID, by user: UUID) async throws -> UserNotification {
    try await store.transaction(.locking) { transaction in
      var stored = try await transaction.get(
        UserNotification.self, notification, lock: .forUpdate)
      guard stored.userID == user else {
        throw StoreError(
          .forbidden,
          "the notification is another user's", table: UserNotification.table)
      }
      guard stored.readAt == nil else { return stored }
      stored.readAt = .now()
      return try await transaction.update(stored)
    }
  }

  /// Notes that a user has read all notifications.
  /// - Returns: how many were unread.
  /// - Throws: what a store throws.
  @discardableResult
  public func markAllRead(by user: UUID) async throws(StoreError) -> Int {
    try await unread(user).update { [$0.readAt.set(to: .now())] }
  }

  /// Removes notifications that were read before a moment.
  /// - Returns: how many there were.
  /// - Throws: what a store throws.
  @discardableResult
  public func prune(readBefore date: Timestamp) async throws(StoreError) -> Int {
    try await store.select(UserNotification.self).where { $0.readAt < date }.delete()
  }

  private func unread(_ user: UUID) -> Selection<UserNotification> {
    store.select(UserNotification.self).where { $0.userID == user && $0.readAt.isNull }
  }
}
