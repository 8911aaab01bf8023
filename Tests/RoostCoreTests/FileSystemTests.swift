import Foundation
import RoostCore
import Synchronization
import Testing

/// A folder that is removed when the test ends.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "roost-core-\(UUID().uuidString)"
    try SystemFileSystem().makeDirectory(path)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}

@Suite struct FileSystemTests {
  private let files: any FileSystem = SystemFileSystem()
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func path(_ name: String) -> String { folder.path + "/" + name }

  private func reason(_ body: () throws(FileError) -> Void) -> FileError.Reason? {
    do throws(FileError) {
      try body()
      return nil
    } catch {
      return error.reason
    }
  }

  @Test func writesReadsAndCuts() throws {
    let file = try files.open(path("a"), .create)
    try file.write(Array("hello world".utf8), at: 0)
    try file.write(Array("W".utf8), at: 6)
    #expect(try String(decoding: file.readToEnd(), as: UTF8.self) == "hello World")
    #expect(try String(decoding: file.readToEnd(from: 6), as: UTF8.self) == "World")
    #expect(try file.readToEnd(from: 100).isEmpty)
    #expect(reason { () throws(FileError) in _ = try file.readToEnd(limit: 10) } == .noSpace)
    try file.truncate(to: 5)
    #expect(try file.length() == 5)
    var buffer = [UInt8](repeating: 0, count: 10)
    #expect(try buffer.withUnsafeMutableBytes { try file.read(into: $0, at: 3) } == 2)
    try file.write([], at: 0)
    try file.synchronizeData()
    try file.synchronize()
    try file.close()
    try file.close()
    #expect(reason { () throws(FileError) in _ = try file.length() } == .other)
    let status = try #require(try files.status(path("a")))
    #expect(status.kind == .file && status.length == 5 && status.permissions == 0o600)
    #expect(status.modifiedAt.map { $0.advanced(byMicroseconds: 60_000_000) > .now() } == true)
  }

