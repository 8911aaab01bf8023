import PostgresClient
import Roost
import RoostCore

// Streaming replication, by positions in the write-ahead log.

extension PostgresBackend: ReplicatedBackend {
  /// The number that `initdb` gave the cluster, with the database and the schema.
  func replicationIdentity() async throws(StoreError) -> String? {
    try await monitoring { session throws(StoreError) in
      do throws(PostgresError) {
        return try await session.connection.queryOne(
          """
          SELECT concat_ws('/', system_identifier, current_database(), current_schema())
          FROM pg_control_system()
          """, as: String.self)
      } catch {
        // An administrator may have taken the right to ask away.
        guard error.sqlState == .insufficientPrivilege else { throw StoreError(error) }
        return nil
      }
    }
  }

  /// The position behind the last record inserted, or replayed on a standby.
  ///
  /// What was inserted may not be written yet where commits do not wait for it. Behind the last
  /// record of a page the position is behind the next page's header, which no replay reaches before
  /// the next record: it is counted as the page's start. Source: `XLogBytePosToRecPtr` of the
  /// server; 24 is `SizeOfXLogShortPHD`.
  func replicationStatus() async throws(StoreError) -> ReplicationStatus {
    try await monitoring { session throws(StoreError) in
      try await storeErrors { () throws(PostgresError) in
        let (isReplica, position, page) = try await session.connection.queryOne(
          """
          SELECT pg_is_in_recovery(),
            coalesce(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
              ELSE pg_current_wal_insert_lsn() END - '0/0', 0)::bigint,
            current_setting('wal_block_size')::bigint
          """, as: (Bool, Int64, Int64).self)
        let isBehindHeader = !isReplica && page > 0 && position % page == 24
        return ReplicationStatus(
          isReplica: isReplica,
          position: UInt64(clamping: isBehindHeader ? position - 24 : position))
      }
    }
  }
}
