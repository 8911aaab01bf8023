import Foundation
import Roost
import RoostCore

/// A resource's records under change. Ids are JSON values: the number 1 is not the text "1".
struct MockRecords {
  private(set) var all: [JSON]
  private let idField: String

  init(_ records: [JSON] = [], idField: String) {
    all = records
    self.idField = idField
  }

  /// The record with an id.
  /// - Throws: `notFound`.
  func record(_ id: JSON) throws(StoreError) -> JSON { all[try position(of: id)] }

  /// Adds a record. One without an id gets the number behind the greatest, or, when not all ids
  /// are whole numbers, a UUID.
  /// - Returns: the record with its id.
  /// - Throws: `uniqueViolation` when the id is taken; `invalidValue`.
  mutating func add(_ record: JSON) throws(StoreError) -> JSON {
    var members = try Self.members(of: record)
    if let id = try id(of: members) {
      guard !all.contains(where: { $0[idField] == id }) else {
        throw StoreError(
          .uniqueViolation, "there is a record with the \(idField) \(id) already",
          table: MockData.table)
      }
    } else {
      members[idField] = newID()
    }
    all.append(.object(members))
    return .object(members)
  }

  /// Changes a record, which keeps its id.
  /// - Returns: the record as it is now.
  /// - Throws: `notFound`; `invalidValue` when the change gives it another id; what it throws.
  mutating func change(_ id: JSON, _ change: (JSON) throws -> JSON) throws -> JSON {
    let position = try position(of: id)
    var members = try Self.members(of: try change(all[position]))
    if let given = try self.id(of: members), given != id {
      throw StoreError(
        .invalidValue, "a record keeps its \(idField): \(id) cannot become \(given)",
        table: MockData.table)
    }
    members[idField] = all[position][idField]
    all[position] = .object(members)
    return all[position]
  }

  /// Removes a record.
  /// - Throws: `notFound`.
  mutating func remove(_ id: JSON) throws(StoreError) {
    all.remove(at: try position(of: id))
  }

  private func position(of id: JSON) throws(StoreError) -> Int {
    guard let position = all.firstIndex(where: { $0[idField] == id }) else {
      throw StoreError(
        .notFound, "there is no record with the \(idField) \(id)", table: MockData.table)
    }
    return position
  }

  private static func members(of record: JSON) throws(StoreError) -> JSON.Object {
    guard let members = record.object else {
      throw StoreError(.invalidValue, "a record is a JSON object", table: MockData.table)
    }
    return members
  }

  /// The id that a record names; nil when it has none, or null.
  private func id(of members: JSON.Object) throws(StoreError) -> JSON? {
    switch members[idField] {
    case nil, .null?: return nil
    case .number?, .string?: return members[idField]
    default:
      throw StoreError(
        .invalidValue, "a record's \(idField) is a number or a text", table: MockData.table)
    }
  }

  private func newID() -> JSON {
    var greatest: Int64 = 0
    for record in all {
      guard let number = record[idField]?.int64, number < .max else {
        return .string(UUID().uuidString.lowercased())
      }
      greatest = max(greatest, number)
    }
    return .number(Numeric(greatest + 1))
  }
}
