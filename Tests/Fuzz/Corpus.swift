import Foundation

/// The inputs that are kept for each target: a file a target, a line an input, in base64. Equal
/// inputs are one; the lines are sorted, so that a change of the corpus can be read.
package enum Corpus {
  /// The inputs of a file that `pack` wrote. Throws when a line is no base64.
  package static func read(_ path: String) throws -> [[UInt8]] {
    let text = try String(contentsOfFile: path, encoding: .utf8)
    return try text.split(separator: "\n").map { line in
      [UInt8](try unwrap(Data(base64Encoded: String(line)), "\(path) has a line that is no base64"))
    }
  }

  /// The lines for the files of a folder, as libFuzzer keeps them.
  package static func pack(folder: String) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let lines = try names.map { name in
      try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")).base64EncodedString()
    }
    return Set(lines).sorted().map { $0 + "\n" }.joined()
  }

  /// Writes each input to a file of its own in a folder, which is made.
  package static func unpack(_ path: String, folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (index, input) in try read(path).enumerated() {
      try Data(input).write(to: URL(fileURLWithPath: "\(folder)/seed-\(index)"))
    }
  }
}
