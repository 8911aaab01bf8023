import RoostCore
import Testing

@Suite struct ProcessorsTests {
  @Test func noMoreThanThereAreAndAtLeastOne() {
    let there = sysconf(Int32(_SC_NPROCESSORS_CONF))
    #expect((1...max(there, 1)).contains(Processors.usableCount))
  }
}
