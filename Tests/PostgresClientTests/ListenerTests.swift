import Foundation
import PostgresClient
import RoostCore
import RoostTesting
import Synchronization
import Testing

/// LISTEN and NOTIFY: names, order, the way back after a loss, and the end.
@Suite(.timeLimit(.minutes(2))) struct ListenerTests {
  private func configuration() async throws -> PostgresConfiguration {
    let server = try await ThrowawayPostgres.shared(.trust)
    return try PostgresConfiguration(server.url(), environment: [:])
  }

  private func options(keepAlive: Duration? = .seconds(30)) -> PostgresListenerOptions {
    var options = PostgresListenerOptions()
    options.keepAlive = keepAlive
    options.firstPause = .milliseconds(10)
    options.longestPause = .milliseconds(200)
    return options
  }

  private func payload(_ event: PostgresNotificationEvent?) -> String? {
    guard case .notification(_, let payload, _) = event else { return nil }
    return payload
  }

  /// Ends the backends that listen under this name; how many there were.
  private func endBackends(_ name: String, _ connection: PostgresConnection) async throws -> Int {
    try await connection.queryOne(
      """
      SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
      WHERE application_name = \(name)
      """, as: Int.self)
  }

  @Test(arguments: ["plain", "Mixed Case", "semi;colon", "quo\"te", "é\u{1F426}", "select"])
  func anyName(_ channel: String) async throws {
    let configuration = try await configuration()
    let listener = try PostgresListener(configuration)
    let events = try await listener.listen(channel).makeAsyncIterator()
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.notify(channel, "a'b\"c\\")
    try await connection.notify(channel)
    var iterator = events
    guard case .notification(let name, let text, let processID) = try await iterator.next() else {
      Issue.record("no notification")
      return
    }
    #expect(name == channel && text == "a'b\"c\\")
    let own = try await connection.queryOne("SELECT pg_backend_pid()", as: Int32.self)
    #expect(processID == own)
    #expect(payload(try await iterator.next()) == "")
    await connection.close()
    await listener.close()
    #expect(try await iterator.next() == nil)
  }

  @Test func namesAndPayloadsThatCannotBe() async throws {
    let configuration = try await configuration()
    let listener = try PostgresListener(configuration)
    let connection = try await PostgresConnection.connect(configuration)
    for bad in ["", "a\0b", String(repeating: "x", count: 64)] {
      var error = await #expect(throws: PostgresError.self) { _ = try await listener.listen(bad) }
      #expect(error?.code == .encoding)
      error = await #expect(throws: PostgresError.self) { try await connection.notify(bad) }
      #expect(error?.code == .encoding)
    }
    var error = await #expect(throws: PostgresError.self) {
      try await connection.notify("a", String(repeating: "x", count: 8_000))
    }
    #expect(error?.code == .server)
    error = await #expect(throws: PostgresError.self) { try await connection.notify("a", "\0") }
    #expect(error?.code == .encoding)
    await listener.close()
    error = await #expect(throws: PostgresError.self) { _ = try await listener.listen("a") }
    #expect(error?.code == .closed)
    await connection.close()
  }

  /// Two texts that only look the same are two channels.
  @Test func channelsAreTheirBytes() async throws {
    let listener = try PostgresListener(try await configuration())
    var composed = try await listener.listen("caf\u{e9}").makeAsyncIterator()
    var decomposed = try await listener.listen("cafe\u{301}").makeAsyncIterator()
    let pool = try PostgresPool(try await configuration())
    try await pool.notify("cafe\u{301}", "two")
    try await pool.notify("caf\u{e9}", "one")
    #expect(payload(try await composed.next()) == "one")
    #expect(payload(try await decomposed.next()) == "two")
    await pool.close()
    await listener.close()
  }

  @Test func manySubscribersInOrder() async throws {
    let configuration = try await configuration()
    let listener = try PostgresListener(configuration)
    let connection = try await PostgresConnection.connect(configuration)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for channel in ["order_a", "order_b", "order_a"] {
        let events = try await listener.listen(channel)
        group.addTask { () async throws in
          var iterator = events.makeAsyncIterator()
          for number in 0..<500 {
            #expect(payload(try await iterator.next()) == "\(channel) \(number)")
          }
        }
      }
      try await connection.transaction { connection in
        for number in 0..<500 {
          for channel in ["order_a", "order_b", "order_c"] {
            try await connection.notify(channel, "\(channel) \(number)")
          }
        }
      }
      try await group.waitForAll()
    }
    await listener.close()
    await connection.close()
  }

  @Test func aLostConnectionComesBackWithAGap() async throws {
    var configuration = try await configuration()
    let connection = try await PostgresConnection.connect(configuration)
    configuration.applicationName = "lost \(UUID())"
    let name = try #require(configuration.applicationName)
    let listener = try PostgresListener(configuration, options: options())
    var first = try await listener.listen("lost_a").makeAsyncIterator()
    var second = try await listener.listen("lost_b").makeAsyncIterator()
    for round in 0..<3 {
      #expect(try await endBackends(name, connection) == 1)
      #expect(try await first.next() == .gap)
      #expect(try await second.next() == .gap)
      try await connection.notify("lost_a", "\(round)")
      try await connection.notify("lost_b", "\(round)")
      #expect(payload(try await first.next()) == "\(round)")
      #expect(payload(try await second.next()) == "\(round)")
    }
    await listener.close()
    await connection.close()
  }

  @Test func theLastSubscriberEndsIt() async throws {
    var configuration = try await configuration()
    let connection = try await PostgresConnection.connect(configuration)
    configuration.applicationName = "last \(UUID())"
    let name = try #require(configuration.applicationName)
    let listener = try PostgresListener(configuration, options: options())
    func backends() async throws -> Int {
      try await connection.queryOne(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = \(name)", as: Int.self)
    }
    for _ in 0..<2 {
      do {
        var events = try await listener.listen("last_a").makeAsyncIterator()
        #expect(try await backends() == 1)
        try await connection.notify("last_a", "x")
        #expect(payload(try await events.next()) == "x")
      }
      // The suite's time limit is the bound.
      while try await backends() > 0 { try await Task.sleep(for: .milliseconds(10)) }
    }
    await listener.close()
    await connection.close()
  }

  @Test func aSlowSubscriberGetsAGap() async throws {
    let configuration = try await configuration()
    var options = options()
    options.bufferLimit = 10
    let listener = try PostgresListener(configuration, options: options)
    var slow = try await listener.listen("slow").makeAsyncIterator()
    var fast = try await listener.listen("slow_end").makeAsyncIterator()
    let connection = try await PostgresConnection.connect(configuration)
    for number in 0..<100 { try await connection.notify("slow", "\(number)") }
    try await connection.notify("slow_end")
    // What came before this has been delivered, as far as there was room.
    #expect(payload(try await fast.next()) == "")
    for number in 0..<10 { #expect(payload(try await slow.next()) == "\(number)") }
    #expect(try await slow.next() == .gap)
    try await connection.notify("slow", "later")
    #expect(payload(try await slow.next()) == "later")
    await listener.close()
    await connection.close()
  }

  @Test func cancelledWaits() async throws {
    let listener = try PostgresListener(try await configuration())
    let events = try await listener.listen("cancelled")
    let task = Task {
      var iterator = events.makeAsyncIterator()
      return try await iterator.next()
    }
    task.cancel()
    let result = await task.result
    #expect(throws: PostgresError.self) { _ = try result.get() }
    await listener.close()
  }

  @Test func whatCannotWorkFailsAtOnce() async throws {
    let nobody = PostgresConfiguration(host: "127.0.0.1", port: 1, user: "u")
    var error = await #expect(throws: PostgresError.self) {
      _ = try await PostgresListener(nobody).listen("a")
    }
    #expect(error?.code == .connectionRefused)
    var configuration = try await configuration()
    configuration.database = "no_such_database"
    error = await #expect(throws: PostgresError.self) {
      _ = try await PostgresListener(configuration).listen("a")
    }
    #expect(error?.code == .unknownDatabase)
    var options = PostgresListenerOptions()
    options.bufferLimit = 0
    #expect(throws: PostgresError.self) { _ = try PostgresListener(nobody, options: options) }
  }

  /// Logs in the first connection, and lets the second fail for good.
  @Test func aPermanentErrorEndsTheSequence() async throws {
    let count = Mutex(0)
    let server = try ScriptedServer { conversation in
      let number = count.withLock { count in
        count += 1
        return count
      }
      guard number == 1 else {
        _ = try conversation.readStartup()
        try conversation.send(
          .errorResponse(
            PostgresServerMessage(
              severity: .fatal, sqlState: .invalidCatalogName, message: "it was dropped")))
        return
      }
      try conversation.logIn()
      try conversation.readRequest()
      try conversation.send(.commandComplete(tag: "LISTEN"), .readyForQuery(.idle))
    }
    let listener = try PostgresListener(server.configuration(), options: options())
    var events = try await listener.listen("a").makeAsyncIterator()
    do {
      _ = try await events.next()
      Issue.record("there is nothing to come")
    } catch {
      #expect(error.code == .unknownDatabase)
    }
    await listener.close()
  }

  /// A server that no longer answers, though the connection stands.
  @Test func aDeadPeerIsNoticed() async throws {
    let count = Mutex(0)
    let server = try ScriptedServer { conversation in
      let number = count.withLock { count in
        count += 1
        return count
      }
      try conversation.logIn()
      try conversation.readRequest()
      try conversation.send(.commandComplete(tag: "LISTEN"), .readyForQuery(.idle))
      guard number > 1 else { return conversation.waitForEnd() }
      // The next one answers, and speaks by itself.
      try conversation.readRequest()
      try conversation.send(
        .emptyQueryResponse, .readyForQuery(.idle),
        .notificationResponse(processID: 7, channel: "a", payload: "back"),
        .notificationResponse(processID: 7, channel: "b", payload: "not asked for"))
      conversation.waitForEnd()
    }
    var options = options(keepAlive: .milliseconds(50))
    options.answerTimeout = .seconds(5)
    let listener = try PostgresListener(server.configuration(), options: options)
    var events = try await listener.listen("a").makeAsyncIterator()
    #expect(try await events.next() == .gap)
    #expect(
      try await events.next() == .notification(channel: "a", payload: "back", processID: 7))
    await listener.close()
  }

  /// In every state that takes time: connecting to a silent server, listening there, waiting, and
  /// between two attempts.
  @Test(arguments: 0..<4) func closingNeverHangs(_ state: Int) async throws {
    let connections = Mutex(0)
    let server = try ScriptedServer { conversation in
      let number = connections.withLock { count in
        count += 1
        return count
      }
      if state == 0 { return conversation.waitForEnd() }
      if number > 1 { return }
      try conversation.logIn()
      if state == 1 { return conversation.waitForEnd() }
      try conversation.readRequest()
      try conversation.send(.commandComplete(tag: "LISTEN"), .readyForQuery(.idle))
      if state == 2 { conversation.waitForEnd() }
    }
    var configuration = server.configuration()
    configuration.connectTimeout = .seconds(3_000)
    var options = options()
    options.answerTimeout = .seconds(3_000)
    options.firstPause = .milliseconds(1)
    options.longestPause = .seconds(3_000)
    let listener = try PostgresListener(configuration, options: options)
    let task = Task { try await listener.listen("a") }
    if state >= 2 {
      var events = try await task.value.makeAsyncIterator()
      let waiting = Task { try await events.next() }
      // A few attempts, so that the pause is long.
      while state == 3, connections.withLock({ $0 }) < 8 { await Task.yield() }
      await listener.close()
      #expect(try await waiting.value == nil)
    } else {
      while connections.withLock({ $0 }) == 0 { await Task.yield() }
      await listener.close()
      let result = await task.result
      #expect(throws: PostgresError.self) { _ = try result.get() }
    }
    await listener.close()
  }

  /// The whole server goes and comes back.
  @Test func aServerThatIsRestarted() async throws {
    let server = try await ThrowawayPostgres.start(.trust)
    defer { server.stop() }
    let configuration = try PostgresConfiguration(server.url(), environment: [:])
    let listener = try PostgresListener(configuration, options: options())
    var events = try await listener.listen("restart").makeAsyncIterator()
    try restart(server)
    #expect(try await events.next() == .gap)
    let connection = try await PostgresConnection.connect(configuration)
    try await connection.notify("restart", "again")
    #expect(payload(try await events.next()) == "again")
    await connection.close()
    await listener.close()
  }

  private func restart(_ server: ThrowawayPostgres) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // The server refuses to run as root; it runs as the owner of its folder.
    process.arguments = [
      "-c",
      """
      owner=$(stat -c %U "$1/data" 2>/dev/null || stat -f %Su "$1/data")
      if [ "$(id -un)" = "$owner" ]; then run=; else run="setpriv --reuid=$owner --clear-groups --"; fi
      $run "$2/pg_ctl" -D "$1/data" -l "$1/log" -m fast -w -t 60 restart >/dev/null 2>&1 </dev/null
      echo $?
      """,
      "restart", server.folder, server.binaries,
    ]
    // The server inherits what Foundation watches to know when a process has ended, and so would
    // keep us waiting; the end of its output comes with the end of the shell.
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    #expect(said == "0\n")
  }
}
