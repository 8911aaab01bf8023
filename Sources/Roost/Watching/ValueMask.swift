/// Takes the values out of a statement's or plan's text: what stands in quotes, and bare numbers.
package enum ValueMask {
  /// The text with a question mark in the place of every value; names, quoted ones included, and
  /// `$1` stay. Rather too much is hidden than too little.
  package static func apply(to text: String) -> String {
    var result = ""
    var rest = text[...]
    while let character = rest.first {
      if character == "'" {
        rest = afterQuoted(rest, by: "'")
        result.append("?")
      } else if character == "\"" {
        let end = afterQuoted(rest, by: "\"")
        result += rest[..<end.startIndex]
        rest = end
      } else if character == "$" {
        rest = afterDollar(rest, &result)
      } else if isWord(character) {
        let word = rest.prefix { isWord($0) }
        result += word.first?.isNumber == true ? "?" : word
        rest = rest[word.endIndex...]
      } else {
        result.append(character)
        rest.removeFirst()
      }
    }
    return result
  }

  private static func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_" || character == "."
  }

  /// What is behind a quoted text; a doubled quote is a part of it, as is one behind a backslash.
  private static func afterQuoted(_ text: Substring, by quote: Character) -> Substring {
    var rest = text.dropFirst()
    while let character = rest.popFirst() {
      if character == "\\" {
        rest = rest.dropFirst()
      } else if character == quote {
        guard rest.first == quote else { break }
        rest.removeFirst()
      }
    }
    return rest
  }

  /// What is behind a parameter such as `$1`, which stays, or a text in dollar quotes.
  private static func afterDollar(_ text: Substring, _ result: inout String) -> Substring {
    let word = text.dropFirst().prefix { isWord($0) }
    let behind = text[word.endIndex...]
    if word.first?.isNumber == true || behind.first != "$" {
      result += text[..<word.endIndex]
      return behind
    }
    let quote = "$\(word)$"
    result.append("?")
    let end = behind.dropFirst().firstRange(of: quote)
    return end.map { text[$0.upperBound...] } ?? text[text.endIndex...]
  }
}
