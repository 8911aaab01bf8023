public import Roost

/// What the systems add to a store's codes.
extension StoreError.Code {
  /// The row is another account's.
  public static let forbidden = Self(rawValue: "forbidden")
  /// What was given is larger than what is allowed.
  public static let limitExceeded = Self(rawValue: "limitExceeded")
}
