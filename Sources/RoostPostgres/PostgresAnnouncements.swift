import PostgresClient
import Roost

// LISTEN and NOTIFY. Who comes through a pooler that hands a connection to each transaction cannot
// listen.

extension PostgresBackend: AnnouncingBackend {
  /// Source: `NOTIFY_PAYLOAD_MAX_LENGTH` of the server, less the byte that ends the text.
  var announcementByteLimit: Int { 7_999 }

  /// Listens on a connection of its own, which is opened again when it is lost.
  func listen(
    to channel: String, _ body: @Sendable (Announcement) -> Void
  ) async throws(StoreError) {
    try await storeErrors { () throws(PostgresError) in
      let listener = try PostgresListener(configuration)
      do throws(PostgresError) {
        var events = try await listener.listen(channel).makeAsyncIterator()
        body(.gap)
        while let event = try await events.next() {
          switch event {
          case .notification(_, let payload, _): body(.text(payload))
          case .gap: body(.gap)
          }
        }
      } catch {
        await listener.close()
        throw error
      }
      await listener.close()
    }
  }
}

extension PostgresTransaction: AnnouncingTransaction {
  func announce(_ text: String, on channel: String) async throws(StoreError) {
    try await run { session throws(StoreError) in
      try await storeErrors { () throws(PostgresError) in
        try await session.connection.notify(channel, text)
      }
    }
  }
}
