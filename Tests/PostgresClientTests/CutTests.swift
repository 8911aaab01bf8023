import PostgresClient
import RoostCore
import RoostTesting
import Testing

/// A whole session against faults at every byte: what comes is right, or a typed error; nothing
/// traps, nothing hangs, and what has failed is not used again.
@Suite(.timeLimit(.minutes(3))) struct CutTests {
  private func run(
    client: WireFaults = WireFaults(), server: WireFaults = WireFaults()
  ) async -> (ScriptedSteps.Run, MemoryTransport.Counts) {
    let transport = MemoryTransport(ScriptedSteps.session, client: client, server: server)
    let run = await ScriptedSteps.run {
      try await PostgresConnection.connect(ScriptedSteps.configuration, transport: transport)
    }
    return (run, transport.counts)
  }

  private func reference() async -> (outcomes: [ScriptedSteps.Outcome], MemoryTransport.Counts) {
    let (run, counts) = await run()
    #expect(run.surprises == [])
    return (run.outcomes, counts)
  }

  @Test func withoutFaults() async {
    let rows =
      #"[(1, Optional("one")), (2, nil), (-3, Optional("three, and a bit more"))]"#
    let (outcomes, counts) = await reference()
    #expect(outcomes.map(\.name).last == "rows at last")
    #expect(outcomes.first?.value == rows)
    #expect(outcomes.last?.value == rows)
    #expect(outcomes.compactMap(\.sqlState?.rawValue) == ["22012", "22012"])
    #expect(counts.fromServer > 1_000 && counts.fromClient > 800)
  }

  @Test(arguments: [1, 2, 3, 7])
  func slices(_ byteCount: Int) async {
    let (expected, counts) = await reference()
    var faults = WireFaults()
    faults.sliceByteCount = byteCount
    let (run, sliced) = await run(client: faults, server: faults)
    #expect(run.outcomes == expected)
    #expect(run.surprises == [])
    // Of the good-bye, nobody waits for what does not go out at once.
    #expect(sliced.fromServer == counts.fromServer)
  }

  /// The steps up to the cut gave what they should; the one in which it fell failed by a code that
  /// says so; a COMMIT that was on its way may have happened.
  private func judge(
    _ run: ScriptedSteps.Run, _ expected: [ScriptedSteps.Outcome], _ place: String
  ) {
    #expect(run.surprises == [], "\(place)")
    guard run.wasClosed, let last = run.outcomes.last else {
      // The cut fell behind all that was waited for.
      #expect(run.outcomes == expected, "\(place)")
      return
    }
    #expect(run.outcomes.dropLast().elementsEqual(expected.prefix(run.outcomes.count - 1)))
    #expect(last.code == (last.name == "commit" ? .outcomeUnknown : .closed), "\(place): \(last)")
  }

  @Test func aCutAtEveryByteOfTheServers() async {
    let (expected, counts) = await reference()
    for place in 0...counts.fromServer {
      var faults = WireFaults()
      faults.cutAfterByteCount = place
      let (run, _) = await run(server: faults)
      judge(run, expected, "\(place)")
      #expect(run.wasClosed == (place < counts.fromServer), "\(place)")
    }
  }

  @Test func aCutAtEveryByteOfTheClients() async {
    let (expected, counts) = await reference()
    for place in 0...counts.fromClient {
      var faults = WireFaults()
      faults.cutAfterByteCount = place
      judge(await run(client: faults).0, expected, "\(place)")
    }
  }

  /// There is no checksum: a value may be another, or a step fail. Nothing else may happen.
  @Test func aFlippedBitInEveryByte() async {
    let (_, counts) = await reference()
    for place in 0..<counts.fromServer {
      for bit in [place % 8, (place + 5) % 8] {
        var faults = WireFaults()
        faults.flip = (place, bit)
        #expect(await run(server: faults).0.surprises == [], "\(place), bit \(bit)")
      }
    }
  }

  @Test func garbageFromEveryByteOn() async {
    let (expected, counts) = await reference()
    for place in 0..<counts.fromServer {
      var faults = WireFaults()
      faults.garbage = (place, 7)
      let (run, _) = await run(server: faults)
      #expect(run.surprises == [], "\(place)")
      #expect(run.outcomes != expected, "\(place)")
    }
  }
}
