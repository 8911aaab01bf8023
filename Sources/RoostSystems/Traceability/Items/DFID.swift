import RoostCore

/// The permanent text ids of items.
public enum DFID {
  /// The characters of an id: digits and capital letters without I, L, O and U, which are misread.
  private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

  /// The random characters of an id; 5 bits each.
  private static let length = 26

  /// A new id: `DFID-` and 26 characters from the system's secure generator, so that two never
  /// meet.
  public static func make() -> String {
    // 256 is a multiple of 32, so every character is as likely as the others.
    let characters = Secrets.randomBytes(length).map { alphabet[Int($0) % alphabet.count] }
    return "DFID-" + String(characters)
  }
}
