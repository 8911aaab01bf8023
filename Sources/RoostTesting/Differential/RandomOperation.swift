import Roost
import RoostCore
import Synchronization

/// One operation with a name that says all of it.
struct RandomOperation: Sendable {
  /// What runs inside a transaction or on the store itself.
  typealias Step = @Sendable (any RecordSession) async throws -> String

  let name: String
  private let kind: Kind
  private let wasError = Flag()

  private enum Kind: Sendable {
    case plain(Step)
    case transaction([TransactionPart], fails: Bool)
  }

  /// A step of a transaction, or some in a savepoint.
  enum TransactionPart: Sendable {
    case step(RandomOperation)
    case savepoint([RandomOperation], fails: Bool)
  }

  init(_ name: String, _ step: @escaping Step) {
    self.name = name
    kind = .plain(step)
  }

  init(transaction parts: [TransactionPart], fails: Bool) {
    let names = parts.map { part in
      switch part {
      case .step(let operation): operation.name
      case .savepoint(let steps, let fails):
        "savepoint\(fails ? " that fails" : "") {\(steps.map(\.name).joined(separator: "; "))}"
      }
    }
    name = "transaction\(fails ? " that fails" : "") {\n  \(names.joined(separator: "\n  "))\n}"
    kind = .transaction(parts, fails: fails)
  }

  /// Whether the last answer was an error.
  var answerIsError: Bool { wasError.value }

  /// The answer or the error of a store.
  func answer(_ store: Store) async -> String {
    let text = await Self.text {
      switch kind {
      case .plain(let step): return try await step(store)
      case .transaction(let parts, let fails):
        return try await store.transaction { transaction in
          var answers: [String] = []
          for part in parts { answers.append(await part.answer(transaction)) }
          if fails { throw Failed(answers: answers) }
          return answers.joined(separator: " | ")
        }
      }
    }
    wasError.set(text.hasPrefix("error"))
    return text
  }

  /// The answer or the error within a transaction; an error leaves the transaction doomed.
  func answer(in session: any RecordSession) async -> String {
    guard case .plain(let step) = kind else { return "error: a transaction in a transaction" }
    return await Self.text { try await step(session) }
  }

  /// The code and the constraint are to be equal, the words are not.
  static func text(_ body: () async throws -> String) async -> String {
    do {
      return try await body()
    } catch let error as StoreError {
      return "error \(error.code) \(error.constraint ?? "")"
    } catch let failed as Failed {
      return "error of its own: " + failed.answers.joined(separator: " | ")
    } catch {
      return "error \(error)"
    }
  }

  /// An account without what its store gave it.
  static func text(_ account: Account) -> String {
    "account \(account.name ?? "") \(account.email ?? "-") \(account.age ?? -1) "
      + "\(account.visits ?? -1)"
  }
}

extension RandomOperation.TransactionPart {
  fileprivate func answer(_ transaction: Transaction) async -> String {
    switch self {
    case .step(let operation): return await operation.answer(in: transaction)
    case .savepoint(let steps, let fails):
      return await RandomOperation.text {
        try await transaction.savepoint {
          var answers: [String] = []
          for step in steps { answers.append(await step.answer(in: transaction)) }
          if fails { throw Failed(answers: answers) }
          return "[" + answers.joined(separator: " | ") + "]"
        }
      }
    }
  }
}

/// The error of a transaction that is meant to fail.
private struct Failed: Error {
  var answers: [String]
}

private final class Flag: Sendable {
  private let state = Mutex(false)

  var value: Bool { state.withLock { $0 } }

  func set(_ value: Bool) {
    state.withLock { $0 = value }
  }
}
