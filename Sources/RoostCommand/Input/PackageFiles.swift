import Foundation
import RoostCore
import RoostSystems
import Synchronization

/// Reads package lists from files, through a decompressor where the name asks for one, or from
/// standard input.
enum PackageFiles {
  /// Reads files in order; `-` is standard input. Without any, the machine's own list of packages
  /// or the sample that comes with Roost.
  /// - Throws: `InputError` or `DebianPackageIndex.SyntaxError`.
  static func read(_ files: [String]) throws -> (packages: [PackageListing], source: String) {
    guard !files.isEmpty else { return try readDefault() }
    let packages = try files.flatMap { file in
      try DebianPackageIndex.read(
        try bytes(of: file), file: file == "-" ? "standard input" : file)
    }
    return (packages, files.joined(separator: ", "))
  }

  private static let systemList = "/var/lib/dpkg/status"

  private static func readDefault() throws -> (packages: [PackageListing], source: String) {
    if FileManager.default.isReadableFile(atPath: systemList) {
      return (try DebianPackageIndex.read(bytes(of: systemList), file: systemList), systemList)
    }
    guard let path = samplePath else {
      throw InputError("there is no \(systemList), and no sample beside the program: name a FILE")
    }
    return (try DebianPackageIndex.read(bytes(of: path), file: path), "the sample")
  }

  /// The sample in the resource bundle, which SwiftPM lays beside the program. Looked up here,
  /// since the generated accessor ends the process where the bundle is missing.
  private static var samplePath: String? {
    let folder = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath()
      .deletingLastPathComponent()
    let candidates = [folder, Bundle.main.bundleURL].map {
      $0.appendingPathComponent("Roost_RoostCommand.resources/packages.deb822").path
    }
    return candidates.first { FileManager.default.isReadableFile(atPath: $0) }
  }

  private static func bytes(of file: String) throws -> [UInt8] {
    if file == "-" { return try contents(of: FileHandle.standardInput, "standard input") }
    guard FileManager.default.fileExists(atPath: file) else {
      throw InputError("\(file) does not exist")
    }
    let tools = [".gz": "gzip", ".xz": "xz", ".lz4": "lz4"]
    if let (_, tool) = tools.first(where: { file.hasSuffix($0.key) }) {
      return try decompress(file, with: tool)
    }
    guard let handle = FileHandle(forReadingAtPath: file) else {
      throw InputError("\(file) cannot be read")
    }
    return try contents(of: handle, file)
  }

  private static func contents(of handle: FileHandle, _ name: String) throws -> [UInt8] {
    do {
      return Array(try handle.readToEnd() ?? Data())
    } catch {
      throw InputError("\(name) cannot be read: \(error.localizedDescription)")
    }
  }

  private static func decompress(_ file: String, with tool: String) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [tool, "-dc", "--", file]
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let complaint = Complaint(errors.fileHandleForReading)
    let bytes = try contents(of: output.fileHandleForReading, file)
    process.waitUntilExit()
    guard process.terminationReason == .exit, process.terminationStatus == 0 else {
      // env's own code for a program that is not there.
      let reason = process.terminationStatus == 127 ? "\(tool) is not installed" : complaint.text()
      throw InputError("\(file) cannot be decompressed: \(reason)")
    }
    return bytes
  }
}

/// What a child says on its standard error, read beside its output so that neither pipe fills.
private final class Complaint: Sendable {
  private let words = Mutex("")
  private let done = DispatchSemaphore(value: 0)

  init(_ handle: FileHandle) {
    let thread = Thread { [self] in
      let data = (try? handle.readToEnd()) ?? Data()
      words.withLock { $0 = String(decoding: data.prefix(500), as: UTF8.self) }
      done.signal()
    }
    thread.start()
  }

  func text() -> String {
    done.wait()
    return words.withLock { $0.trimmingCharacters(in: .whitespacesAndNewlines) }
  }
}

/// Input that cannot be read.
struct InputError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
