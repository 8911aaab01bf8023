/// One row of a result, where it was received.
///
/// It cannot be copied: its values are read in the call that is given it, and are gone after.
public struct PostgresRow: ~Copyable {
  /// Where a value is, and what it is.
  @usableFromInline
  struct Entry: Sendable {
    @usableFromInline var offset: Int32 = 0
    /// -1 for NULL.
    @usableFromInline var length: Int32 = -1
    @usableFromInline var type: PostgresType
    @usableFromInline var format: PostgresFormat

    init(_ column: PostgresColumn) {
      type = column.type
      format = column.format
    }
  }

  /// The columns.
  public let columns: PostgresColumns
  @usableFromInline let entries: UnsafeMutablePointer<Entry>
  @usableFromInline let count: Int
  @usableFromInline var body: UnsafeRawPointer
  /// The columns', which own it.
  @usableFromInline let types: Unmanaged<PostgresTypeCatalogue>
  private var bodyByteCount = 0

  /// The whole DataRow as it was received.
  package var message: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: body, count: bodyByteCount)
  }

  /// A row of NULLs, until `load` is called.
  package init(columns: PostgresColumns) {
    self.columns = columns
    types = .passUnretained(columns.catalogue)
    let template = columns.entries
    count = template.count
    entries = .allocate(capacity: max(count, 1))
    body = UnsafeRawPointer(entries)
    let entries = entries
    template.withUnsafeBufferPointer { template in
      if let start = template.baseAddress {
        entries.initialize(from: start, count: template.count)
      }
    }
  }

  deinit {
    entries.deallocate()
  }

  /// Takes the body of a DataRow, which must outlive its use here, and finds its values.
  ///
  /// Every length is checked here once, so that reading the values need not.
  package mutating func load(_ message: UnsafeRawBufferPointer) throws(WireError) {
    guard let start = message.baseAddress, message.count >= 2 else {
      throw .truncated("DataRow")
    }
    let columnCount = Int16(bigEndian: start.loadUnaligned(as: Int16.self))
    guard Int(columnCount) == count else {
      throw .malformed("DataRow has \(columnCount) values for \(count) columns")
    }
    var offset = 2
    for index in 0..<count {
      guard message.count - offset >= 4 else { throw .truncated("DataRow") }
      let length = Int32(
        bigEndian: start.loadUnaligned(fromByteOffset: offset, as: Int32.self))
      offset += 4
      entries[index].offset = Int32(truncatingIfNeeded: offset)
      entries[index].length = length
      if length >= 0 {
        guard Int(length) <= message.count - offset else { throw .truncated("DataRow") }
        offset += Int(length)
      } else if length != -1 {
        throw .malformed("DataRow has a field of length \(length)")
      }
    }
    guard offset == message.count else {
      throw .malformed("DataRow has \(message.count - offset) bytes too many")
    }
    body = start
    bodyByteCount = message.count
  }

  /// The value at this place. Throws when there is no such column.
  @inlinable
  public func cell(at index: Int) throws(PostgresDecodingError) -> PostgresCell {
    guard index >= 0, index < count else { throw missing(column: "\(index)") }
    return PostgresRowReader.cell(entries[index], body, types)
  }

  /// The bytes of the value at this place, valid only in the call that was given the row; nil for
  /// NULL, and where there is no such column.
  @inlinable
  public func bytes(at index: Int) -> UnsafeRawBufferPointer? {
    guard index >= 0, index < count, entries[index].length >= 0 else { return nil }
    return UnsafeRawBufferPointer(
      start: body + Int(entries[index].offset), count: Int(entries[index].length))
  }

  /// Reads the value at this place.
  @inlinable
  public func decode<T: PostgresDecodable>(
    _: T.Type = T.self, at index: Int
  ) throws(PostgresDecodingError) -> T {
    do throws(PostgresDecodingError) {
      return try T.decode(try cell(at: index))
    } catch {
      throw named(error, index)
    }
  }

  /// Reads the value of the column with this name. Throws also when there is none.
  public func decode<T: PostgresDecodable>(
    _ type: T.Type = T.self, named name: String
  ) throws(PostgresDecodingError) -> T {
    guard let index = columns.index(named: name) else { throw missing(column: name, as: type) }
    return try decode(type, at: index)
  }

  /// Reads the whole row; it must have as many columns as the tuple has places.
  @inlinable
  @inline(__always)
  public func decode<each T: PostgresDecodable>(
    as _: (repeat each T).Type = (repeat each T).self
  ) throws(PostgresDecodingError) -> (repeat each T) {
    var width = 0
    for _ in repeat (each T).self { width += 1 }
    guard width == count else { throw wrongWidth(width) }
    var reader = PostgresRowReader(entry: entries, body: body, types: types)
    do throws(PostgresDecodingError) {
      return (repeat try reader.next((each T).self))
    } catch {
      throw named(error, reader.index - 1)
    }
  }

  /// The values as readable texts by the columns' names, nil for NULL, for tools that know no
  /// types; of columns with one name the last.
  public func texts() throws(PostgresDecodingError) -> [String: String?] {
    var texts: [String: String?] = [:]
    for index in 0..<count {
      do throws(PostgresDecodingError) {
        texts[columns[index].name] = .some(try cell(at: index).readableText())
      } catch {
        throw named(error, index)
      }
    }
    return texts
  }

  @inline(never)
  @usableFromInline
  func missing(column: String, as swiftType: any Any.Type = Any.self) -> PostgresDecodingError {
    PostgresDecodingError(
      "the result has no such column", type: .unspecified, swiftType: swiftType, column: column)
  }

  @inline(never)
  @usableFromInline
  func wrongWidth(_ width: Int) -> PostgresDecodingError {
    PostgresDecodingError(
      "the row has \(count) columns, \(width) are wanted", type: .unspecified,
      swiftType: Any.self)
  }

  @inline(never)
  @usableFromInline
  func named(_ error: PostgresDecodingError, _ index: Int) -> PostgresDecodingError {
    error.named(columns.column(at: index)?.name ?? "\(index)", index: index)
  }
}

