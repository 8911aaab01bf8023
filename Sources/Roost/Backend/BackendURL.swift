import Foundation

/// A storage URL taken apart: scheme, the rest, and the parameters behind `?`.
///
/// Its description never shows a password.
public struct BackendURL: Sendable, CustomStringConvertible, CustomReflectable {
  /// The text as it was given, password included.
  package let text: String
  /// The scheme in lower case.
  public let scheme: String
  /// What stands between the scheme's colon and the parameters.
  public let body: String
  /// The parameters in their order, percent-decoded.
  public private(set) var parameters: [(name: String, value: String)]

  /// Takes a URL apart.
  /// - Throws: `invalidConfiguration`; the message does not repeat the text, which may hold a
  ///   password.
  public init(_ text: String) throws(StoreError) {
    guard let colon = text.firstIndex(of: ":"), colon != text.startIndex,
      text[..<colon].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) }
      )
    else {
      throw StoreError(
        .invalidConfiguration,
        "a storage URL starts with a scheme and a colon, such as memory: or file:PATH")
    }
    self.text = text
    scheme = text[..<colon].lowercased()
    let rest = text[text.index(after: colon)...]
    let question = rest.firstIndex(of: "?")
    body = String(rest[..<(question ?? rest.endIndex)])
    parameters = []
    guard let question else { return }
    for pair in rest[rest.index(after: question)...].split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let name = parts[0].removingPercentEncoding,
        let value = parts[1].removingPercentEncoding
      else {
        throw StoreError(
          .invalidConfiguration,
          "URL parameter \"\(parts[0])\" must have the form name=value, percent-encoded")
      }
      parameters.append((name, value))
    }
  }

  /// Removes a parameter and returns its value; nil when it is not there.
  public mutating func take(_ name: String) -> String? {
    guard let index = parameters.firstIndex(where: { $0.name == name }) else { return nil }
    return parameters.remove(at: index).value
  }

  /// Removes a parameter and returns which of a type's words it is; nil when it is not there.
  /// - Throws: `invalidConfiguration`, naming the words.
  package mutating func takeChoice<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, of type: Choice.Type
  ) throws(StoreError) -> Choice? {
    guard let word = take(name) else { return nil }
    guard let choice = Choice(rawValue: word) else {
      let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw StoreError(.invalidConfiguration, "\(name)=\(word) is none of \(words)")
    }
    return choice
  }

  /// The URL with those parameters that have not been taken, as a driver reads it. It holds the
  /// password.
  package var remaining: String {
    let start = text.prefix { $0 != "?" }
    if parameters.isEmpty { return String(start) }
    let pairs = parameters.map { "\(Self.encode($0.name))=\(Self.encode($0.value))" }
    return "\(start)?\(pairs.joined(separator: "&"))"
  }

  private static func encode(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
  }

  /// Refuses whatever parameter has not been taken.
  /// - Throws: `invalidConfiguration`, naming the parameter and those that are known.
  public func refuseParameters(known: [String]) throws(StoreError) {
    guard let unknown = parameters.first else { return }
    let names = known.sorted().joined(separator: ", ")
    throw StoreError(
      .invalidConfiguration,
      "unknown parameter \"\(unknown.name)\" in a \(scheme): URL; known are: \(names)")
  }

  /// The URL without its password and parameters.
  public var description: String {
    guard body.hasPrefix("//"), let at = body.lastIndex(of: "@") else { return "\(scheme):\(body)" }
    let user = body.dropFirst(2)[..<at].split(separator: ":", maxSplits: 1).first ?? ""
    return "\(scheme)://\(user)@\(body[body.index(after: at)...])"
  }

  /// Shows the description only.
  public var customMirror: Mirror { Mirror(self, children: ["url": description]) }
}
