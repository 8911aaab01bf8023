import Foundation
import PostgresClient
import Testing

@Suite struct ConfigurationTests {
  private func parse(
    _ uri: String, _ environment: [String: String] = [:]
  ) throws(PostgresError) -> PostgresConfiguration {
    try PostgresConfiguration(uri, environment: environment)
  }

  @Test func aWholeURI() throws {
    let parsed = try parse(
      "postgresql://us%65r:p%40ss%2F%3A@db.example:6543/my%20db?application_name=a+b"
        + "&connect_timeout=3&sslmode=disable&options=-c%20x%3D1"
    )
    #expect(parsed.user == "user")
    #expect(parsed.password == "p@ss/:")
    #expect(parsed.host == "db.example")
    #expect(parsed.port == 6543)
    #expect(parsed.database == "my db")
    #expect(parsed.applicationName == "a+b")
    #expect(parsed.connectTimeout == .seconds(3))
    #expect(parsed.sslMode == .disable)
    #expect(parsed.options == "-c x=1")
  }

  @Test(
    arguments: [
      ("postgres://u@[::1]:99/d", "::1", 99), ("postgres://u@[2001:db8::1]/d", "2001:db8::1", 5432),
      ("postgres://u@%2Ftmp%2Fsock:7/d", "/tmp/sock", 7),
      ("postgres://u@/d?host=/tmp/s", "/tmp/s", 5432),
      ("postgres://u@a/d?host=b&port=8", "b", 8), ("POSTGRES://u@h/d", "h", 5432),
    ] as [(String, String, Int)])
  func hosts(uri: String, host: String, port: Int) throws {
    let parsed = try parse(uri)
    #expect(parsed.host == host)
    #expect(parsed.port == port)
    #expect(parsed.user == "u")
    #expect(parsed.database == "d")
  }

  @Test func environmentAndDefaults() throws {
    let environment = [
      "PGHOST": "envhost", "PGPORT": "1234", "PGUSER": "envuser", "PGPASSWORD": "envpass",
      "PGDATABASE": "", "PGAPPNAME": "app", "PGCONNECT_TIMEOUT": "0", "PGSSLMODE": "verify-full",
      "PGREQUIREAUTH": "!password", "PGCHANNELBINDING": "require", "PGTZ": "UTC",
    ]
    let parsed = try PostgresConfiguration(environment: environment)
    #expect(parsed.host == "envhost")
    #expect(parsed.port == 1234)
    #expect(parsed.user == "envuser")
    #expect(parsed.password == "envpass")
    #expect(parsed.database == "envuser")
    #expect(parsed.connectTimeout == nil)
    #expect(parsed.sslMode == .verifyFull)
    #expect(!parsed.authentication.allowedMethods.contains(.password))
    #expect(parsed.authentication.channelBinding == .require)
    #expect(parsed.runtimeParameters["TimeZone"] == "UTC")
    let beaten = try parse("postgres://h:5/d", environment)
    #expect(beaten.host == "h")
    #expect(beaten.port == 5)
    #expect(beaten.database == "d")
    #expect(beaten.user == "envuser")
    let plain = try PostgresConfiguration(environment: [:])
    #expect(plain.host.hasPrefix("/"))
    #expect(plain.database == plain.user)
    #expect(!plain.user.isEmpty)
  }

  @Test(arguments: [
    ("http://h", PostgresError.Code.invalidConfiguration),
    ("postgres://h:0/d", .invalidConfiguration),
    ("postgres://h:65536/d", .invalidConfiguration), ("postgres://h:5x/d", .invalidConfiguration),
    ("postgres://h:-5/d", .invalidConfiguration),
    ("postgres://h/d?sslmode=maybe", .invalidConfiguration),
    ("postgres://[::1/d", .invalidConfiguration),
    ("postgres://[::1]x/d", .invalidConfiguration), ("postgres://%zz@h/d", .invalidConfiguration),
    ("postgres://u%00@h/d", .invalidConfiguration), ("postgres://h/d?x", .invalidConfiguration),
    ("postgres://h/d?connect_timeout=soon", .invalidConfiguration),
    ("postgres://h/d?client_encoding=LATIN1", .invalidConfiguration),
    ("postgres://h/d?require_auth=magic", .invalidConfiguration),
    ("postgres://h/d?krbsrvname=x", .unsupported), ("postgres://h/d?replication=1", .unsupported),
    ("postgres://h/d?oauth_issuer=x", .unsupported),
    ("postgres://h/d?gssencmode=require", .unsupported),
  ])
  func whatIsRefused(uri: String, code: PostgresError.Code) {
    let error = #expect(throws: PostgresError.self) { _ = try parse(uri) }
    #expect(error?.code == code)
  }

  @Test func anUnknownParameterNamesItselfAndTheKnown() {
    let error = #expect(throws: PostgresError.self) {
      _ = try parse("postgres://u:hidden@h/d?sslmod=x")
    }
    #expect(error?.message.contains("\"sslmod\"") == true)
    #expect(error?.message.contains("sslmode") == true)
    #expect(error?.description.contains("hidden") == false)
  }

  @Test func noDescriptionShowsThePassword() throws {
    let parsed = try parse("postgres://u:hidden@h/d")
    var dumped = ""
    dump(parsed, to: &dumped)
    for text in [
      "\(parsed)", String(reflecting: parsed), dumped, "\(Optional(parsed) as Any)", "\([parsed])",
    ] {
      #expect(!text.contains("hidden"))
      #expect(text.contains("h"))
    }
  }
}
