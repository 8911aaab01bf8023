import RoostSystems
import Testing

/// What the reader of Debian's package lists makes of good and broken lists.
@Suite struct DebianPackageIndexTests {
  private func read(_ text: String) throws -> [PackageListing] {
    try DebianPackageIndex.read(Array(text.utf8), file: "list")
  }

  @Test func fields() throws {
    let packages = try read(
      """
      Package: Alpha
      Version: 1.0-1
      Description: the first
       goes on
       .
         indented
      Homepage: https://alpha.example
      Vcs-Browser: https://git.example/alpha
      Pre-Depends: dpkg (>= 1.15)
      Depends: beta (>= 2.0~rc1), gamma | delta:any (<< 3) , epsilon [amd64 !i386] <!nocheck>,
       zeta
      Provides: alpha-virtual (= 1.0), another
      Recommends: ignored


      # between paragraphs
      package:\tbeta
      DEPENDS:alpha
      Description:

      Package: lib3c++.x
      Depends:

      """)
    #expect(packages.map(\.name) == ["alpha", "beta", "lib3c++.x"])
    #expect(packages[0].description == "the first\ngoes on\n\n  indented")
    #expect(packages[0].homepageURL == "https://alpha.example")
    #expect(packages[0].repositoryURL == "https://git.example/alpha")
    #expect(
      packages[0].requires == ["dpkg", "beta", "gamma", "delta", "epsilon", "zeta"])
    #expect(packages[0].provides == ["alpha-virtual", "another"])
    #expect(packages[1] == PackageListing(name: "beta", requires: ["alpha"]))
    #expect(packages[2] == PackageListing(name: "lib3c++.x"))
  }

  @Test func installedOnly() throws {
    let packages = try read(
      """
      Package: here
      Status: install ok installed

      Package: gone
      Status: deinstall ok config-files

      """)
    #expect(packages.map(\.name) == ["here"])
    #expect(try read("").isEmpty)
    #expect(try read("\n\n# nothing\n\n").isEmpty)
  }

  @Test(arguments: [
    ("Package: a1\n\nPackage: b1", 3, "middle of a line"),
    ("Package: a1\nDepen", 2, "middle of a line"),
    ("Package: a1\nno colon\n", 2, "neither"),
    (" goes on\n", 1, "no field"),
    ("Package: a1\n\n\nDepends: b1\n", 4, "no Package"),
    ("Package: a1\nPackage: b1\n", 2, "twice"),
    ("Package: a1\nDepends: b1\ndepends: c1\n", 3, "twice"),
    ("Package: a b\n", 1, "no package name"),
    ("Package: a1\nDepends: b1 (>= 1\n", 2, "no dependency"),
    ("Package: a1\nDepends: b1 | , c1\n", 2, "no dependency"),
    ("Package: a1\nDepends: b1 c1\n", 2, "no dependency"),
    ("Package: a1\n  \nDepends: b1\n", 2, "spaces only"),
    ("Package: a1\n# in the middle\n", 2, "comment"),
    ("Package: a1\nDescription: x\0y\n", 2, "U+0000"),
    ("Pack age: a1\n", 1, "printable ASCII"),
  ])
  func brokenLists(text: String, line: Int, reason: String) {
    do {
      _ = try read(text)
      Issue.record("read: \(text)")
    } catch let error as DebianPackageIndex.SyntaxError {
      #expect(error.file == "list")
      #expect(error.line == line, "\(text)")
      #expect(error.reason.contains(reason), "\(error)")
    } catch {
      Issue.record("\(error)")
    }
  }

  @Test func notUTF8() {
    let bytes = Array("Package: a1\nDescription: ".utf8) + [0xC3, 10]
    #expect(throws: DebianPackageIndex.SyntaxError.self) {
      try DebianPackageIndex.read(bytes, file: "list")
    }
  }

  @Test func cutAnywhere() throws {
    let text = "Package: alpha\nDepends: beta,\n gamma\n\nPackage: beta\nProvides: gamma\n"
    for count in 1..<text.utf8.count {
      let part = Array(text.utf8.prefix(count))
      if part.last == 10 {
        // At the end of a line a list is whole, but for what it has not said yet.
        let packages = try? DebianPackageIndex.read(part, file: "list")
        #expect((packages?.count ?? 1) <= 2)
      } else {
        #expect(throws: DebianPackageIndex.SyntaxError.self, "cut at \(count)") {
          try DebianPackageIndex.read(part, file: "list")
        }
      }
    }
  }
}
