import Foundation
import RoostCore

/// The command `Fuzz`. Built for fuzzing (`Tests/Fuzz/run` does it) it is libFuzzer's; built as
/// usual it keeps the corpus and gives a target files.
@main
struct FuzzCommand {
  static func main() throws {
    let arguments = CommandLine.arguments.dropFirst()
    let rest = Array(arguments.dropFirst(2))
    let first = arguments.dropFirst().first ?? ""
    switch arguments.first {
    case "list": print(FuzzTarget.all.map(\.name).joined(separator: "\n"))
    case "pack": print(try Corpus.pack(folder: first), terminator: "")
    case "unpack": try Corpus.unpack(first, folder: rest.first ?? "")
    case "target":
      guard let target = FuzzTarget.named(first) else {
        throw Violation("there is no target \(first)")
      }
      #if ROOST_FUZZ
        exit(Fuzzer.run(target, arguments: rest))
      #else
        for path in rest {
          try [UInt8](Data(contentsOf: URL(fileURLWithPath: path))).withUnsafeBytes(target.run)
        }
      #endif
    default:
      throw Violation("Fuzz list | pack FOLDER | unpack FILE FOLDER | target NAME ARGUMENTS...")
    }
  }
}

#if ROOST_FUZZ
  @_silgen_name("LLVMFuzzerRunDriver")
  private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ test: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
  ) -> CInt

  @_silgen_name("__sanitizer_install_malloc_and_free_hooks")
  private func installHooks(
    _ allocated: @convention(c) (UnsafeRawPointer?, Int) -> Void,
    _ freed: @convention(c) (UnsafeRawPointer?) -> Void
  ) -> CInt

  @_silgen_name("__sanitizer_get_allocated_size")
  private func allocatedSize(_ pointer: UnsafeRawPointer?) -> Int

  /// The bytes that are allocated since the count began, and their peak: in plain memory, since the
  /// hooks may not allocate.
  nonisolated(unsafe) private let live = UnsafeMutablePointer<Int>.allocate(capacity: 1)
  nonisolated(unsafe) private let peak = UnsafeMutablePointer<Int>.allocate(capacity: 1)

  private func noteAllocation(_ pointer: UnsafeRawPointer?, _ size: Int) {
    live.pointee += size
    if live.pointee > peak.pointee { peak.pointee = live.pointee }
  }

  private func noteRelease(_ pointer: UnsafeRawPointer?) {
    live.pointee -= allocatedSize(pointer)
  }

  /// Runs a target under libFuzzer and counts what it allocates. Touched by one thread only.
  private enum Fuzzer {
    /// The longest that an input may take.
    static let secondsMax = 1.0

    nonisolated(unsafe) static var target = FuzzTarget.all[0]

    static func run(_ target: FuzzTarget, arguments: [String]) -> CInt {
      self.target = target
      live.pointee = 0
      peak.pointee = 0
      _ = installHooks(noteAllocation, noteRelease)
      var words = ([CommandLine.arguments[0]] + arguments).map { strdup($0) } + [nil]
      return words.withUnsafeMutableBufferPointer { words in
        var start = words.baseAddress
        var count = CInt(words.count - 1)
        return runDriver(&count, &start) { bytes, count in
          Fuzzer.test(UnsafeRawBufferPointer(start: bytes, count: count))
        }
      }
    }

    /// The most bytes that are allocated at a time while the decoder runs.
    private static func memory(_ input: UnsafeRawBufferPointer) throws -> Int {
      live.pointee = 0
      peak.pointee = 0
      try target.decode(input)
      return peak.pointee
    }

    /// The processor's time that this thread has had, in seconds: on a busy machine an input may
    /// take long by the clock.
    private static var processorTime: Double {
      var time = timespec()
      clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    static func test(_ input: UnsafeRawBufferPointer) -> CInt {
      do {
        let start = processorTime
        let limit = target.factor * input.count + target.allowance
        // What is made once, such as a table or a type's metadata, is not there the second time.
        if try memory(input) > limit {
          let taken = try memory(input)
          try require(taken <= limit, "\(taken) bytes of memory for an input of \(input.count)")
        }
        try target.check(input)
        let taken = processorTime - start
        try require(taken <= secondsMax, "\(taken) seconds for an input of \(input.count)")
        return 0
      } catch {
        print("\(target.name): \(error)")
        fflush(nil)
        abort()
      }
    }
  }
#endif
