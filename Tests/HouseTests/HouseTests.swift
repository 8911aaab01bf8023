import Foundation
import Testing

/// The rules of the house, held against its files.
@Suite("House") struct HouseTests {
  @Test("imports follow the arrows")
  func arrows() throws {
    let sources = try House.sources(in: ["Sources"])
    #expect(sources.count > 100)
    #expect(sources.flatMap(Arrows.violations) == [])
  }

  @Test("every target of the arrows exists")
  func targets() throws {
    let folders = try House.sources(in: ["Sources"]).map { $0.path.split(separator: "/")[1] }
    #expect(Set(folders.map(String.init)) == Set(Arrows.allowed.keys))
  }

  @Test("files, functions and lines are short")
  func lengths() throws {
    let sources = try House.sources(in: ["Sources", "Tests", "Benchmarks"])
    #expect(sources.flatMap(Lengths.violations) == [])
  }

  @Test("nothing in Sources ends the process")
  func traps() throws {
    #expect(try House.sources(in: ["Sources"]).flatMap(Traps.violations) == [])
  }

  @Test("the package depends on no other")
  func dependencies() throws {
    let manifest = SwiftSource(path: "Package.swift", text: try House.text(of: "Package.swift"))
    let code = manifest.code.joined(separator: "\n")
    #expect(!code.contains(".package("))
    #expect(code.contains("dependencies: []"))
  }

  @Test(".env.example has every variable that the code reads")
  func environment() throws {
    let example = try House.text(of: ".env.example")
    let names = try House.sources(in: ["Sources"]).flatMap { source in
      source.lines.joined(separator: "\n").matches(of: /"(PG[A-Z]+|POSTGRES_[A-Z_]+|[A-Z]+_URL)"/)
        .map { $0.1 }
    }
    #expect(names.count > 15)
    let missing = Set(names).filter { !example.contains("\($0)=") }
    #expect(missing.sorted() == [])
  }
}
