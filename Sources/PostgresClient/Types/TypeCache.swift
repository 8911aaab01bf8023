import PostgresWire
import Synchronization

/// Remembers the types that servers have numbered themselves, for all connections of a pool.
final class TypeCache: Sendable {
  /// The most databases that are remembered; a pool has one.
  static let databaseCount = 16

  /// The most types of one database that are remembered; beyond it all are asked for anew.
  static let typeCount = 10_000

  /// A database; the numbers differ from one to the other.
  struct Database: Hashable {
    let host: PostgresConfiguration.Host
    let name: String
  }

  private let catalogues = Mutex<[Database: PostgresTypeCatalogue]>([:])

  /// What is known of a database.
  func catalogue(of database: Database) -> PostgresTypeCatalogue {
    catalogues.withLock { $0[database] } ?? .builtIn
  }

  /// Remembers more types; returns all that is known.
  func add(
    _ types: [PostgresType: PostgresTypeInfo], to database: Database
  ) -> PostgresTypeCatalogue {
    catalogues.withLock { catalogues in
      let known = catalogues[database] ?? .builtIn
      let all =
        known.types.count + types.count <= Self.typeCount
        ? known.adding(types) : PostgresTypeCatalogue(types)
      if catalogues[database] == nil, catalogues.count >= Self.databaseCount {
        catalogues.removeAll()
      }
      catalogues[database] = all
      return all
    }
  }

  /// Forgets a database's types.
  func forget(_ database: Database) {
    catalogues.withLock { $0[database] = nil }
  }
}
