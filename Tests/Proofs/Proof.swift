import Foundation

/// Something that is claimed, and is tried again and again.
package struct Proof: Sendable {
  /// How often to try, and from what the tries follow.
  package struct Request: Sendable {
    package let count: Int
    package let seed: UInt64
    /// What else the command line says.
    package let options: Set<String>
  }

  /// The name on the command line.
  package let name: String
  /// What is tried, in a line.
  package let summary: String
  /// The options that it knows.
  package let options: Set<String>
  /// Makes the tries, and says what was seen. Throws `Violation` at the first that fails.
  package let run: @Sendable (Request) async throws -> String

  init(
    _ name: String, _ summary: String, options: Set<String> = [],
    run: @escaping @Sendable (Request) async throws -> String
  ) {
    self.name = name
    self.summary = summary
    self.options = options
    self.run = run
  }

  /// All proofs. To add one is to write it and to name it here.
  package static let all: [Proof] = [
    .powerLoss, .mutations, .damage, .faults, .kills, .powerCuts, .differential, .histories,
  ]
}

/// A claim that does not hold.
package struct Violation: Error, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

/// Throws `Violation` unless the condition holds.
func require(_ condition: Bool, _ what: @autoclosure () -> String) throws(Violation) {
  if !condition { throw Violation(what()) }
}
