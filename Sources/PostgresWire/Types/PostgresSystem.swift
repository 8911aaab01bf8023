/// A place in the write-ahead log: SQL's `pg_lsn`.
public struct PostgresLSN: PostgresScalar {
  /// The number of bytes from the log's beginning.
  public let rawValue: UInt64

  /// So many bytes from the log's beginning.
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Reads `16/B374D848`; nil when the text has another form.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 2, let high = UInt32(parts[0], radix: 16),
      let low = UInt32(parts[1], radix: 16)
    else { return nil }
    rawValue = UInt64(high) << 32 | UInt64(low)
  }

  /// `16/B374D848`.
  public var description: String {
    let high = String(rawValue >> 32, radix: 16, uppercase: true)
    return high + "/" + String(rawValue & 0xffff_ffff, radix: 16, uppercase: true)
  }

  /// `pg_lsn`.
  public static var postgresParameterType: PostgresType { .pgLSN }

  /// Eight bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    rawValue = try reader.integer()
  }

  /// Eight bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(rawValue)
  }
}

/// A transaction's number, which wraps after four thousand million: SQL's `xid`.
public struct PostgresXID: PostgresScalar {
  /// The number.
  public let rawValue: UInt32

  /// The transaction of this number.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Reads decimal digits; nil when the text has another form.
  public init?(_ text: String) {
    guard let value = UInt32(text) else { return nil }
    rawValue = value
  }

  /// Decimal digits.
  public var description: String { "\(rawValue)" }

  /// `xid`.
  public static var postgresParameterType: PostgresType { .xid }

  /// Four bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    rawValue = try reader.integer()
  }

  /// Four bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(rawValue)
  }
}

/// A transaction's number, which does not wrap: SQL's `xid8`.
public struct PostgresXID8: PostgresScalar {
  /// The number.
  public let rawValue: UInt64

  /// The transaction of this number.
  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  /// Reads decimal digits; nil when the text has another form.
  public init?(_ text: String) {
    guard let value = UInt64(text) else { return nil }
    rawValue = value
  }

  /// Decimal digits.
  public var description: String { "\(rawValue)" }

  /// `xid8`.
  public static var postgresParameterType: PostgresType { .xid8 }

  /// Eight bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    rawValue = try reader.integer()
  }

  /// Eight bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(rawValue)
  }
}

/// A command's number within its transaction: SQL's `cid`.
public struct PostgresCID: PostgresScalar {
  /// The number.
  public let rawValue: UInt32

  /// The command of this number.
  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  /// Reads decimal digits; nil when the text has another form.
  public init?(_ text: String) {
    guard let value = UInt32(text) else { return nil }
    rawValue = value
  }

  /// Decimal digits.
  public var description: String { "\(rawValue)" }

  /// `cid`.
  public static var postgresParameterType: PostgresType { .cid }

  /// Four bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    rawValue = try reader.integer()
  }

  /// Four bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(rawValue)
  }
}

/// Where a row is in its table: SQL's `tid`, the type of `ctid`.
public struct PostgresTID: PostgresScalar {
  /// The page of the table, from 0.
  public let block: UInt32
  /// The place in the page, from 1.
  public let offset: UInt16

  /// A place in a table.
  public init(block: UInt32, offset: UInt16) {
    self.block = block
    self.offset = offset
  }

  /// Reads `(0,1)`; nil when the text has another form.
  public init?(_ text: String) {
    let parts = text.dropFirst().dropLast().split(
      separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
    guard text.hasPrefix("("), text.hasSuffix(")"), parts.count == 2,
      let block = UInt32(parts[0]), let offset = UInt16(parts[1])
    else { return nil }
    self.init(block: block, offset: offset)
  }

  /// `(0,1)`.
  public var description: String { "(\(block),\(offset))" }

  /// `tid`.
  public static var postgresParameterType: PostgresType { .tid }

  /// Six bytes.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    block = try reader.integer()
    offset = try reader.integer()
  }

  /// Six bytes.
  public func encode(into writer: inout PostgresValueWriter) {
    writer.write(block)
    writer.write(offset)
  }
}

/// Which transactions are seen: SQL's `pg_snapshot` and `txid_snapshot`.
public struct PostgresSnapshot: PostgresScalar {
  /// The oldest transaction that was running.
  public let minimum: UInt64
  /// The first number that no transaction had yet.
  public let maximum: UInt64
  /// The transactions between them that were running, in rising order.
  public let running: [UInt64]

  /// A snapshot.
  public init(minimum: UInt64, maximum: UInt64, running: [UInt64]) {
    self.minimum = minimum
    self.maximum = maximum
    self.running = running
  }

  /// Reads `10:20:10,14,15`; nil when the text has another form.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, let minimum = UInt64(parts[0]), let maximum = UInt64(parts[1]) else {
      return nil
    }
    // One by one: to take them all apart first would need many times the text's memory.
    var running: [UInt64] = []
    var rest = parts[2]
    while !rest.isEmpty {
      let digits = rest.prefix { $0 != "," }
      rest = rest[digits.endIndex...].dropFirst()
      guard let number = UInt64(digits) else { return nil }
      running.append(number)
    }
    self.init(minimum: minimum, maximum: maximum, running: running)
  }

  /// `10:20:10,14,15`.
  public var description: String {
    "\(minimum):\(maximum):\(running.map(String.init).joined(separator: ","))"
  }

  /// `pg_snapshot`.
  public static var postgresParameterType: PostgresType { .pgSnapshot }

  /// `txid_snapshot`.
  public static var postgresOtherTypes: [PostgresType] { [.txidSnapshot] }

  /// A count, the two ends and the numbers.
  public init(from reader: inout PostgresValueReader) throws(PostgresDecodingError) {
    let count = try reader.count(ofByteCount: 8)
    minimum = try reader.integer()
    maximum = try reader.integer()
    var running: [UInt64] = []
    running.reserveCapacity(count)
    for _ in 0..<count { running.append(try reader.integer()) }
    self.running = running
  }

  /// Twenty bytes, and eight for each that was running.
  public func encode(into writer: inout PostgresValueWriter) throws(PostgresEncodingError) {
    guard let count = Int32(exactly: running.count) else {
      throw PostgresEncodingError("there are more transactions than Postgres can hold")
    }
    writer.write(count)
    for number in [minimum, maximum] + running { writer.write(number) }
  }
}
