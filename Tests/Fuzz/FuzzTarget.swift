/// A decoder, and what must hold whatever bytes it is given.
package struct FuzzTarget: Sendable {
  /// What the target does with an input.
  package typealias Body = @Sendable (UnsafeRawBufferPointer) throws -> Void

  /// The name, on the command line and of its corpus.
  package let name: String
  /// What the decoder may take beside a multiple of its input, in bytes: buffers of a fixed size.
  package let allowance: Int
  /// How many times its input the decoder may take.
  package let factor: Int
  /// The decoder alone, whose memory is measured; it throws away what it gets.
  package let decode: Body
  /// The decoder with its properties, such as a round trip. Throws `Violation` where one is broken.
  package let check: Body

  init(
    _ name: String, allowance: Int = 8 << 10, factor: Int = 16, decode: @escaping Body,
    check: @escaping Body
  ) {
    self.name = name
    self.allowance = allowance
    self.factor = factor
    self.decode = decode
    self.check = check
  }

  /// A target without a property beyond those that hold for all: no trap, no hang, little memory.
  init(_ name: String, allowance: Int = 8 << 10, _ decode: @escaping Body) {
    self.init(name, allowance: allowance, decode: decode, check: { _ in })
  }

  /// All targets.
  package static let all: [FuzzTarget] =
    messages + values + copy + authentication + sessions + texts

  /// The target with this name.
  package static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }

  /// Gives the target an input.
  package func run(_ input: UnsafeRawBufferPointer) throws {
    try decode(input)
    try check(input)
  }
}

/// A property that does not hold.
package struct Violation: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// Throws `Violation` unless the condition holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws {
  if !condition { throw Violation(what()) }
}

/// Throws `Violation` when there is no value where there has to be one.
func unwrap<T>(_ value: T?, _ what: @autoclosure () -> String) throws -> T {
  guard let value else { throw Violation(what()) }
  return value
}

/// Runs what must not throw here, although it may elsewhere.
func mustSucceed<T>(_ what: @autoclosure () -> String, _ body: () throws -> T) throws -> T {
  do {
    return try body()
  } catch {
    throw Violation("\(what()): \(error)")
  }
}

/// Takes choices from the front of an input; the rest is what is decoded.
struct Choices {
  private(set) var rest: UnsafeRawBufferPointer

  init(_ input: UnsafeRawBufferPointer) {
    rest = input
  }

  /// The next byte, 0 at the end.
  mutating func byte() -> UInt8 {
    guard let first = rest.first else { return 0 }
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
    return first
  }

  /// The bytes up to the next zero byte, or all.
  mutating func part() -> UnsafeRawBufferPointer {
    let part = rest.prefix { $0 != 0 }
    let next = rest[part.endIndex...].dropFirst()
    rest = UnsafeRawBufferPointer(rebasing: next)
    return UnsafeRawBufferPointer(rebasing: part)
  }
}
