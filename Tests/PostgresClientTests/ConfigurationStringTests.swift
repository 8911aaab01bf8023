import Foundation
import PostgresClient
import RoostCore
import Testing

private func parsed(_ text: String) -> [String: String]? {
  try? ConnectionString(text).values
}

private let samples = [
  "", " ", "host=a", "host = a port\t=\n5", "host=a\\ b", "host='a b' port='1'dbname=x",
  "password='it\\'s'", "password=it\\'s", "password=a\\", "password='a\\", "password='", "host",
  "host =", "=a", "a=b", "host=a host=b", "user='' dbname=''", "host='a''b'", "host=a=b",
  "requiressl=1", "requiressl=0 sslmode=require", "requiressl=", "host=\u{0b}a\u{0c}",
  "options='-c a=b' application_name=\\\\x", "port= host=x", "PORT=1", "dbname=postgres://h/d",
  "dbname='host=a'", "password=é👍 user='ü'", "host=e\u{301}", "host=\u{301}a",
  "postgres://", "postgresql://", "postgresql://h", "postgres://h/", "postgres://h/d",
  "postgres://u@h", "postgres://u:p@h:1/d?application_name=x", "postgres://:p@h", "postgres://u:@h",
  "postgres://@h", "postgres://:@", "postgres://u:p:q@h", "postgres://u:p@w@h", "postgres://u/p@h",
  "postgres://u:p?q@h/d", "postgres://a,b", "postgres://a:1,b:2/d", "postgres://,,/d",
  "postgres://a:,b:/d", "postgres://:1,:2", "postgres://[::1]", "postgres://[::1]:5/d",
  "postgres://[::1],[::2]:3", "postgres://[", "postgres://[]", "postgres://[::1", "postgres://[a]b",
  "postgres://[::1]?port=1", "postgres://[::1]/d", "postgres://%2Ftmp/d", "postgres://%2ftmp,%2Fx",
  "postgres://h/%", "postgres://h/%4", "postgres://h/%zz", "postgres://h/%00", "postgres://h/%41",
  "postgres://h/%ff", "postgres://u%40:p%3a@h", "postgres://h?", "postgres://h?host=x",
  "postgres://?host=/tmp", "postgres:///d?host=a&host=b", "postgres://h?a", "postgres://h?a=b",
  "postgres://h?port=1&", "postgres://h?&port=1", "postgres://h?port=1&&dbname=x",
  "postgres://h?port=1=2", "postgres://h?port", "postgres://h?=1", "postgres://h?port=",
  "postgres://h?ssl=true", "postgres://h?ssl=false", "postgres://h?ss%6C=true",
  "postgres://h?%70ort=1", "postgres://h/d?password=%20a%26b", "postgres://h/d/e?port=1?2",
  "postgres://h#x", "postgres://h/d#x", "postgres://a b/c d", "postgres://u@h?requiressl=1",
  "postgres://\u{301}@h", "postgres://u@\u{301}h/\u{301}?\u{301}", "postgres:/h", "postgres",
  "postgres:", "postgresql:///", "postgres://u@/d", "postgres://é/ü?user=ö", "POSTGRES://h/d",
]

