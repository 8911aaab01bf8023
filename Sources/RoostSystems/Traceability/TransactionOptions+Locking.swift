import Roost

extension TransactionOptions {
  /// For transactions that lock the rows that they decide by: whoever comes second waits for the
  /// lock, sees what the first has done, and need not run again.
  static let locking = TransactionOptions(isolation: .readCommitted)
}
