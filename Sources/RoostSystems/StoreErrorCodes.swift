public import Roost

extension StoreError.Code {
  /// The row belongs to another account, or the actor lacks the permission.
  public static let forbidden = Self(rawValue: "forbidden")
  /// A value is greater than the application allows.
  public static let limitExceeded = Self(rawValue: "limitExceeded")
  /// A status may not follow the one that is stored.
  public static let invalidTransition = Self(rawValue: "invalidTransition")
  /// A debit is greater than the balance.
  public static let insufficientCredits = Self(rawValue: "insufficientCredits")
}

extension StoreError {
  /// Names what should have changed, the state that it is in and the one that was asked for.
  static func invalidTransition(
    _ what: String, from: String, to: String, table: String
  ) -> StoreError {
    StoreError(
      .invalidTransition, "\(what) is \(from) and cannot become \(to)", table: table)
  }
}
