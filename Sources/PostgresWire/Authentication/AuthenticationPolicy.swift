/// Which authentication a client does.
public struct AuthenticationPolicy: Sendable, Hashable {
  /// A way to authenticate, by libpq's name.
  public enum Method: String, Sendable, Hashable, CaseIterable {
    /// The password as it is.
    case password
    /// An MD5 challenge.
    case md5
    /// Kerberos.
    case gss
    /// Windows.
    case sspi
    /// SCRAM-SHA-256.
    case scramSHA256 = "scram-sha-256"
    /// The server lets anyone in.
    case none
  }

  /// How much SCRAM is to be bound to the TLS connection under it.
  public enum ChannelBinding: String, Sendable, Hashable, CaseIterable {
    /// Never.
    case disable
    /// Where it can be.
    case prefer
    /// Always, or not at all.
    case require
  }

  /// The methods that the server may ask for; all that this client does unless something else is
  /// said. Source: libpq's `require_auth`.
  public var allowedMethods: Set<Method> = Set(Method.allCases)

  /// Whether the password may be sent as it is; false unless asked for, since anyone on the way,
  /// and the server, can read it.
  public var allowsCleartextPassword = false

  /// Whether SCRAM must be bound to the TLS connection; `require` fails without TLS, and with a
  /// certificate whose signature names no digest. libpq: `channel_binding`.
  public var channelBinding = ChannelBinding.prefer

  /// How many iterations SCRAM may take: fewer make a stolen exchange easy to guess from, more
  /// let a server burn the client's time. 4,096 is the server's default and RFC 7677's minimum.
  public var scramIterations: ClosedRange<Int> = 4_096...10_000_000

  /// The policy that is used unless something else is said.
  public init() {}

  /// Reads a `require_auth` list as libpq does: names with commas, either all plain (only these)
  /// or all with `!` (all but these). Nil when the list is malformed; an empty one allows all.
  public static func methods(requireAuth list: String) -> Set<Method>? {
    if list.isEmpty { return Set(Method.allCases) }
    var named: Set<Method> = []
    var isNegated: Bool?
    for item in list.split(separator: ",", omittingEmptySubsequences: false) {
      let text = item.trimmingPrefix("!")
      let negated = item.hasPrefix("!")
      guard let method = Method(rawValue: String(text)), isNegated ?? negated == negated,
        named.insert(method).inserted
      else { return nil }
      isNegated = negated
    }
    return isNegated == true ? Set(Method.allCases).subtracting(named) : named
  }

  /// Throws for a method that is excluded. Only `isBound` SCRAM is what `channelBinding` may
  /// require; whatever else the server asks for is refused here, before any byte that follows from
  /// the password is sent.
  func requireAllowed(_ method: Method, isBound: Bool = false) throws(WireError) {
    guard channelBinding != .require || isBound else {
      throw .authenticationRefused(
        "channel_binding=require needs SCRAM-SHA-256-PLUS over TLS, and the server asks for "
          + "\(method.rawValue) without it")
    }
    guard allowedMethods.contains(method) else {
      throw .authenticationRefused(
        "the server asks for \(method.rawValue) authentication, which require_auth excludes")
    }
  }
}
