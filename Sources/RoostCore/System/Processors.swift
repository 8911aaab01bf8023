/// The processors that this process may use.
package enum Processors {
  #if canImport(Darwin)
    /// On how many processors the calling thread may run.
    package static var usableCount: Int { max(sysconf(_SC_NPROCESSORS_ONLN), 1) }
  #else
    /// Room for a set of 1,024 processors, as the C library's own type has it.
    private typealias ProcessorSet = InlineArray<16, UInt64>

    /// On how many processors the calling thread may run: those that there are, less those from
    /// which an affinity or a container keeps it. 1 at least.
    package static var usableCount: Int {
      var set = ProcessorSet(repeating: 0)
      let result = withUnsafeMutableBytes(of: &set) { bytes in
        bytes.baseAddress.flatMap { LinuxCalls.getAffinity?(0, bytes.count, $0) } ?? -1
      }
      var count = 0
      for index in set.indices { count += set[index].nonzeroBitCount }
      // On a machine with more processors the set is too small; then it does not matter how many.
      return result == 0 ? max(count, 1) : max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)
    }
  #endif
}
