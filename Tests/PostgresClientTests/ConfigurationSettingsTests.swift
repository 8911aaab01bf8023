import Foundation
import PostgresClient
import Testing

@Suite struct ConfigurationSettingsTests {
  private func values(_ configuration: PostgresConfiguration) -> [String: String] {
    Dictionary(uniqueKeysWithValues: configuration.settings.map { ($0.keyword, $0.value) })
  }

  private func text(_ configuration: PostgresConfiguration) -> String {
    configuration.settings.map(\.description).joined(separator: " ")
  }

  @Test func defaults() throws {
    let parsed = try PostgresConfiguration("host=h user=u", environment: ["HOME": "/home/u"])
    #expect(
      parsed.settings.map(\.description) == [
        "host=h", "port=5432", "dbname=u", "user=u", "connect_timeout=10",
        "target_session_attrs=any", "load_balance_hosts=disable", "passfile=/home/u/.pgpass",
        "channel_binding=prefer", "client_encoding=UTF8", "keepalives=1",
        "min_protocol_version=3.0", "max_protocol_version=3.0", "sslmode=prefer",
        "sslnegotiation=postgres", "sslcertmode=allow", "sslsni=1",
        "ssl_min_protocol_version=TLSv1.2", "gssencmode=disable",
      ])
  }

  @Test func origins() throws {
    let service = NSTemporaryDirectory() + "roost-service-\(UUID().uuidString)"
    try Data("[s]\napplication_name=app\n".utf8).write(to: URL(fileURLWithPath: service))
    defer { try? FileManager.default.removeItem(atPath: service) }
    var parsed = try PostgresConfiguration(
      "postgres://h/?service=s",
      environment: ["PGSERVICEFILE": service, "PGPORT": "7", "PGUSER": "u"])
    parsed.sslMode = .require
    let origins = Dictionary(
      uniqueKeysWithValues: parsed.settings.map { ($0.keyword, $0.origin) })
    #expect(origins["host"] == .connectionString)
    #expect(origins["application_name"] == .serviceFile(service))
    #expect(origins["port"] == .environment("PGPORT"))
    #expect(origins["user"] == .environment("PGUSER"))
    #expect(origins["dbname"] == .default)
    #expect(origins["sslmode"] == .program)
    #expect(
      PostgresConfiguration(host: "h", user: "u").settings.allSatisfy { $0.origin == .program })
  }

  /// All settings as a connection string mean what they meant.
  @Test(arguments: [
    "host=h", "postgres://u@a:1,[::1]:2,%2Ftmp/d?hostaddr=1.2.3.4,,",
    "host=a,b port=7 target_session_attrs=prefer-standby load_balance_hosts=random",
    "user='it\\'s' dbname='a b\\\\c\\'' application_name='' options='-c x=a\\\\ b' connect_timeout=0",
    "keepalives=0 keepalives_idle=1 keepalives_interval=2 keepalives_count=3 tcp_user_timeout=4",
    "require_auth=password,scram-sha-256 channel_binding=disable requirepeer=postgres",
    "require_auth=!md5,!none passfile=/p", "require_auth=none",
    "require_auth=password,md5,gss,sspi,scram-sha-256,none",
    "min_protocol_version=3.2", "max_protocol_version=latest", "sslrootcert=system",
    "sslmode=verify-ca sslrootcert=/r sslcert=/c sslkey=/k sslcertmode=require sslcrl=/l "
      + "sslcrldir=/d sslsni=0 ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.3 "
      + "sslnegotiation=direct",
    "application_name='\t \n é👍'",
  ])
  func roundTrip(_ string: String) throws {
    let environment = ["HOME": "/home/u", "PGTZ": "Europe/Bucharest", "PGDATESTYLE": "SQL, DMY"]
    let first = try PostgresConfiguration(string, environment: environment)
    let again = try PostgresConfiguration(text(first), environment: ["HOME": "/elsewhere"])
    #expect(values(again) == values(first))
    #expect(again.hosts == first.hosts)
    #expect(again.tls.negotiation == first.tls.negotiation)
    #expect(again.tls.trustedRoots == first.tls.trustedRoots)
    #expect(again.socketOptions == first.socketOptions)
    #expect(again.connectTimeout == first.connectTimeout)
    #expect(
      again.authentication.allowsCleartextPassword == first.authentication.allowsCleartextPassword)
    #expect(values(first)["options"]?.contains("-c DateStyle=SQL,\\ DMY") == true)
  }

  @Test func secretsAreMasked() throws {
    let parsed = try PostgresConfiguration(
      "postgres://u:hunter2@h?sslpassword=hunter3", environment: [:])
    #expect(values(parsed)["password"] == "***")
    #expect(values(parsed)["sslpassword"] == "***")
    var dumped = ""
    dump(parsed.settings, to: &dumped)
    dump(parsed, to: &dumped)
    for shown in [text(parsed), dumped, "\(parsed.settings)", "\(parsed)"] {
      #expect(!shown.contains("hunter"))
    }
  }
}
