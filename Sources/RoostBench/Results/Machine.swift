import Foundation
import RoostCore

/// What the figures were taken on, and what this process has used of it.
public enum Machine {
  /// Processor, memory and system, on one line.
  public static var description: String {
    let system = ProcessInfo.processInfo
    let memory = Double(system.physicalMemory) / 1_073_741_824
    let model = field("model name", of: "/proc/cpuinfo") ?? "unknown processor"
    return "\(system.activeProcessorCount) cores of \(model), "
      + "\(Int(memory.rounded())) GiB, \(system.operatingSystemVersionString)"
  }

  /// The CPU time that this process has used, in seconds.
  public static var processorSeconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  /// The most memory that this process has had, in KiB.
  ///
  /// On Linux from the kernel's figure for the address space: `ru_maxrss` also counts what the
  /// parent had when it started us.
  public static var peakKibibytes: Int {
    if let text = field("VmHWM", of: "/proc/self/status"),
      let number = text.split(separator: " ").first.flatMap({ Int($0) })
    {
      return number
    }
    #if canImport(Darwin)
      var usage = rusage()
      getrusage(RUSAGE_SELF, &usage)
      return Int(usage.ru_maxrss) / 1_024
    #else
      return 0
    #endif
  }

  private static func field(_ name: String, of file: String) -> String? {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line?.split(separator: ":", maxSplits: 1).last?.trimmingCharacters(in: .whitespaces)
  }
}
