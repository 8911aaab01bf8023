extension PostgresConfiguration {
  /// A version of the wire protocol, by libpq's names.
  public enum ProtocolVersion: String, Sendable, Hashable, CaseIterable, Comparable {
    /// 3.0, which every server since 2003 speaks.
    case v30 = "3.0"
    /// 3.2, of PostgreSQL 18, whose keys for cancelling are longer.
    case v32 = "3.2"

    /// The newest.
    public static let latest = v32

    /// The older is the lesser.
    public static func < (left: ProtocolVersion, right: ProtocolVersion) -> Bool {
      left.minor < right.minor
    }

    /// The number behind the point.
    var minor: UInt16 {
      switch self {
      case .v30: 0
      case .v32: 2
      }
    }

    /// Reads a parameter, nil when it is not given; libpq's `latest` is the newest.
    init?(_ parameters: ConnectionParameters, _ keyword: String) throws(PostgresError) {
      guard parameters.values[keyword] != "latest" else {
        self = .latest
        return
      }
      let versions = Self.allCases.map(\.rawValue).joined(separator: ", ")
      guard let text = parameters.values[keyword] else { return nil }
      guard let version = Self(rawValue: text) else {
        throw ConnectionParameters.malformed(keyword, text, "one of \(versions), latest")
      }
      self = version
    }
  }

  /// The version that is asked for. Source: libpq 18 asks for 3.0, since what stands between may
  /// know no other, but for the newest where 3.0 is not enough.
  var requestedProtocol: ProtocolVersion {
    maximumProtocol ?? (minimumProtocol > .v30 ? .latest : .v30)
  }

  /// The minor versions of protocol 3 that may be spoken; the greatest is asked for.
  var protocolMinors: ClosedRange<UInt16> {
    min(minimumProtocol, requestedProtocol).minor...requestedProtocol.minor
  }

  /// Throws when no version is left to speak.
  func requireProtocolRange() throws(PostgresError) {
    guard minimumProtocol <= requestedProtocol else {
      throw PostgresError(
        .invalidConfiguration,
        "min_protocol_version is \(minimumProtocol.rawValue), above max_protocol_version, which is "
          + requestedProtocol.rawValue)
    }
  }
}
