/// What a store hears from others on the same backend.
public enum Announcement: Sendable, Hashable {
  /// What somebody announced: not checked, since anyone may who can reach the backend.
  case text(String)
  /// Some may have been missed here: it begins with this, and comes again after each loss.
  case gap
}

/// A backend that several processes share and through which they can tell each other something, at
/// the moment that a transaction commits.
///
/// A layer finds it under the others as `innermost`. Its transactions are `AnnouncingTransaction`s.
public protocol AnnouncingBackend: StorageBackend {
  /// The longest text in UTF-8 bytes.
  var announcementByteLimit: Int { get }

  /// Hears what is announced on a channel, by whomever, until the task is cancelled.
  /// - Parameters:
  ///   - channel: its name, of 1 to 63 bytes.
  ///   - body: told of each announcement, one after the other.
  /// - Throws: `cancelled`; why it cannot be heard, or no longer.
  func listen(
    to channel: String, _ body: @Sendable (Announcement) -> Void
  ) async throws(StoreError)
}

/// A transaction of an `AnnouncingBackend`.
public protocol AnnouncingTransaction: StorageTransaction {
  /// Tells all who listen to a channel, this process included, if and when the transaction commits.
  /// - Throws: `invalidValue` when the text is too long.
  func announce(_ text: String, on channel: String) async throws(StoreError)
}
