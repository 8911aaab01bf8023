/// Calls of Linux that the C library hides from who does not ask for GNU's extensions, which Swift
/// cannot; each is nil where it is linked in such a way that it cannot be looked up.
enum LinuxCalls {
  #if !canImport(Darwin)
    typealias GetAffinity = @convention(c) (pid_t, Int, UnsafeMutableRawPointer) -> Int32
    typealias SyncFileRange = @convention(c) (Int32, Int64, Int64, UInt32) -> Int32

    /// sched_getaffinity(2).
    static let getAffinity: GetAffinity? = {
      symbol("sched_getaffinity").map { unsafeBitCast($0, to: GetAffinity.self) }
    }()

    /// sync_file_range(2).
    static let syncFileRange: SyncFileRange? = {
      symbol("sync_file_range").map { unsafeBitCast($0, to: SyncFileRange.self) }
    }()

    private static func symbol(_ name: String) -> UnsafeMutableRawPointer? {
      dlopen(nil, RTLD_NOW).flatMap { dlsym($0, name) }
    }
  #endif
}
