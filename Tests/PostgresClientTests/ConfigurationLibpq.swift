import Foundation
import RoostCore

/// libpq, opened at run time to be compared with.
struct Libpq: @unchecked Sendable {
  private typealias Parse =
    @convention(c) (
      UnsafePointer<CChar>, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    ) -> UnsafeMutableRawPointer?
  private typealias Defaults = @convention(c) () -> UnsafeMutableRawPointer?
  private typealias Free = @convention(c) (UnsafeMutableRawPointer?) -> Void
  private typealias Connect =
    @convention(c) (UnsafePointer<CChar>) -> UnsafeMutableRawPointer?
  private typealias Password =
    @convention(c) (UnsafeMutableRawPointer?) -> UnsafePointer<CChar>?
  private typealias Version = @convention(c) () -> Int32

  private let parse: Parse
  private let free: Free
  private let connect: Connect
  private let password: Password
  private let finish: Free
  let version: Int32
  /// The keywords that this version knows.
  let keywords: Set<String>

  /// Nothing is changed after this, which is why it is `Sendable`: libpq keeps no state but that of
  /// connections.
  static let shared = Libpq()

  private init?() {
    let names = ["libpq.so.5", "libpq.5.dylib"]
    guard let library = names.lazy.compactMap({ dlopen($0, RTLD_NOW) }).first,
      let parse = dlsym(library, "PQconninfoParse"), let free = dlsym(library, "PQconninfoFree"),
      let defaults = dlsym(library, "PQconndefaults"), let version = dlsym(library, "PQlibVersion"),
      let connect = dlsym(library, "PQconnectStart"), let password = dlsym(library, "PQpass"),
      let finish = dlsym(library, "PQfinish")
    else { return nil }
    self.connect = unsafeBitCast(connect, to: Connect.self)
    self.password = unsafeBitCast(password, to: Password.self)
    self.finish = unsafeBitCast(finish, to: Free.self)
    self.parse = unsafeBitCast(parse, to: Parse.self)
    self.free = unsafeBitCast(free, to: Free.self)
    self.version = unsafeBitCast(version, to: Version.self)()
    let options = unsafeBitCast(defaults, to: Defaults.self)()
    keywords = Set(Self.options(options).map(\.keyword))
    self.free(options)
  }

  /// The values by keyword, nil when the text is refused; bytes, since libpq takes any.
  func values(_ text: String) -> [String: [UInt8]]? {
    guard let options = parse(text, nil) else { return nil }
    defer { free(options) }
    var values: [String: [UInt8]] = [:]
    for option in Self.options(options) { values[option.keyword] = option.value }
    return values
  }

  /// The password that a connection would use, empty when there is none; nobody listens where it
  /// goes.
  func password(_ text: String) -> String {
    let connection = connect(text)
    defer { finish(connection) }
    return password(connection).map { String(cString: $0) } ?? ""
  }

  /// `PQconninfoOption` is six pointers, of which the first is the keyword and the fourth the
  /// value, and a number.
  private static func options(
    _ list: UnsafeMutableRawPointer?
  ) -> [(keyword: String, value: [UInt8]?)] {
    var options: [(String, [UInt8]?)] = []
    guard var next = list else { return options }
    while let keyword = next.load(as: UnsafePointer<CChar>?.self) {
      let value = next.load(fromByteOffset: 24, as: UnsafePointer<CChar>?.self)
      let bytes = value.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) }
      options.append((String(cString: keyword), bytes))
      next += 56
    }
    return options
  }
}

/// A small generator whose numbers a seed repeats (L'Ecuyer, 1999).
struct Lehmer: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 0xd134_2543_de82_ef95 &+ 1
    return (state >> 32) | (state << 32)
  }
}
