import Foundation
import Fuzz
import Testing

/// The inputs that fuzzing has found worth keeping still do no harm.
@Suite(.timeLimit(.minutes(1))) struct CorpusTests {
  private static let folder =
    URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().path + "/Fuzz/Corpus"

  @Test(arguments: FuzzTarget.all.map(\.name))
  func replay(_ name: String) throws {
    let target = try #require(FuzzTarget.named(name))
    let inputs = try Corpus.read("\(Self.folder)/\(name).base64")
    #expect(!inputs.isEmpty)
    for input in inputs { try input.withUnsafeBytes(target.run) }
  }

  @Test func everyFileHasATarget() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
    let expected = FuzzTarget.all.map { "\($0.name).base64" }
    #expect(Set(files) == Set(expected))
    #expect(Set(expected).count == FuzzTarget.all.count)
  }
}
