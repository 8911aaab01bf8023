public import PostgresClient
public import Roost

extension RecordSession {
  /// Runs raw SQL on the connection under the store: in a transaction on the transaction's own,
  /// so that it sees and is part of it; elsewhere on one of the pool's. It passes beside all
  /// layers, but for a read-only one.
  ///
  /// An error in it aborts the transaction, as an error of any other call does.
  /// - Throws: `unsupported` when the backend is not Postgres; what the body throws, unchanged.
  public func postgres<Result: Sendable>(
    _ body: @Sendable (PostgresConnection) async throws -> Result
  ) async throws -> Result {
    var failure: (any Error)?
    do {
      return try await core.perform { session throws(StoreError) in
        let outcome: Swift.Result<Result, any Error>
        switch session.innermost {
        case let transaction as PostgresTransaction:
          outcome = await Self.outcome { try await body(transaction.connection) }
        case let backend as PostgresBackend:
          outcome = await Self.outcome { try await backend.withConnection(body) }
        default:
          throw StoreError(.unsupported, "raw SQL needs a postgres: store")
        }
        switch outcome {
        case .success(let result): return result
        case .failure(let error):
          // Thrown as the store's, so that the transaction is doomed, and replaced outside.
          failure = error
          throw StoreError(.transactionAborted, "raw SQL failed: \(error)")
        }
      }
    } catch {
      throw failure ?? error
    }
  }

  /// Keeps the body's own error, of whatever type.
  private static func outcome<Value>(
    _ body: () async throws -> Value
  ) async -> Swift.Result<Value, any Error> {
    do {
      return .success(try await body())
    } catch {
      return .failure(error)
    }
  }
}
