import RoostCore

/// The connection parameters that were asked for, by libpq's keywords, and where from: the
/// connection string goes before the service, the service before the environment.
///
/// Source: `conninfo_add_defaults` in libpq's `fe-connect.c`.
struct ConnectionParameters {
  /// What is given, texts that are empty included.
  private(set) var values: [String: String]
  private(set) var origins: [String: PostgresConfiguration.Setting.Origin] = [:]

  /// Completes what a connection string says. Empty variables count as unset.
  init(
    _ given: [String: String], environment: [String: String], home: String?
  ) throws(PostgresError) {
    values = given
    for keyword in given.keys { origins[keyword] = .connectionString }
    if let service = given["service"] ?? environment.variable("PGSERVICE"), !service.isEmpty {
      let file = given["servicefile"] ?? environment.variable("PGSERVICEFILE")
      let found = try ServiceFile.find(
        service, in: file.flatMap { $0.isEmpty ? nil : $0 }, home: home,
        systemFolder: environment.variable("PGSYSCONFDIR"))
      for (keyword, value) in found.values { add(keyword, value, .serviceFile(found.path)) }
    }
    for keyword in ConnectionKeyword.all {
      guard let variable = keyword.variable, let value = environment.variable(variable) else {
        continue
      }
      add(keyword.name, value, .environment(variable))
    }
    // What older versions of libpq had in the place of PGSSLMODE.
    if environment.variable("PGREQUIRESSL")?.hasPrefix("1") == true {
      add("sslmode", "require", .environment("PGREQUIRESSL"))
    }
    for keyword in ConnectionKeyword.all {
      if let value = values[keyword.name] { try keyword.requireHarmless(value) }
    }
  }

  private mutating func add(
    _ keyword: String, _ value: String, _ origin: PostgresConfiguration.Setting.Origin
  ) {
    guard values[keyword] == nil else { return }
    values[keyword] = value
    origins[keyword] = origin
  }

  // MARK: Reading

  /// A text, nil when it is not given or empty.
  func text(_ keyword: String) -> String? {
    values[keyword].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// One of a type's words, nil when it is not given; an empty text is none of them.
  func choice<Choice: RawRepresentable & CaseIterable>(
    _ keyword: String
  ) throws(PostgresError) -> Choice? where Choice.RawValue == String {
    guard let text = values[keyword] else { return nil }
    guard let choice = Choice(rawValue: text) else {
      throw Self.malformed(
        keyword, text, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }

  /// A whole number, nil when it is not given.
  ///
  /// Source: `pqParseIntParam`: C's `strtol`, with nothing but blanks around it, in 32 bits.
  func number(_ keyword: String) throws(PostgresError) -> Int? {
    guard let text = values[keyword] else { return nil }
    return try Self.number(text, keyword)
  }

  static func number(_ text: String, _ keyword: String) throws(PostgresError) -> Int {
    guard let number = Int32(String(decoding: Array(text.utf8.trimmed), as: UTF8.self)) else {
      throw malformed(keyword, text, "a whole number")
    }
    return Int(number)
  }

  static func malformed(
    _ keyword: String, _ value: String, _ wanted: String
  ) -> PostgresError {
    PostgresError(
      .invalidConfiguration, "\(keyword) is \"\(value)\", but must be \(wanted)")
  }
}

extension [String: String] {
  /// An environment variable; an empty one counts as unset.
  func variable(_ name: String) -> String? {
    self[name].flatMap { $0.isEmpty ? nil : $0 }
  }
}
