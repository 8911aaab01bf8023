import Foundation
import Roost
import RoostCore

extension Proof {
  /// The power of a disk is cut while a process writes to a store on it.
  ///
  /// The disk is a file with an ext4 file system, and its power the ioctl FS_IOC_SHUTDOWN, which
  /// makes the file system forget what it has not written. Only what was acknowledged before the
  /// ioctl counts.
  static let powerCuts = Proof(
    "power-cuts", "cuts of power of an ext4 disk; as root, on Linux", options: ["control"]
  ) { request in
    guard geteuid() == 0 else { throw Violation("only root can mount a disk and cut its power") }
    let isControl = request.options.contains("control")
    var disk = try LoopDisk()
    defer { disk.remove() }
    var generator = SeededGenerator(seed: request.seed)
    var store = CrashedStore()
    var lost = 0
    for round in 1...request.count {
      do {
        try await cut(disk, &store, &generator, synchronises: !isControl)
      } catch  where isControl {
        lost += 1
      } catch {
        throw Violation(
          "\(error)\n  in round \(round)\n"
            + "  again: Tests/Proofs/run power-cuts \(round) --seed \(request.seed)")
      }
      if isControl {
        disk.remove()
        disk = try LoopDisk()
        store = CrashedStore()
      }
    }
    if isControl {
      try require(lost > 0, "\(request.count) cuts without a synchronisation lost nothing")
      return "the control without synchronisations lost data in \(lost) of \(request.count) cuts"
    }
    return "\(request.count) cuts, \(store.count) acknowledged commits, nothing lost"
  }

  private static func cut(
    _ disk: LoopDisk, _ store: inout CrashedStore, _ generator: inout SeededGenerator,
    synchronises: Bool
  ) async throws {
    let process = try CrashingProcess(
      disk.path + "/store", seed: generator.next(), synchronises: synchronises)
    defer { process.kill() }
    for line in process.waitForLine() { store.hear(line) }
    usleep(UInt32.random(in: 0..<120_000, using: &generator))
    for line in process.lines() { store.hear(line) }
    try disk.cutPower()
    process.kill()
    // What it said after the cut may be there or not.
    var later = store
    for line in process.lines() { later.hear(line) }
    try disk.restart()
    try await store.check(disk.path + "/store", issued: later.acknowledged)
  }
}

/// A file with a file system in it, mounted.
private struct LoopDisk {
  /// _IOR('X', 125, __u32) and FS_SHUTDOWN_FLAGS_NOLOGFLUSH, of the kernel's uapi headers.
  private static let shutdown: UInt = 0x8004_587d
  private static let withoutFlush: UInt32 = 2
  private static let megabytes = 64

  private let folder: String
  var path: String { folder + "/disk" }
  private var image: String { folder + "/image" }

  init() throws {
    folder = NSTemporaryDirectory() + "roost-disk-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try Self.command("truncate", "-s", "\(Self.megabytes)M", image)
    try Self.command("mkfs.ext4", "-q", "-F", image)
    try Self.command("mount", "-o", "loop", image, path)
  }

  func cutPower() throws {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    var flag = Self.withoutFlush
    guard descriptor >= 0, ioctl(descriptor, Self.shutdown, &flag) == 0 else {
      throw Violation("the file system's power cannot be cut: error \(errno)")
    }
  }

  func restart() throws {
    try Self.command("umount", path)
    try Self.command("mount", "-o", "loop", image, path)
  }

  func remove() {
    try? Self.command("umount", path)
    try? FileManager.default.removeItem(atPath: folder)
  }

  private static func command(_ words: String...) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Violation("\(words.joined(separator: " ")) failed")
    }
  }
}
