import Testing

/// Each rule finds what it is for, and lets the rest be.
@Suite("House rules") struct RuleTests {
  private func source(
    _ text: String, at path: String = "Sources/RoostMemory/File.swift"
  ) -> SwiftSource {
    SwiftSource(path: path, text: text)
  }

  @Test("comments and literals are no code")
  func blanking() {
    let text = ###"""
      let a = "{ \(b("}")) try! \" {" // try!
      /* { /* { */ try! */ let c = """
        import Other {
        """
      let d = ##"{ "# \##(e)"##
      """###
    let code = source(text).code
    #expect(code.count == 5)
    let words = code.joined(separator: " ").split(separator: " ").joined(separator: " ")
    #expect(words == "let a = let c = let d =")
    #expect(zip(code, source(text).lines).allSatisfy { $0.utf8.count == $1.utf8.count })
  }

  @Test(
    "an import against the arrows is found",
    arguments: [
      ("Sources/RoostCore/File.swift", "import Roost"),
      ("Sources/Roost/File.swift", "public import RoostMemory"),
      ("Sources/PostgresWire/File.swift", "@_exported package import PostgresClient"),
      ("Sources/RoostMemory/File.swift", "@testable import struct RoostFile.JournalWriter"),
      ("Sources/RoostCommand/File.swift", "import RoostTesting"),
      ("Sources/RoostFile/File.swift", "import NIOCore"),
      ("Sources/RoostFile/File.swift", "import Glibc"),
      ("Sources/RoostCore/Values/File.swift", "import Glibc"),
      ("Sources/Roost/File.swift", "#if canImport(Glibc)"),
      ("Sources/Elsewhere/File.swift", "import Foundation"),
    ])
  func badImport(path: String, line: String) {
    #expect(Arrows.violations(in: source(line, at: path)).count == 1)
  }

  @Test("an import along the arrows is let be")
  func goodImport() {
    let text = """
      import Foundation
      package import RoostCore
      public import Roost; import Synchronization
      // import RoostFile
      let text = "import RoostFile"
      let important = 1
      """
    #expect(Arrows.violations(in: source(text)) == [])
    let system = source("@_exported public import Glibc", at: "Sources/RoostCore/System/C.swift")
    #expect(Arrows.violations(in: system) == [])
  }

  @Test("what is too long is found")
  func lengths() {
    let fits = String(repeating: "let a = 1\n", count: 400)
    #expect(Lengths.violations(in: source(fits)) == [])
    #expect(Lengths.violations(in: source(fits + "let b = 2\n")).count == 1)
    let wide = "// " + String(repeating: "é", count: 97)
    #expect(Lengths.violations(in: source(wide)) == [])
    #expect(Lengths.violations(in: source(wide + "é")).count == 1)
    let literal = "let a = \"" + String(repeating: "b", count: 100) + "\""
    #expect(Lengths.violations(in: source(literal)).count == 1)
    #expect(Lengths.violations(in: source(literal, at: "Tests/T/File.swift")) == [])
    let code = "let a = " + String(repeating: "b", count: 100)
    #expect(Lengths.violations(in: source(code, at: "Tests/T/File.swift")).count == 1)
  }

  @Test("functions are measured from keyword to brace")
  func functions() {
    let text = """
      protocol P {
        func a()
        init(b: Int)
      }
      func c(_ d: () -> Void = { }) { }
      struct S {
        init?(e: Int = 1) {
          self.init()
          if true { let f = S.init() }
        }
        var g: Int {
          func h() {
          }
          return 1
        }
        subscript(_ i: Int) -> Int {
          get { 1 }
        }
      }
      """
    let expected: [Lengths.Function] = [
      .init(line: 5, length: 1), .init(line: 7, length: 4), .init(line: 12, length: 2),
      .init(line: 16, length: 3),
    ]
    #expect(Lengths.functions(in: source(text)) == expected)
    let body = String(repeating: "  print()\n", count: 68)
    #expect(Lengths.violations(in: source("func f() {\n\(body)}\n")) == [])
    #expect(Lengths.violations(in: source("func f() {\n\(body)  print()\n}\n")).count == 1)
  }

  @Test(
    "what ends the process is found",
    arguments: [
      "let a = try! b()", "fatalError()", "if c { preconditionFailure(\"\") }", "precondition(d)",
      "let e = f as! Int", "final class G: @unchecked Sendable {}",
    ])
  func badTrap(line: String) {
    #expect(Traps.violations(in: source("let first = 1\n\n\n\n" + line)).count == 1)
  }

  @Test("what does not end the process is let be")
  func goodTrap() {
    let text = """
      // try! in a comment
      let a = "fatalError("
      let b = try? c()
      myFatalError(); has_precondition(d)
      // A lock guards it.
      final class E: @unchecked Sendable {}
      """
    #expect(Traps.violations(in: source(text)) == [])
  }
}
