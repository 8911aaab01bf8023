import Foundation
import Testing

/// The README says only what is so.
@Suite("README") struct ReadmeTests {
  @Test("its Swift code compiles")
  func snippets() throws {
    let readme = ReadmeSnippets(file: "README.md", markdown: try House.text(of: "README.md"))
    #expect(readme.snippets.count > 5)
    let complaints = try readme.complaints()
    #expect(complaints == nil, "\(complaints ?? "")")
  }

  @Test("code that does not compile is found, at its line")
  func badSnippet() throws {
    let markdown = """
      # Title

      ```swift
      struct Good {
        var number = 1
      }
      print(Good().number)
      ```

      ```sh
      let ignored: Int = "text"
      ```

      ```swift
      import Foundation

      let bad: Int = "text"
      print(bad)
      ```
      """
    let readme = ReadmeSnippets(file: "BAD.md", markdown: markdown)
    #expect(readme.snippets.map(\.line) == [4, 15])
    let complaints = try #require(try readme.complaints())
    let errors = complaints.split(separator: "\n").filter { $0.contains("error: ") }
    #expect(errors.contains { $0.contains("BAD.md:17:") })
    #expect(errors.allSatisfy { !$0.contains("BAD.md") || $0.contains("BAD.md:17:") })
  }

  @Test("the paths that it names exist")
  func paths() throws {
    let paths = try House.text(of: "README.md")
      .matches(of: /`((?:Sources|Tests|Benchmarks|migrations|\.ci)\/[A-Za-z0-9_.\/]*)`/)
      .map { String($0.1) }
    #expect(paths.count > 5)
    let missing = paths.filter {
      !FileManager.default.fileExists(atPath: House.folder.appendingPathComponent($0).path)
    }
    #expect(missing == [])
  }

  @Test("it names every code of an error")
  func errorCodes() throws {
    let readme = try House.text(of: "README.md")
    let source = try House.text(of: "Sources/Roost/Store/StoreError.swift")
    let codes = source.matches(of: /= Self\("([A-Za-z]+)"\)/).map { String($0.1) }
    #expect(codes.count > 20)
    #expect(codes.filter { !readme.contains("`\($0)`") } == [])
  }
}
