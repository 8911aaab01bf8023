import Foundation

/// Prepares a password for SCRAM, so that the same characters typed differently are equal.
///
/// Source: RFC 4013 (a profile of RFC 3454).
package enum SASLprep {
  /// The password's bytes as they go into SCRAM.
  ///
  /// A password that SASLprep does not allow is used as it is, as libpq and the server do:
  /// otherwise a role whose password was stored so could never log in.
  package static func passwordBytes(_ password: String) -> [UInt8] {
    Array((prepare(password) ?? password).utf8)
  }

  /// The prepared text, nil when it has a prohibited or unassigned character, breaks the rules of
  /// bidirectional text, or comes out empty.
  package static func prepare(_ text: String) -> String? {
    if !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text }
    var mapped = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if SASLprepTables.contains(SASLprepTables.nonASCIISpaces, scalar) {
        mapped.append(" ")
      } else if !SASLprepTables.contains(SASLprepTables.mappedToNothing, scalar) {
        mapped.append(scalar)
      }
    }
    let normal = String(mapped).precomposedStringWithCompatibilityMapping
    let scalars = normal.unicodeScalars
    guard let first = scalars.first, let last = scalars.last else { return nil }
    for scalar in scalars {
      if SASLprepTables.contains(SASLprepTables.prohibited, scalar) { return nil }
      if SASLprepTables.contains(SASLprepTables.unassigned, scalar) { return nil }
    }
    if scalars.contains(where: isRightToLeft) {
      // RFC 3454, section 6: no mixture, and the text begins and ends right-to-left.
      guard isRightToLeft(first), isRightToLeft(last) else { return nil }
      for scalar in scalars
      where SASLprepTables.contains(SASLprepTables.leftToRight, scalar) {
        return nil
      }
    }
    return normal
  }

  private static func isRightToLeft(_ scalar: Unicode.Scalar) -> Bool {
    SASLprepTables.contains(SASLprepTables.rightToLeft, scalar)
  }
}
