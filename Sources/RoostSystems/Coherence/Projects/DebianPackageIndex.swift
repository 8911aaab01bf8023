import Foundation
import RoostCore

// Debian's package index, deb822: paragraphs of fields, a blank line between two of them, lines
// that begin with space or tab go on with the field before.
// Source: deb822(5), and the Debian Policy Manual, chapters 5.1 and 7.1.

/// Reads Debian's package index format: `Packages` files, `/var/lib/dpkg/status`, `apt-cache
/// dumpavail`.
public enum DebianPackageIndex {
  /// Why a text is no package index, with its place.
  public struct SyntaxError: Error, CustomStringConvertible {
    /// The file's name, for people.
    public let file: String
    /// The line, from 1.
    public let line: Int
    /// What is wrong.
    public let reason: String

    /// File, line and reason.
    public var description: String { "\(file):\(line): \(reason)" }
  }

  /// Reads all packages of a text, one listing a paragraph; packages that are not installed any
  /// more (a `Status` without `installed`) are left out.
  /// - Parameters:
  ///   - bytes: the text in UTF-8; its last line must end with a newline, so that a text that was
  ///     cut off shows.
  ///   - file: the name to use in errors.
  /// - Throws: `SyntaxError`.
  public static func read(_ bytes: [UInt8], file: String) throws(SyntaxError) -> [PackageListing] {
    let outcome = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(SyntaxError) in
        var reader = Reader(buffer, file: file)
        return try reader.packages()
      }
    }
    return try outcome.get()
  }

  private struct Reader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let file: String
    private var offset = 0
    private var line = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>, file: String) {
      self.bytes = bytes
      self.file = file
    }

    mutating func packages() throws(SyntaxError) -> [PackageListing] {
      var packages: [PackageListing] = []
      while offset < bytes.count {
        if let package = try paragraph() { packages.append(package) }
      }
      return packages
    }

    private func failure(_ reason: String, line: Int? = nil) -> SyntaxError {
      SyntaxError(file: file, line: line ?? self.line, reason: reason)
    }

    /// The next line without its newline.
    private mutating func nextLine() throws(SyntaxError) -> Range<Int> {
      line += 1
      guard let base = bytes.baseAddress,
        let end = memchr(base + offset, 10, bytes.count - offset)
      else { throw failure("the text ends in the middle of a line") }
      let start = offset
      let stop = UnsafeRawPointer(end) - UnsafeRawPointer(base)
      offset = stop + 1
      return start..<stop
    }

    /// Reads up to the next blank line; nil when no package stands there.
    private mutating func paragraph() throws(SyntaxError) -> PackageListing? {
      var fields = Fields()
      let firstLine = line + 1
      while offset < bytes.count {
        let text = try nextLine()
        guard let first = bytes[text].first else { break }
        switch first {
        case UInt8(ascii: "#"):
          if fields.count > 0 { throw failure("a comment stands inside a paragraph") }
        case UInt8(ascii: " "), UInt8(ascii: "\t"):
          if isBlank(text) {
            if fields.count == 0 { continue }
            throw failure("a line of spaces only; an empty line of a field is \" .\"")
          }
          guard fields.count > 0 else { throw failure("a line goes on with no field") }
          fields.extendLast(text)
        default:
          guard let colon = bytes[text].firstIndex(of: UInt8(ascii: ":")), colon > text.lowerBound
          else { throw failure("neither \"Field: value\" nor the next line of a field") }
          let name = text.lowerBound..<colon
          guard bytes[name].allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw failure("a field's name is printable ASCII without spaces")
          }
          guard fields.add(bytes, name, (colon + 1)..<text.upperBound, line) else {
            throw failure("the field \"\(string(name))\" stands twice")
          }
        }
      }
      if fields.count == 0 { return nil }
      return try package(fields, firstLine)
    }

    private func isBlank(_ range: Range<Int>) -> Bool {
      bytes[range].allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
    }

    private func string(_ range: Range<Int>) -> String {
      String(decoding: bytes[range], as: UTF8.self)
    }

    private func package(_ fields: Fields, _ firstLine: Int) throws(SyntaxError) -> PackageListing?
    {
      guard let name = try text(fields.package), !name.isEmpty else {
        throw failure("a paragraph has no Package field", line: firstLine)
      }
      guard Self.isPackageName(name.utf8) else {
        throw failure("\"\(name)\" is no package name", line: fields.package?.line)
      }
      if let status = try text(fields.status), !status.split(separator: " ").contains("installed") {
        return nil
      }
      var package = PackageListing(name: TextOrder.lowercased(name))
      package.description = try text(fields.summary)
      package.homepageURL = try text(fields.homepage)
      package.repositoryURL = try text(fields.repository)
      for field in [fields.preDepends, fields.depends] {
        if let field { package.requires += try names(field) }
      }
      if let field = fields.provides { package.provides = try names(field) }
      return package
    }

    /// A field's text: the lines without their leading space, `.` lines as empty ones.
    private func text(_ field: Field?) throws(SyntaxError) -> String? {
      guard let field else { return nil }
      let bytes = bytes[field.value]
      guard let whole = String(validating: bytes, as: UTF8.self) else {
        throw failure("a field is not UTF-8", line: field.line)
      }
      if bytes.contains(0) { throw failure("a field holds U+0000", line: field.line) }
      guard bytes.contains(10) else {
        let trimmed = Substring(whole.utf8.drop(while: Self.isSpace))
        return trimmed.isEmpty ? nil : Self.withoutTrailingSpace(trimmed)
      }
      var lines = whole.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        Substring(line.utf8.dropFirst())
      }
      // The first line may begin with more than one space, or with none.
      lines[0] = Substring(whole.utf8.prefix { $0 != 10 }.drop(while: Self.isSpace))
      return lines.map { $0 == "." ? "" : Self.withoutTrailingSpace($0) }.joined(separator: "\n")
    }

    private static func withoutTrailingSpace(_ text: Substring) -> String {
      var bytes = text.utf8
      while let last = bytes.last, isSpace(last) { bytes.removeLast() }
      return String(Substring(bytes))
    }

    /// The names of a dependency field, every alternative, without versions and architectures.
    private func names(_ field: Field) throws(SyntaxError) -> [String] {
      var names: [String] = []
      for clause in bytes[field.value].split(separator: UInt8(ascii: ",")) {
        for alternative in clause.split(
          separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        {
          let trimmed = alternative.drop(while: Self.isSpace)
          if trimmed.isEmpty && clause.allSatisfy(Self.isSpace) { continue }
          let name = trimmed.prefix { !Self.endsName($0) }
          guard Self.isPackageName(name), Self.isQualification(trimmed[name.endIndex...]) else {
            let text = String(decoding: trimmed.prefix(60), as: UTF8.self)
            throw failure("\"\(text)\" is no dependency", line: field.line)
          }
          names.append(TextOrder.lowercased(String(decoding: name, as: UTF8.self)))
        }
      }
      return names
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 }

    private static func endsName(_ byte: UInt8) -> Bool {
      isSpace(byte) || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ":")
        || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "<")
    }

    /// Policy 5.6.1: letters, digits, plus, minus and dots, at least two, the first alphanumeric.
    private static func isPackageName(_ name: some Collection<UInt8>) -> Bool {
      func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (97...122).contains(byte) || (65...90).contains(byte)
      }
      guard name.count >= 2, let first = name.first, isAlphanumeric(first) else { return false }
      return name.allSatisfy { isAlphanumeric($0) || $0 == 43 || $0 == 45 || $0 == 46 || $0 == 95 }
    }

    /// What may follow a name: `:architecture`, `(>= version)`, `[architectures]`, `<profiles>`.
    private static func isQualification(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
      var rest = text
      if rest.first == UInt8(ascii: ":") { rest = rest.drop { !isSpace($0) && $0 != 40 } }
      rest = rest.drop(while: isSpace)
      let closings: [UInt8: UInt8] = [40: 41, 91: 93, 60: 62]
      while let open = rest.first {
        guard let close = closings[open], let end = rest.firstIndex(of: close) else { return false }
        rest = rest[(end + 1)...].drop(while: isSpace)
      }
      return true
    }
  }

  /// A field's value, continuation lines included, and the line that it starts on.
  private struct Field {
    var value: Range<Int>
    var line: Int
  }

  /// The fields of a paragraph that are of interest.
  private struct Fields {
    var package: Field?
    var status: Field?
    var summary: Field?
    var homepage: Field?
    var repository: Field?
    var depends: Field?
    var preDepends: Field?
    var provides: Field?
    private(set) var count = 0
    private var last: (any WritableKeyPath<Fields, Field?> & Sendable)?

    private static let known:
      [(name: StaticString, path: any WritableKeyPath<Fields, Field?> & Sendable)] = [
        ("package", \.package), ("status", \.status), ("description", \.summary),
        ("homepage", \.homepage), ("vcs-browser", \.repository), ("depends", \.depends),
        ("pre-depends", \.preDepends), ("provides", \.provides),
      ]

    /// Adds a field; false when it is one of interest and stands twice.
    mutating func add(
      _ bytes: UnsafeBufferPointer<UInt8>, _ name: Range<Int>, _ value: Range<Int>, _ line: Int
    ) -> Bool {
      count += 1
      let key = UnsafeBufferPointer(rebasing: bytes[name])
      last = Self.known.first { equalsASCIIFolded(key, $0.name) }?.path
      guard let last else { return true }
      let isNew = self[keyPath: last] == nil
      self[keyPath: last] = Field(value: value, line: line)
      return isNew
    }

    /// Adds a continuation line to the last field.
    mutating func extendLast(_ text: Range<Int>) {
      guard let last, let field = self[keyPath: last] else { return }
      self[keyPath: last] = Field(
        value: field.value.lowerBound..<text.upperBound, line: field.line)
    }
  }
}