  @Test func opensByMode() throws {
    #expect(reason { () throws(FileError) in _ = try files.open(path("a"), .read) } == .notFound)
    #expect(
      reason { () throws(FileError) in _ = try files.open(path("a"), .readWrite) } == .notFound)
    _ = try files.open(path("a"), .createNew)
    #expect(
      reason { () throws(FileError) in _ = try files.open(path("a"), .createNew) }
        == .alreadyExists)
    let reading = try files.open(path("a"), .read)
    #expect(reason { () throws(FileError) in try reading.write([1], at: 0) } == .other)
    try FileManager.default.createSymbolicLink(
      atPath: path("link"), withDestinationPath: path("a"))
    #expect(
      reason { () throws(FileError) in _ = try files.open(path("link"), .create) } == .symbolicLink)
    #expect(try files.status(path("link"))?.kind == .symbolicLink)
    #expect(
      reason { () throws(FileError) in _ = try files.open(folder.path, .create) } == .wrongType)
    #expect(reason { () throws(FileError) in _ = try files.open("a\u{0}b", .create) } == .other)
  }

  @Test func managesFolders() throws {
    try files.makeDirectory(path("d"))
    #expect(try files.status(path("d"))?.permissions == 0o700)
    #expect(try files.status(path("d"))?.kind == .directory)
    #expect(reason { () throws(FileError) in try files.makeDirectory(path("d")) } == .alreadyExists)
    for name in ["b", "a", "Z", "é"] { try files.open(path("d/" + name), .create).close() }
    #expect(try files.list(path("d")) == ["Z", "a", "b", "é"])
    try files.rename(path("d/a"), to: path("d/b"))
    try files.unlink(path("d/Z"))
    try files.synchronizeDirectory(path("d"))
    #expect(try files.list(path("d")) == ["b", "é"])
    #expect(try files.exists(path("d/b")) && !files.exists(path("d/a")))
    #expect(reason { () throws(FileError) in try files.unlink(path("d/Z")) } == .notFound)
    #expect(reason { () throws(FileError) in try files.removeDirectory(path("d")) } == .other)
    #expect(
      reason { () throws(FileError) in try files.rename(path("x"), to: path("y")) } == .notFound)
    #expect(reason { () throws(FileError) in _ = try files.list(path("x")) } == .notFound)
    #expect(
      reason { () throws(FileError) in try files.synchronizeDirectory(path("x")) } == .notFound)
  }

  @Test func locksOnce() throws {
    let first = try files.open(path("LOCK"), .create)
    try first.lock()
    let second = try files.open(path("LOCK"), .create)
    #expect(reason { () throws(FileError) in try second.lock() } == .locked)
    try first.close()
    try second.lock()
  }

  @Test func closesWhatIsLetGo() throws {
    do {
      let file = try files.open(path("LOCK"), .create)
      try file.lock()
    }
    try files.open(path("LOCK"), .create).lock()
  }

  @Test func reportsAFullDisk() throws {
    // /dev/full refuses every write with ENOSPC; it is there on Linux only.
    guard try files.exists("/dev/full") else { return }
    let file = try files.open("/dev/full", .readWrite)
    do {
      try file.write([1], at: 0)
      Issue.record("no error")
    } catch {
      #expect(error.reason == .noSpace && error.operation == .write)
      #expect(error.description.hasPrefix("/dev/full: write: "))
    }
  }

  #if os(Linux)
    /// A call that a signal interrupts is taken up again: here the opening of a pipe that has no
    /// other end yet.
    @Test func interruptedCall() throws {
      let folder = try TemporaryFolder()
      let pipe = folder.path + "/pipe"
      try #require(mkfifo(pipe, 0o600) == 0)
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { _ in interruptions.add(1, ordering: .relaxed) }
      try #require(sigaction(SIGUSR1, &action, nil) == 0)
      let opening = Opening()
      let thread = Thread { [files] in
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGUSR1)
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        opening.thread.withLock { $0 = pthread_self() }
        let isOpen = (try? files.open(pipe, .read)) != nil
        opening.outcome.withLock { $0 = isOpen }
      }
      thread.start()
      for _ in 0..<2_000 where interruptions.load(ordering: .relaxed) < 5 {
        usleep(5_000)
        if opening.outcome.withLock({ $0 }) != nil { break }
        if let thread = opening.thread.withLock({ $0 }) { pthread_kill(thread, SIGUSR1) }
      }
      #expect(interruptions.load(ordering: .relaxed) >= 5)
      #expect(opening.outcome.withLock { $0 } == nil, "it still waits")
      let writer = try files.open(pipe, .readWrite)
      for _ in 0..<2_000 where opening.outcome.withLock({ $0 }) == nil { usleep(5_000) }
      #expect(opening.outcome.withLock { $0 } == true)
      try writer.close()
    }
  #endif
}

@Suite struct CRC32CTests {
  /// Source: RFC 3720, appendix B.4, and the check value of the CRC catalogue for "123456789".
  @Test(
    arguments: [
      ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
      ([UInt8](0..<32), 0x46DD_794E), ([UInt8]((0..<32).reversed()), 0x113F_DB5C),
      (Array("123456789".utf8), 0xE306_9283), ([], 0),
    ] as [([UInt8], UInt32)])
  func vectors(bytes: [UInt8], checksum: UInt32) {
    #expect(CRC32C.checksum(bytes) == checksum)
    for split in 0...bytes.count {
      let first = CRC32C.checksum(Array(bytes[..<split]))
      #expect(CRC32C.checksum(Array(bytes[split...]), from: first) == checksum)
    }
  }

  @Test func printsEightDigits() {
    #expect(CRC32C.text(0xAB) == "000000ab" && CRC32C.text(.max) == "ffffffff")
  }
}

#if os(Linux)
  private let interruptions = Atomic(0)

  /// What a thread is about.
  private final class Opening: Sendable {
    let thread = Mutex<pthread_t?>(nil)
    let outcome = Mutex<Bool?>(nil)
  }
#endif
