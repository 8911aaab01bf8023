public import Roost

extension StoreError.Code {
  /// A status may not follow the one that is stored.
  public static let invalidTransition = Self(rawValue: "invalidTransition")
}
