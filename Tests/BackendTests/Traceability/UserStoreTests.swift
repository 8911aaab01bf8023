import Foundation
import Roost
import RoostSystems
import Testing

/// Users and their passwords. Few iterations, since most of the time would go there.
@Suite(.timeLimit(.minutes(15))) struct UserStoreTests {
  private static let password = Password("correct horse battery staple")

  private func withUsers(
    _ backend: TestBackend, _ body: (UserStore) async throws -> Void
  ) async throws {
    try await Traceability.withStore(backend) {
      try await body(UserStore($0, hashing: PasswordHashing(iterations: 10)))
    }
  }

  private func storedHash(_ users: UserStore, _ user: User) async throws -> String {
    let rows = try await users.store.backend.query(
      Query(
        table: "users",
        filter: .comparison(.equal, .column("user_id"), .literal(.uuid(user.userID))),
        columns: ["password_hash"]))
    return String(value: try #require(rows.first?.first)) ?? ""
  }

  private func overwriteHash(_ users: UserStore, _ user: User, _ hash: String) async throws {
    _ = try await users.store.backend.apply([
      .update(
        .init(
          table: "users", assignments: [.init("password_hash", .literal(.text(hash)))],
          filter: .comparison(.equal, .column("user_id"), .literal(.uuid(user.userID)))))
    ])
  }

  @Test(arguments: TestBackend.allCases)
  func registered(_ backend: TestBackend) async throws {
    try await withUsers(backend) { users in
      let ana = try await users.register(
        username: "Ana", email: "Ana@farm.example", password: Self.password)
      #expect(ana.tier == .basic && ana.workspaceID != nil && ana.createdAt != nil)
      #expect(try await users.find(ana.userID) == ana)
      #expect(try await users.find(username: "aNA") == ana)
      #expect(try await users.find(email: "ana@FARM.example") == ana)
      #expect(try await users.find(username: "An_") == nil, "no pattern")
      let refused: [(String, String, String)] = [
        ("ana", "other@farm.example", "uniqueViolation users_username_key"),
        ("other", "ANA@farm.example", "uniqueViolation users_email_key"),
        ("two words", "a@b", "checkViolation users_username_form"),
        ("other", "nobody", "checkViolation users_email_form"),
      ]
      for (name, email, expected) in refused {
        let outcome = await Traceability.outcome {
          try await users.register(username: name, email: email, password: Self.password)
        }
        #expect(outcome == expected)
      }
      let empty = await Traceability.outcome {
        try await users.register(username: "x", email: "x@y", password: Password(""))
      }
      #expect(empty == "invalidValue")

      let workspace = try #require(ana.workspaceID)
      let rui = try await users.register(
        username: "rui", email: "rui@farm.example", password: Self.password, tier: .enterprise,
        workspace: workspace)
      let people = try await users.users(in: workspace).records
      #expect(Set(people.map(\.userID)) == [ana.userID, rui.userID])
      #expect(try await users.setTier(of: ana.userID, to: .admin).tier == .admin)
      #expect(
        try await users.setEmail(of: ana.userID, to: "ana@x.example").email == "ana@x.example")
      let elsewhere = UUID()
      #expect(try await users.move(rui.userID, to: elsewhere).workspaceID == elsewhere)
      #expect(
        await Traceability.outcome { try await users.setTier(of: UUID(), to: .basic) }
          == "notFound")
      #expect(try await users.remove(rui.userID))
      #expect(try await !users.remove(rui.userID))
    }
  }

  @Test(arguments: TestBackend.allCases)
  func signedIn(_ backend: TestBackend) async throws {
    try await withUsers(backend) { users in
      let ana = try await users.register(
        username: "ana", email: "ana@farm.example", password: Password("caf\u{e9} ﬁne"))
      // The same text as another keyboard writes it.
      let typed = Password("cafe\u{301} fine")
      #expect(try await users.signIn(username: "ANA", password: typed) == ana)
      #expect(try await users.signIn(username: "ana", password: Password("cafe fine")) == nil)
      #expect(try await users.signIn(username: "nobody", password: typed) == nil)
      let hash = try await storedHash(users, ana)
      #expect(
        hash.wholeMatch(of: /pbkdf2-sha256\$10\$[A-Za-z0-9+\/]{22}==\$[A-Za-z0-9+\/]{43}=/) != nil)

      try await users.setPassword(of: ana.userID, to: Self.password)
      #expect(try await users.signIn(username: "ana", password: typed) == nil)
      #expect(try await users.signIn(username: "ana", password: Self.password) != nil)
      #expect(try await storedHash(users, ana) != hash)
    }
  }

  @Test(arguments: TestBackend.allCases)
  func hashesAreRenewed(_ backend: TestBackend) async throws {
    try await withUsers(backend) { users in
      let ana = try await users.register(
        username: "ana", email: "ana@farm.example", password: Self.password)
      #expect(
        try await users.verify(username: "ana", password: Self.password)?.needsRehash == false)
      let stronger = UserStore(users.store, hashing: PasswordHashing(iterations: 20))
      let verified = try #require(
        try await stronger.verify(username: "ana", password: Self.password))
      #expect(verified.needsRehash)
      #expect(try await stronger.signIn(username: "ana", password: Self.password) != nil)
      #expect(try await storedHash(users, ana).hasPrefix("pbkdf2-sha256$20$"))
      #expect(
        try await stronger.verify(username: "ana", password: Self.password)?.needsRehash == false)
      // Fewer iterations than are stored are no reason.
      #expect(
        try await users.verify(username: "ana", password: Self.password)?.needsRehash == false)

      // A password that was changed after the verification is not brought back.
      try await stronger.setPassword(of: ana.userID, to: Password("new"))
      try await stronger.rehash(verified)
      #expect(try await stronger.signIn(username: "ana", password: Self.password) == nil)
      #expect(try await stronger.signIn(username: "ana", password: Password("new")) != nil)
    }
  }

  /// RFC 7914, section 11, has PBKDF2-HMAC-SHA-256's vectors: a hash that was made elsewhere is
  /// understood, and one that is damaged or would take for ever is not.
  @Test(arguments: TestBackend.allCases)
  func foreignAndDamagedHashes(_ backend: TestBackend) async throws {
    try await withUsers(backend) { users in
      let ana = try await users.register(
        username: "ana", email: "ana@farm.example", password: Self.password)
      let hash = Data([
        0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16, 0x91, 0xc2, 0x25, 0x44, 0xb6,
        0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65, 0xe6, 0x8b, 0x9d, 0x57, 0xc2, 0x0d,
        0xac, 0xbc,
      ]).base64EncodedString()
      let salt = Data("salt".utf8).base64EncodedString()
      try await overwriteHash(users, ana, "pbkdf2-sha256$1$\(salt)$\(hash)")
      let verified = try await users.verify(username: "ana", password: Password("passwd"))
      #expect(verified?.needsRehash == true)
      #expect(try await users.verify(username: "ana", password: Password("passwe")) == nil)

      let most = PasswordHashing.maximumIterations
      for damaged in [
        "pbkdf2-sha256$\(most + 1)$\(salt)$\(hash)", "pbkdf2-sha256$0$\(salt)$\(hash)",
        "pbkdf2-sha256$x$\(salt)$\(hash)", "pbkdf2-sha256$1$*$\(hash)",
        "pbkdf2-sha256$1$\(salt)$\(salt)", "pbkdf2-sha256$1$\(salt)$\(hash)$",
      ] {
        try await overwriteHash(users, ana, damaged)
        let outcome = await Traceability.outcome {
          _ = try await users.verify(username: "ana", password: Password("passwd"))
        }
        #expect(outcome == "corrupted password_hash", "\(damaged)")
      }
      let plain = await Traceability.outcome { try await overwriteHash(users, ana, "passwd") }
      #expect(plain == "checkViolation users_password_hash_form")
    }
    #expect(PasswordHashing().iterations == 600_000)
    #expect(PasswordHashing(iterations: -1).iterations == 1)
    #expect(PasswordHashing(iterations: .max).iterations == PasswordHashing.maximumIterations)
  }

  /// Neither password nor hash is in what a program may log or send.
  @Test(arguments: TestBackend.allCases)
  func nothingLeaks(_ backend: TestBackend) async throws {
    try await withUsers(backend) { users in
      let ana = try await users.register(
        username: "ana", email: "ana@farm.example", password: Self.password)
      let hash = try await storedHash(users, ana)
      let digest = try #require(hash.split(separator: "$").last).description
      var texts = ["\(Self.password)", String(reflecting: Self.password)]
      var dumped = ""
      dump(Self.password, to: &dumped)
      dump(ana, to: &dumped)
      let verified = try await users.verify(username: "ana", password: Self.password)
      dump(verified, to: &dumped)
      texts += [dumped, "\(ana)", String(reflecting: ana)]
      texts.append(String(decoding: try JSONEncoder().encode(ana), as: UTF8.self))
      for (name, email) in [("ana", "b@c"), ("a b", "b@c")] {
        do {
          try await users.register(username: name, email: email, password: Self.password)
          Issue.record("\(name) was accepted")
        } catch {
          texts += ["\(error)", String(reflecting: error)]
        }
      }
      try await overwriteHash(users, ana, "pbkdf2-sha256$1$secretsalt$secrethash")
      do {
        _ = try await users.verify(username: "ana", password: Self.password)
        Issue.record("a damaged hash was accepted")
      } catch {
        texts.append(String(reflecting: error))
      }
      for text in texts {
        #expect(!text.contains("battery") && !text.contains(digest) && !text.contains("secret"))
        #expect(!text.isEmpty)
      }
    }
  }

  @Test(arguments: TestBackend.allCases)
  func registeredAtOnce(_ backend: TestBackend) async throws {
    try await withUsers(backend) { users in
      let outcomes = await Traceability.outcomes(8) { number in
        try await users.register(
          username: number % 2 == 0 ? "ana" : "ANA", email: "\(number)@farm.example",
          password: Self.password)
      }
      #expect(outcomes == ["done": 1, "uniqueViolation users_username_key": 7])
    }
  }
}
