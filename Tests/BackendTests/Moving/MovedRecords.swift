import Roost

/// Tables that a test moves: with a unique value, and with references of two kinds.
enum Moved {
  static let migrations = MigrationSet(
    system: "moved",
    files: [
      MigrationFile(
        name: "V001__create_owners.sql",
        text: """
          CREATE TABLE owners (
            id integer PRIMARY KEY,
            code text COLLATE "C" NOT NULL UNIQUE
          );
          CREATE TABLE things (
            id integer PRIMARY KEY,
            owner_id integer REFERENCES owners ON DELETE CASCADE,
            keeper_id integer REFERENCES owners ON DELETE SET NULL
          );
          """)
    ])
}

struct Owner: Record, Equatable {
  var id: Int
  var code: String

  static let table = "owners"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let code = Column<String>("code")
  }
}

struct Thing: Record, Equatable {
  var id: Int
  var ownerID: Int?
  var keeperID: Int?

  enum CodingKeys: String, CodingKey {
    case id
    case ownerID = "owner_id"
    case keeperID = "keeper_id"
  }

  static let table = "things"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let ownerID = Column<Int?>("owner_id")
    let keeperID = Column<Int?>("keeper_id")
  }
}
