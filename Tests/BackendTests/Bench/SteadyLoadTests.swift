import Roost
import RoostBench
import Testing

/// A load that a small server has, for a while: nothing fails, nothing grows. `Benchmarks` has the
/// same for longer, with its times.
@Suite(.timeLimit(.minutes(15))) struct SteadyLoadTests {
  @Test(arguments: [TestBackend.file, .postgres]) func twentySeconds(backend: TestBackend)
    async throws
  {
    try await withSystem(backend, [.bench]) { store in
      var load = SteadyLoad()
      load.perSecond = 500
      let report = try await load.run(on: store)
      #expect(report.operations == 10_000)
      #expect(report.failures == [:])
      #expect(await store.health() == .ready)
      // Other tests share the process: what counts is that nothing piles up with the operations.
      #expect(report.kibibytes.late < report.kibibytes.early + 400_000)
      #expect(report.descriptors.late < report.descriptors.early + 400)
    }
  }
}