@Suite(.timeLimit(.minutes(2))) struct ConfigurationStringTests {
  /// A text that the two parsers judge differently, and not for a reason that is known.
  private func disagreement(_ libpq: Libpq, _ text: String) -> String? {
    let ours = parsed(text)
    let theirs = libpq.values(text)
    if ours == nil, theirs == nil { return nil }
    let isURI = ["postgres://", "postgresql://"].contains { scheme in
      String(decoding: text.utf8.prefix(scheme.utf8.count), as: UTF8.self).lowercased() == scheme
    }
    // RFC 3986, section 3.1: the scheme's case does not matter; to libpq it does.
    if isURI, !text.utf8.starts(with: "postgres".utf8) { return nil }
    // From 18 on, libpq takes spaces at the ends of a URI's parts off and refuses others.
    if isURI, libpq.version >= 180_000, text.contains(" ") { return nil }
    // Swift's texts are UTF-8; libpq takes any bytes.
    if ours == nil, let theirs, theirs.values.contains(where: { !isUTF8($0) }) { return nil }
    // Keywords of a newer libpq than is installed.
    if theirs == nil, let ours, !libpq.keywords.isSuperset(of: ours.keys) { return nil }
    if ours?.mapValues({ Array($0.utf8) }) == theirs { return nil }
    return "\(text.debugDescription): \(String(describing: ours)), libpq \(theirs ?? [:])"
  }

  private func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  @Test(.enabled(if: Libpq.shared != nil, "libpq.so.5 is not installed"))
  func asLibpq() throws {
    let libpq = try #require(Libpq.shared)
    #expect(samples.compactMap { disagreement(libpq, $0) } == [])
    // What is known here is known there, but for what came later than the version.
    for keyword in libpq.keywords {
      #expect(parsed("\(keyword)=x") == [keyword: "x"])
      #expect(parsed("postgres://h?\(keyword)=x")?[keyword] == "x")
    }
  }

  /// A seed finds the same texts again.
  @Test(.enabled(if: Libpq.shared != nil, "libpq.so.5 is not installed"))
  func mutationsAsLibpq() throws {
    let libpq = try #require(Libpq.shared)
    var generator = Lehmer(state: 0x5eed)
    var found: [String] = []
    var accepted = 0
    for _ in 0..<60_000 {
      let text = mutation(using: &generator)
      if libpq.values(text) != nil { accepted += 1 }
      if let difference = disagreement(libpq, text) { found.append(difference) }
    }
    #expect(found.prefix(10) == [])
    // Both verdicts come often enough to mean something.
    #expect((5_000...55_000).contains(accepted))
  }

  /// A sample with one to four small changes.
  private func mutation(using generator: inout Lehmer) -> String {
    let pieces =
      Array("=&?/@:,[]%'\\ \t#").map(String.init) + [
        "%2F", "%00", "%4", "host", "port=", "user", "postgres://", "password='", "\u{301}", "é",
        "dbname=d", "&sslmode=require", "0", "", "options='-c a=", "application_name=",
      ]
    var scalars = Array((samples.randomElement(using: &generator) ?? "").unicodeScalars)
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      let start = Int.random(in: 0...scalars.count, using: &generator)
      let count = Int.random(in: 0...min(2, scalars.count - start), using: &generator)
      let piece = pieces.randomElement(using: &generator) ?? ""
      scalars.replaceSubrange(start..<start + count, with: piece.unicodeScalars)
    }
    var text = ""
    text.unicodeScalars.append(contentsOf: scalars)
    return text
  }

  /// Whatever is accepted is described by settings that are accepted, and mean the same.
  @Test func mutationsRoundTrip() throws {
    var generator = Lehmer(state: 0xfeed)
    let environment = ["HOME": "/home/u", "PGUSER": "u"]
    var accepted = 0
    for _ in 0..<20_000 {
      let text = mutation(using: &generator)
      guard let first = try? PostgresConfiguration(text, environment: environment) else { continue }
      accepted += 1
      let described = first.settings.map(\.description).joined(separator: " ")
      let again = try PostgresConfiguration(described, environment: [:])
      #expect(
        again.settings.map(\.description) == first.settings.map(\.description),
        "\(text.debugDescription)")
      #expect(again.hosts == first.hosts, "\(text.debugDescription)")
    }
    #expect(accepted > 1_000)
  }

  @Test(
    arguments: [
      ("host=localhost password='it\\'s'", ["host": "localhost", "password": "it's"]),
      ("host='' user=a\\ b", ["host": "", "user": "a b"]),
      ("port = 5  dbname='a b'user=c", ["port": "5", "dbname": "a b", "user": "c"]),
      ("", [:]),
    ] as [(String, [String: String])])
  func keywordsAndValues(text: String, expected: [String: String]) {
    #expect(parsed(text) == expected)
  }

  /// No error repeats what may be a part of a password; a keyword that is unknown is named.
  @Test(arguments: [
    ("host=a password=hunter2 hunter2", "="), ("password='hunter2", "\"password\""),
    ("host=a password=hunter2 prot=1", "\"prot\""), ("postgres://u:hunter2%@h", "%"),
    ("postgres://u:hunter2@[::1", "]"), ("postgres://u:hunter2@h?sslmod=x", "\"sslmod\""),
    ("postgres://u:hunter2@h?password=hunter2=3", "\"password\""),
    ("postgres://u:hunter2@h?hunter2", "name=value"), ("postgres://u:hunter2/x@h/d", "port"),
    ("postgres://u:hunter2@h:99999/d", "port"), ("password=hunter2\0", "NUL"),
    ("postgres://u:hunter2@h?connect_timeout=", "connect_timeout"),
    ("password=hunter2 sslmode=", "sslmode"), ("password=hunter2 keepalives=yes", "keepalives"),
    ("password=hunter2 keepalives_idle=1s", "keepalives_idle"),
    ("password=hunter2 tcp_user_timeout=99999999999", "tcp_user_timeout"),
    ("password=hunter2 max_protocol_version=3.1", "max_protocol_version"),
    ("password=hunter2 min_protocol_version=3.2 max_protocol_version=3.0", "min_protocol_version"),
    ("password=hunter2 scram_client_key=hunter2", "scram_client_key"),
    ("password=hunter2 gssencmode=require", "gssencmode"),
    ("password=hunter2 replication=database", "replication"),
    ("password=hunter2 krbsrvname=x", "krbsrvname"), ("password=hunter2 gsslib=sspi", "gsslib"),
    ("password=hunter2 sslcompression=1", "sslcompression"),
  ])
  func errorsNameTheOptionAndNoSecret(text: String, word: String) {
    let error = #expect(throws: PostgresError.self) {
      _ = try PostgresConfiguration(text, environment: [:])
    }
    #expect(error?.message.contains(word) == true)
    #expect(error?.description.contains("hunter2") == false)
  }

  @Test func whatAsksForNothingIsAccepted() throws {
    let text =
      "gssencmode=disable gssdelegation=0 gsslib=gssapi krbsrvname=postgres replication=off "
      + "sslcompression=0 client_encoding=auto sslkeylogfile=''"
    let parsed = try PostgresConfiguration(text + " host=h", environment: [:])
    #expect(parsed.host == "h")
  }

  @Test func theStringDoesNotExpandItsDatabase() throws {
    let parsed = try PostgresConfiguration("dbname=postgres://h/d", environment: [:])
    #expect(parsed.database == "postgres://h/d")
  }
}
