/// What each driver is made to do; `Peers/README.md` says it in full, and the peers' programs have
/// the same by these names.
enum DriverWorkload: String, CaseIterable {
  /// Prepared `SELECT 1`, one after the other.
  case selectOne = "select-one"
  /// Twelve columns of `pg_type`.
  case pgType = "pg-type"
  /// `generate_series(1, 1000)`.
  case series
  /// One long result of (int4, text, float8, timestamptz), row by row.
  case rows
  /// Ten values of a megabyte.
  case bytes
  /// Arrays of 100 int4.
  case arrays
  /// COPY in of typed (int4, text, float8).
  case copyIn = "copy-in"
  /// Inserts of (int4, text, jsonb) in one transaction, batched where the driver can.
  case inserts
  /// Prepared `SELECT 1` on 16 connections at once.
  case sixteen
  /// Connections opened with SCRAM and closed, one after the other.
  case connect
  /// The same with nothing known from the connection before: Roost derives the key from the
  /// password and the salt once for all connections of a configuration, the others each time.
  case connectFirst = "connect-first"
  /// The ones of these names, over TLS.
  case selectOneTLS = "select-one-tls"
  case rowsTLS = "rows-tls"
  case connectTLS = "connect-tls"
  /// The ones of these names, over a Unix socket.
  case selectOneUnix = "select-one-unix"
  case rowsUnix = "rows-unix"

  /// The name by which the programs know the work: a socket is a matter of the URL.
  var word: String {
    switch self {
    case .selectOneUnix: Self.selectOne.rawValue
    case .rowsUnix: Self.rows.rawValue
    default: rawValue
    }
  }

  /// How often it is done in one measurement, which then takes a driver 1 to 5 s; less when it is
  /// quick. A batch of inserts has the size that a program might use.
  func count(isQuick: Bool) -> Int {
    let full =
      switch self {
      case .selectOne, .selectOneTLS, .selectOneUnix: 40_000
      case .pgType: 10_000
      case .series: 5_000
      case .rows, .rowsTLS, .rowsUnix, .copyIn: 1_000_000
      case .bytes: 150
      case .arrays: 400
      case .inserts: 10_000
      case .sixteen: 160_000
      case .connect, .connectFirst, .connectTLS: 300
      }
    return isQuick && self != .inserts ? full / 10 : full
  }

  /// What is counted.
  var unit: String {
    switch self {
    case .selectOne, .selectOneTLS, .selectOneUnix, .sixteen: "queries"
    case .pgType, .series, .rows, .rowsTLS, .rowsUnix, .arrays, .copyIn: "rows"
    case .bytes: "MB"
    case .inserts: "inserts"
    case .connect, .connectFirst, .connectTLS: "connections"
    }
  }

  var title: String {
    switch self {
    case .selectOne: "prepared SELECT 1"
    case .pgType: "pg_type, 12 columns"
    case .series: "generate_series(1, 1000)"
    case .rows: "rows of int4, text, float8, timestamptz"
    case .bytes: "bytea of 1 MB"
    case .arrays: "int4[100]"
    case .copyIn: "COPY in of int4, text, float8"
    case .inserts: "10,000 inserts of int4, text, jsonb"
    case .sixteen: "SELECT 1 on 16 connections"
    case .connect: "connect, SCRAM, close"
    case .connectFirst: "connect, SCRAM, close, nothing cached"
    case .selectOneTLS: "prepared SELECT 1, TLS"
    case .rowsTLS: "rows, TLS"
    case .connectTLS: "connect, SCRAM, close, TLS"
    case .selectOneUnix: "prepared SELECT 1, Unix socket"
    case .rowsUnix: "rows, Unix socket"
    }
  }

  /// Whether it is also measured with server and client on one core, where no other core has to be
  /// woken and the figures are stable.
  var isLatency: Bool { [.selectOne, .selectOneTLS, .selectOneUnix, .connect].contains(self) }

  var usesTLS: Bool { [.selectOneTLS, .rowsTLS, .connectTLS].contains(self) }

  var usesUnixSocket: Bool { word != rawValue }

  /// Whether it differs when each query takes a connection from the pool.
  var hasPooledForm: Bool {
    switch self {
    case .selectOne, .selectOneTLS, .selectOneUnix, .pgType, .series, .bytes, .arrays, .sixteen:
      true
    case .rows, .rowsTLS, .rowsUnix, .copyIn, .inserts, .connect, .connectFirst, .connectTLS:
      false
    }
  }
}
