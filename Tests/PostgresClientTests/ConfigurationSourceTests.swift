import Foundation
import PostgresClient
import RoostCore
import Testing

@Suite struct ConfigurationSourceTests {
  /// Writes a file into a folder of its own and runs the body with the folder.
  private func withFile<T>(
    _ name: String, _ text: String, permissions: Int = 0o600, _ body: (String) throws -> T
  ) throws -> T {
    let folder = NSTemporaryDirectory() + "roost-configuration-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = "\(folder)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
    return try body(folder)
  }

  @Test func everyVariable() throws {
    let parsed = try PostgresConfiguration(environment: [
      "PGHOST": "a,b", "PGHOSTADDR": "1.2.3.4,", "PGPORT": "1,2", "PGDATABASE": "d", "PGUSER": "u",
      "PGPASSFILE": "/p", "PGREQUIREPEER": "them", "PGMINPROTOCOLVERSION": "3.0",
      "PGMAXPROTOCOLVERSION": "latest", "PGTARGETSESSIONATTRS": "standby",
      "PGLOADBALANCEHOSTS": "random", "PGAPPNAME": "app", "PGOPTIONS": "-c a=b", "PGTZ": "UTC",
      "PGDATESTYLE": "default", "PGGEQO": "off", "PGSSLCRLDIR": "/crl", "PGREQUIRESSL": "1",
      "PGCLIENTENCODING": "utf8", "PGGSSENCMODE": "prefer", "PGKRBSRVNAME": "postgres",
      "PGSSLCOMPRESSION": "0", "PGUNKNOWN": "x",
    ])
    #expect(
      parsed.hosts == [
        .init("a", address: "1.2.3.4", port: 1), .init("b", port: 2),
      ])
    #expect(parsed.database == "d")
    #expect(parsed.user == "u")
    #expect(parsed.passwordFile == "/p")
    #expect(parsed.requiredPeer == "them")
    #expect(parsed.minimumProtocol == .v30)
    #expect(parsed.maximumProtocol == .v32)
    #expect(parsed.targetSession == .standby)
    #expect(parsed.loadBalancing == .random)
    #expect(parsed.applicationName == "app")
    #expect(parsed.options == "-c a=b")
    #expect(parsed.runtimeParameters == ["TimeZone": "UTC", "geqo": "off"])
    #expect(parsed.tls.revocationFolder == "/crl")
    #expect(parsed.sslMode == .require)
    #expect(
      try PostgresConfiguration(environment: ["PGREQUIRESSL": "1", "PGSSLMODE": "disable"])
        .sslMode == .disable)
  }

  @Test func emptyVariablesCountAsUnset() throws {
    let names = [
      "PGHOST", "PGPORT", "PGSSLMODE", "PGSERVICE", "PGCONNECT_TIMEOUT", "PGGSSENCMODE",
      "PGTARGETSESSIONATTRS", "PGMAXPROTOCOLVERSION",
    ]
    let environment = Dictionary(uniqueKeysWithValues: names.map { ($0, "") })
    let parsed = try PostgresConfiguration(environment: environment)
    #expect(parsed.port == 5_432)
    #expect(parsed.sslMode == .prefer)
    // What is given as empty keeps the variable from being asked, as in libpq.
    let given = try PostgresConfiguration(
      "host='' port=''", environment: ["PGHOST": "h", "PGPORT": "7"])
    #expect(given.host.hasPrefix("/"))
    #expect(given.port == 5_432)
  }

  // MARK: Services

  private static let services = """
    # a comment
    [other]
    nonsense
    [one]
      host=service.example
    port=6000
    port=6001
    application_name=with blanks  \t
    password=hidden

    [empty]
    [later]
    port=1
    """

  @Test func aService() throws {
    try withFile("s.conf", Self.services) { folder throws in
      let environment = [
        "PGSERVICEFILE": "\(folder)/s.conf", "PGPORT": "7000", "PGUSER": "envuser", "PGHOST": "e",
      ]
      let parsed = try PostgresConfiguration("service=one", environment: environment)
      #expect(parsed.host == "service.example")
      #expect(parsed.port == 6_000)
      #expect(parsed.applicationName == "with blanks")
      #expect(parsed.password == "hidden")
      #expect(parsed.user == "envuser")
      // Given beats the service.
      let given = try PostgresConfiguration(
        "postgres://given:1/?service=one", environment: environment)
      #expect(given.hosts == [.init("given", port: 1)])
      // The service may be named by the environment, and the file by a keyword.
      let named = try PostgresConfiguration(
        "servicefile='\(folder)/s.conf'", environment: ["PGSERVICE": "one"])
      #expect(named.port == 6_000)
      let empty = try PostgresConfiguration("service=empty", environment: environment)
      #expect(empty.port == 7_000)
      // None is asked for: the file does not matter.
      #expect(try PostgresConfiguration("service=''", environment: environment).port == 7_000)
    }
  }

  @Test func theUsersAndTheSystemsFile() throws {
    try withFile(".pg_service.conf", "[mine]\nport=1\n") { home throws in
      try withFile("pg_service.conf", "[mine]\nport=2\n[ours]\nport=3\n") { system throws in
        let environment = ["HOME": home, "PGSYSCONFDIR": system]
        #expect(try PostgresConfiguration("service=mine", environment: environment).port == 1)
        #expect(try PostgresConfiguration("service=ours", environment: environment).port == 3)
        let error = #expect(throws: PostgresError.self) {
          _ = try PostgresConfiguration("service=theirs", environment: environment)
        }
        #expect(error?.code == .invalidConfiguration)
        for text in ["\"theirs\"", home, system] {
          #expect(error?.message.contains(text) == true)
        }
      }
    }
  }

  @Test(arguments: [
    ("[s]\nport=1\nbad", "line 3"), ("[s]\nservice=t", "line 2"), ("[s]\nservicefile=t", "line 2"),
    ("[s]\nprot=1", "line 2"), ("\n\n[s]\n\nldap://x", "line 5"), ("[s]\nport=x", "port"),
    ("[s]\nhost=a\0b", "line 2"),
  ])
  func aBrokenServiceFile(text: String, place: String) throws {
    try withFile("s.conf", text) { folder throws in
      let error = #expect(throws: PostgresError.self) {
        _ = try PostgresConfiguration(
          "service=s password=hunter2", environment: ["PGSERVICEFILE": "\(folder)/s.conf"])
      }
      #expect(error?.message.contains(place) == true)
      if place != "port" { #expect(error?.message.contains("s.conf") == true) }
      #expect(error?.description.contains("hunter2") == false)
    }
  }

  @Test func aServiceFileThatIsNotThere() {
    let error = #expect(throws: PostgresError.self) {
      _ = try PostgresConfiguration(
        "service=s", environment: ["PGSERVICEFILE": "/nonexistent/file"])
    }
    #expect(error?.message.contains("/nonexistent/file") == true)
  }

  // MARK: Passwords

  private func answer(
    _ text: String, permissions: Int = 0o600,
    _ host: PostgresConfiguration.Host = .init("h", port: 5_432), user: String = "u"
  ) throws -> PasswordFile.Answer {
    try withFile("pgpass", text, permissions: permissions) { folder throws in
      PasswordFile("\(folder)/pgpass").find(host, database: "d", user: user)
    }
  }

  @Test(arguments: [
    ("h:5432:d:u:one", "one"), ("*:*:*:*:all", "all"), ("#h:5432:d:u:no\nh:5432:d:u:two", "two"),
    ("x:*:*:*:no\r\nh:*:*:*:yes\r\n", "yes"), ("h:5432:d:u:a\\:b\\\\c:rest", "a:b\\c"),
    ("\\h:5432:d:u:escaped", "escaped"), ("h:5432:d:u:\\", "\\"),
    ("h:5432:d:u:first\nh:*:*:*:2", "first"),
    ("\n\nh:*:*:*: blank ", " blank "), ("h:5432:d:u:é", "é"),
  ])
  func whatAPasswordFileFinds(text: String, password: String) throws {
    #expect(try answer(text) == .password(password))
  }

  @Test(arguments: [
    "", "h:5432:d:u", "h:5432:d:v:x", "h:5433:d:u:x", "H:5432:d:u:x", "h:5432:d:u:", "**:*:*:*:x",
    "\\*:*:*:*:x", "h:5432:d:uu:x", "h:5432:d: u:x", " h:5432:d:u:x", ":5432:d:u:x",
  ])
  func whatAPasswordFileDoesNotFind(text: String) throws {
    #expect(try answer(text) == PasswordFile.Answer.none)
  }

  @Test func namesInAPasswordFile() throws {
    let folder = PostgresConfiguration(host: "", user: "u")
    #expect(folder.host == "")
    #expect(try answer("localhost:*:*:*:x", .init("")) == .password("x"))
    let standard = try PostgresConfiguration(environment: [:]).hosts[0]
    #expect(try answer("localhost:*:*:*:x", standard) == .password("x"))
    #expect(try answer("localhost:*:*:*:x", .init("/elsewhere")) == PasswordFile.Answer.none)
    #expect(try answer("/elsewhere:*:*:*:x", .init("/elsewhere")) == .password("x"))
    #expect(try answer("1.2.3.4:*:*:*:x", .init("", address: "1.2.3.4")) == .password("x"))
    #expect(try answer("h:*:*:*:x", .init("h", address: "1.2.3.4")) == .password("x"))
    #expect(try answer("\\:\\:1:*:*:*:x", .init("::1")) == .password("x"))
    #expect(try answer("h:*:*:a\\:b:x", user: "a:b") == .password("x"))
  }

  /// libpq finds the same in files of every kind; a seed finds the same files again.
  @Test(.enabled(if: Libpq.shared != nil, "libpq.so.5 is not installed"))
  func passwordFilesAsLibpq() throws {
    let libpq = try #require(Libpq.shared)
    var generator = Lehmer(state: 0x5eed)
    let pieces = [
      "h", "1", "d", "u", "*", ":", ":", ":", "\\", "#", "\n", "\r\n", " ", "secret", "é",
      "h:1:d:u:",
      "*:*:*:*:", "h:*:d:*:x", "\\h:1:d:u:", "h:1:d\\:u:",
    ]
    var found = 0
    try withFile("pgpass", "") { folder throws in
      let path = "\(folder)/pgpass"
      for _ in 0..<3_000 {
        var text = ""
        for _ in 0..<Int.random(in: 1...8, using: &generator) {
          text += pieces.randomElement(using: &generator) ?? ""
        }
        // Written in place, so that the permissions stay.
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        let theirs = libpq.password(
          "host=h hostaddr=127.0.0.1 port=1 user=u dbname=d passfile='\(path)'")
        let answer = PasswordFile(path).find(.init("h", port: 1), database: "d", user: "u")
        if !theirs.isEmpty { found += 1 }
        #expect(
          answer == (theirs.isEmpty ? PasswordFile.Answer.none : .password(theirs)),
          "\(text.debugDescription)")
      }
    }
    #expect(found > 300)
  }

  @Test(arguments: [0o640, 0o604, 0o660, 0o610, 0o777])
  func othersMayNotReadIt(permissions: Int) throws {
    guard case .ignored(let reason) = try answer("*:*:*:*:x", permissions: permissions) else {
      Issue.record("the file was read")
      return
    }
    #expect(reason.contains("group or world access"))
  }

  @Test func itMustBeAPlainFile() throws {
    guard
      case .ignored = PasswordFile(NSTemporaryDirectory()).find(
        .init("h"), database: "d", user: "u")
    else {
      Issue.record("a folder was read")
      return
    }
    #expect(
      PasswordFile("/nonexistent").find(.init("h"), database: "d", user: "u")
        == PasswordFile.Answer.none)
  }
}
