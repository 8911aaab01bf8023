import Foundation

/// Keys and certificates for tests of TLS, made by the `openssl` command in a folder.
///
/// `root` is an authority, and `other` one that nobody trusts. `root` has issued `server`
/// (localhost and 127.0.0.1), `elsewhere` (another host), `wildcard`, `expired`, `strong` (signed
/// with SHA-384) and `client` (the cluster's superuser); `locked.key` is the client's key with a
/// passphrase. `self` (signed with SHA-1) and `edwards` (Ed25519) are issued by themselves.
/// `none.crl` revokes nothing, `server.crl` the server's certificate. Each is `NAME.crt` and
/// `NAME.key`.
package struct TestCertificates: Sendable {
  /// The folder of the files.
  package let folder: String
  /// The passphrase of `locked.key`.
  package static let passphrase = "sesame 1"

  /// A file's path.
  package func path(_ name: String) -> String { "\(folder)/\(name)" }

  /// Makes them in a new folder.
  ///
  /// Throws `ThrowawayPostgresError` when the command is missing or fails.
  package static func make(in folder: String) throws -> TestCertificates {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", script, "roost-test-certificates", folder, passphrase]
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let said = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw ThrowawayPostgresError(
        message: "the `openssl` command, which comes with Debian's postgresql through ssl-cert, is "
          + "missing or failed: \(String(decoding: said.suffix(1_000), as: UTF8.self))")
    }
    return TestCertificates(folder: folder)
  }

  private static let script = #"""
    set -e
    cd "$1"
    ec="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
    authority() {
      openssl req -x509 $ec -keyout "$1.key" -out "$1.crt" -days 3650 -subj "/CN=Roost $1" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
    }
    # name, subject, alternative names, then options
    issue() {
      name=$1 subject=$2 names=$3
      shift 3
      openssl req -new $ec -keyout "$name.key" -out "$name.csr" -subj "/CN=$subject"
      printf 'subjectAltName=%s\n' "$names" >"$name.ext"
      openssl x509 -req -in "$name.csr" -CA root.crt -CAkey root.key -CAcreateserial \
        -out "$name.crt" -extfile "$name.ext" "$@"
    }
    authority root
    authority other
    issue server localhost DNS:localhost,IP:127.0.0.1 -days 3650
    issue elsewhere elsewhere DNS:elsewhere.example -days 3650
    issue wildcard wildcard 'DNS:*.example.test,DNS:par*.example.test' -days 3650
    issue expired localhost DNS:localhost,IP:127.0.0.1 -days -1
    issue strong localhost DNS:localhost -days 3650 -sha384
    issue client roost email:roost@example.test -days 3650
    openssl req -x509 $ec -keyout self.key -out self.crt -days 3650 -subj /CN=localhost -sha1
    openssl req -x509 -newkey ed25519 -nodes -keyout edwards.key -out edwards.crt -days 3650 \
      -subj /CN=localhost
    openssl ec -in client.key -aes256 -passout "pass:$2" -out locked.key
    : >index.txt
    printf '%s\n' '[ca]' default_ca=c '[c]' database=index.txt default_md=sha256 \
      default_crl_days=3650 >ca.conf
    openssl ca -config ca.conf -cert root.crt -keyfile root.key -gencrl -out none.crl
    openssl ca -config ca.conf -cert root.crt -keyfile root.key -revoke server.crt
    openssl ca -config ca.conf -cert root.crt -keyfile root.key -gencrl -out server.crl
    chmod 600 *.key
    """#
}
