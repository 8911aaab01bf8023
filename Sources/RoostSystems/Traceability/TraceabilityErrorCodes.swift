public import Roost

extension StoreError.Code {
  /// A status that may not follow the one that is there.
  public static let invalidTransition = Self(rawValue: "invalidTransition")
  /// A debit that is greater than the balance.
  public static let insufficientCredits = Self(rawValue: "insufficientCredits")
}

extension StoreError {
  /// The row is another's, or the actor lacks the permission.
  static func forbidden(_ message: String, table: String) -> StoreError {
    StoreError(Code(rawValue: "forbidden"), message, table: table)
  }

  /// Names what should have changed, the state it is in and the one that was asked for.
  static func invalidTransition(
    _ what: String, from: String, to: String, table: String
  ) -> StoreError {
    StoreError(
      .invalidTransition, "\(what) is \(from) and cannot become \(to)", table: table)
  }
}
