import Foundation
import Testing

/// The README and the pages of modules say only what is so.
@Suite("README") struct ReadmeTests {
  private static let driver = "Sources/PostgresClient/README.md"
  /// The pages, each with the least number of its snippets.
  private static let pages = [
    ("README.md", 6), (driver, 6), ("Sources/Roost/README.md", 6),
    ("Sources/RoostFile/README.md", 1),
  ]

  @Test("its Swift code compiles", arguments: pages)
  func snippets(page: String, least: Int) throws {
    let readme = ReadmeSnippets(file: page, markdown: try House.text(of: page))
    #expect(readme.snippets.count >= least)
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

  @Test(
    "it names every code of an error",
    arguments: [
      ("README.md", "Sources/Roost/Store/StoreError.swift"),
      (driver, "Sources/PostgresClient/PostgresError.swift"),
    ])
  func errorCodes(page: String, source: String) throws {
    let readme = try House.text(of: page)
    let codes = try House.text(of: source)
      .matches(of: /= (?:Self|Code)\("([A-Za-z]+)"\)/).map { String($0.1) }
    #expect(codes.count > 20)
    #expect(codes.filter { !readme.contains("`\($0)`") } == [])
  }

  @Test("each feature of the driver has a test that is there")
  func features() throws {
    // [`test`][file] in a row, and below the table [file]: path.
    let page = try House.text(of: Self.driver)
    let files = Dictionary(
      page.matches(of: /(?m)^\[([A-Za-z0-9+]+)\]: \.\.\/\.\.\/(Tests\/[A-Za-z0-9_.+\/]+)$/)
        .map { (String($0.1), String($0.2)) },
      uniquingKeysWith: { first, _ in first })
    let links = page.matches(of: /\[`([A-Za-z0-9]+)`\]\[([A-Za-z0-9+]+)\]/)
      .map { (name: String($0.1), file: files[String($0.2)] ?? String($0.2)) }
    #expect(links.count > 50)
    let missing = links.filter { link in
      guard let text = try? House.text(of: link.file) else { return true }
      return !text.contains("func \(link.name)(")
    }
    #expect(missing.map { "\($0.file): \($0.name)" } == [])
  }
}