/// A type that reads itself from a whole row, by names, by places, or both.
///
///     struct Person: PostgresRowDecodable {
///       var id: Int
///       var name: String?
///
///       init(row: borrowing PostgresRow) throws {
///         id = try row.decode(named: "id")
///         name = try row.decode(named: "name")
///       }
///     }
public protocol PostgresRowDecodable {
  /// Reads a row. What it throws fails the query.
  init(row: borrowing PostgresRow) throws
}

/// Reads a row's values one after the other; only as long as the row.
@usableFromInline
struct PostgresRowReader {
  @usableFromInline var entry: UnsafeMutablePointer<PostgresRow.Entry>
  @usableFromInline let body: UnsafeRawPointer
  @usableFromInline let types: Unmanaged<PostgresTypeCatalogue>
  @usableFromInline var index = 0

  @inlinable
  init(
    entry: UnsafeMutablePointer<PostgresRow.Entry>, body: UnsafeRawPointer,
    types: Unmanaged<PostgresTypeCatalogue>
  ) {
    self.entry = entry
    self.body = body
    self.types = types
  }

  @inlinable
  @inline(__always)
  static func cell(
    _ entry: PostgresRow.Entry, _ body: UnsafeRawPointer, _ types: Unmanaged<PostgresTypeCatalogue>
  ) -> PostgresCell {
    let isNull = entry.length < 0
    return PostgresCell(
      start: isNull ? nil : body + Int(entry.offset), count: isNull ? 0 : Int(entry.length),
      type: entry.type, format: entry.format, types: types)
  }

  @inlinable
  @inline(__always)
  mutating func next<T: PostgresDecodable>(_: T.Type) throws(PostgresDecodingError) -> T {
    let cell = Self.cell(entry.pointee, body, types)
    entry += 1
    index += 1
    return try T.decode(cell)
  }
}
