package import Roost

/// Conflicts on purpose: one writer never has any, so a program that is tried on an embedded
/// backend only would meet its first `serializationFailure` in production.
package struct Chaos: Sendable {
  /// How many of a hundred transactions fail before they commit.
  private let percent: Int

  /// Takes the URL parameter `chaos`, a number from 0 to 100; 0 when it is not there.
  /// - Throws: `invalidConfiguration`.
  package init(_ url: inout BackendURL) throws(StoreError) {
    guard let text = url.take("chaos") else {
      percent = 0
      return
    }
    guard let percent = Int(text), (0...100).contains(percent) else {
      throw StoreError(.invalidConfiguration, "chaos=\(text) is no number from 0 to 100")
    }
    self.percent = percent
  }

  /// No chaos.
  package static let none = Chaos(percent: 0)

  private init(percent: Int) {
    self.percent = percent
  }

  /// - Throws: `serializationFailure`, as often as was asked for.
  func strike() throws(StoreError) {
    guard percent > 0, Int.random(in: 1...100) <= percent else { return }
    throw StoreError(.serializationFailure, "chaos: the transaction is to run again")
  }
}
