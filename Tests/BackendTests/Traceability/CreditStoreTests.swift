import Foundation
import Roost
import RoostSystems
import Testing

/// The ledger: never below zero, nothing charged twice, and always the sum of its bookings.
@Suite(.timeLimit(.minutes(15))) struct CreditStoreTests {
  private let user = UUID()

  private func withCredits(
    _ backend: TestBackend, _ body: (CreditStore) async throws -> Void
  ) async throws {
    try await Traceability.withStore(backend) { try await body(CreditStore($0)) }
  }

  @Test(arguments: TestBackend.allCases)
  func booked(_ backend: TestBackend) async throws {
    try await withCredits(backend) { credits in
      let user = user
      #expect(try await credits.balance(of: user) == 0)
      #expect(try await credits.isBalanced(user))
      let first = try await credits.credit(100, to: user, reason: "purchase", reference: "inv-1")
      #expect(first.amount == 100 && first.balanceAfter == 100 && first.reference == "inv-1")
      let second = try await credits.debit(
        try #require(Numeric("0.25")), from: user, reason: "certificate")
      #expect("\(second.amount)" == "-0.25" && "\(second.balanceAfter)" == "99.75")
      let tooMuch = await Traceability.outcome {
        try await credits.debit(100, from: user, reason: "pull")
      }
      #expect(tooMuch == "insufficientCredits")
      let nothing = UUID()
      let fromNothing = await Traceability.outcome {
        try await credits.debit(1, from: nothing, reason: "pull")
      }
      #expect(fromNothing == "insufficientCredits")
      for amount in ["0", "-1", "0.001", "NaN", "Infinity"] {
        let number = try #require(Numeric(amount))
        for outcome in [
          await Traceability.outcome { try await credits.credit(number, to: user, reason: "x") },
          await Traceability.outcome { try await credits.debit(number, from: user, reason: "x") },
        ] {
          #expect(outcome == "invalidValue amount", "\(amount)")
        }
      }
      let huge = await Traceability.outcome {
        try await credits.credit(9_999_999_999_999, to: user, reason: "x")
      }
      #expect(huge == "valueOutOfRange balance")
      let blank = await Traceability.outcome {
        try await credits.credit(1, to: user, reason: " ")
      }
      #expect(blank == "checkViolation credit_transactions_reason_not_blank")
      #expect("\(try await credits.balance(of: user))" == "99.75", "failures change nothing")
      let pages = try await Traceability.pages {
        try await credits.transactions(of: user, size: 1, after: $0)
      }
      #expect(pages == [[second], [first]])
      #expect(try await credits.isBalanced(user))
    }
  }

  @Test(arguments: TestBackend.allCases)
  func retriedChargesAreOne(_ backend: TestBackend) async throws {
    try await withCredits(backend) { credits in
      let user = user
      try await credits.credit(100, to: user, reason: "purchase")
      let first = try await credits.debit(30, from: user, reason: "pull", idempotencyKey: "k1")
      let again = try await credits.debit(30, from: user, reason: "pull", idempotencyKey: "k1")
      #expect(first == again)
      let other = await Traceability.outcome {
        try await credits.debit(31, from: user, reason: "pull", idempotencyKey: "k1")
      }
      #expect(other == "uniqueViolation credit_transactions_user_id_idempotency_key_key")
      let kept = await Traceability.outcome {
        try await credits.credit(30, to: user, reason: "pull", idempotencyKey: "k1")
      }
      #expect(kept == "uniqueViolation credit_transactions_user_id_idempotency_key_key")
      let neighbour = UUID()
      try await credits.credit(5, to: neighbour, reason: "x", idempotencyKey: "k1")
      // Sent twenty times at once, booked once; also when it takes all that is left.
      let outcomes = await Traceability.outcomes(20) { _ in
        try await credits.debit(70, from: user, reason: "pull", idempotencyKey: "k2")
      }
      #expect(outcomes == ["done": 20])
      #expect(try await credits.balance(of: user) == 0)
      #expect(try await credits.transactions(of: user).records.count == 3)
      #expect(try await credits.isBalanced(user))
    }
  }

  @Test(arguments: TestBackend.allCases)
  func concurrentDebits(_ backend: TestBackend) async throws {
    try await withCredits(backend) { credits in
      let user = user
      try await credits.credit(40, to: user, reason: "purchase")
      let outcomes = await Traceability.outcomes(100) { number in
        try await credits.debit(1, from: user, reason: "pull", idempotencyKey: "pull-\(number)")
      }
      #expect(outcomes == ["done": 40, "insufficientCredits": 60])
      #expect(try await credits.balance(of: user) == 0)
      #expect(try await credits.isBalanced(user))
      let entries = try await credits.transactions(of: user).records
      #expect(entries.map(\.balanceAfter) == (0...40).map { Numeric($0) }, "no gap, none twice")
    }
  }

  /// First bookings at once: the account is made by one of them.
  @Test(arguments: TestBackend.allCases)
  func firstBookingsAtOnce(_ backend: TestBackend) async throws {
    try await withCredits(backend) { credits in
      let user = user
      let outcomes = await Traceability.outcomes(16) { _ in
        try await credits.credit(1, to: user, reason: "grant")
      }
      #expect(outcomes == ["done": 16])
      let balance = try await credits.balance(of: user)
      #expect(balance == 16)
      #expect(try await credits.isBalanced(user))
    }
  }
}
