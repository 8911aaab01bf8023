import Foundation
import Roost
import RoostCore

/// A value of the enum type.
enum Mood: String, Codable, Sendable, ColumnValue {
  case sad, ok, happy
}

/// A row with a column of every type.
struct Sample: Record {
  var id: Int
  var flag: Bool?
  var small: Int?
  var medium: Int?
  var large: Int?
  var single: Double?
  var wide: Double?
  var price: Numeric?
  var exact: Numeric?
  var label: String?
  var short: String?
  var data: Data?
  var token: UUID?
  var day: CalendarDate?
  var local: Timestamp?
  var moment: Timestamp?
  var document: JSON?
  var mood: String?
  var numbers: [Int?]?
  var words: [String?]?

  init(id: Int, _ change: (inout Sample) -> Void = { _ in }) {
    self.id = id
    change(&self)
  }

  static let table = "samples"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let flag = Column<Bool?>("flag")
    let small = Column<Int?>("small")
    let medium = Column<Int?>("medium")
    let large = Column<Int?>("large")
    let single = Column<Double?>("single")
    let wide = Column<Double?>("wide")
    let price = Column<Numeric?>("price")
    let exact = Column<Numeric?>("exact")
    let label = Column<String?>("label")
    let short = Column<String?>("short")
    let data = Column<Data?>("data")
    let token = Column<UUID?>("token")
    let day = Column<CalendarDate?>("day")
    let local = Column<Timestamp?>("local")
    let moment = Column<Timestamp?>("moment")
    let document = Column<JSON?>("document")
    let mood = Column<Mood?>("mood")
    let numbers = Column<[Int?]?>("numbers")
  }
}

/// A row with a serial key and every kind of default.
struct Account: Record, Equatable {
  var id: Int?
  var name: String?
  var email: String?
  var age: Int?
  var visits: Int?
  var token: UUID?
  var createdAt: Timestamp?

  init(_ name: String?, email: String? = nil, age: Int? = nil, visits: Int? = nil, id: Int? = nil) {
    self.id = id
    self.name = name
    self.email = email
    self.age = age
    self.visits = visits
  }

  static let table = "accounts"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let name = Column<String>("name")
    let email = Column<String?>("email")
    let age = Column<Int?>("age")
    let visits = Column<Int>("visits")
    let createdAt = Column<Timestamp>("created_at")
    let token = Column<UUID>("token")
  }
}

/// A row with a composite key.
struct Item: Record, Equatable {
  var shelf: String?
  var slot: Int?
  var title: String?
  var quantity: Int?
  var mood: Mood?
  var owner: String?

  init(
    _ shelf: String?, _ slot: Int?, _ title: String?, quantity: Int? = nil, mood: Mood? = nil,
    owner: String? = nil
  ) {
    self.shelf = shelf
    self.slot = slot
    self.title = title
    self.quantity = quantity
    self.mood = mood
    self.owner = owner
  }

  static let table = "items"
  static let columns = Columns()

  struct Columns: Sendable {
    let shelf = Column<String>("shelf")
    let slot = Column<Int>("slot")
    let title = Column<String>("title")
    let quantity = Column<Int>("quantity")
    let mood = Column<Mood>("mood")
    let owner = Column<String?>("owner")
  }
}

/// A row that others refer to.
struct Parent: Record, Equatable {
  var id: Int
  var code: String?

  init(_ id: Int, code: String? = nil) {
    self.id = id
    self.code = code
  }

  static let table = "parents"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let code = Column<String?>("code")
  }
}

/// A row with a foreign key of each delete action.
struct Link: Record, Equatable {
  var id: Int
  var cascadeID: Int?
  var nullID: Int?
  var restrictID: Int?
  var actionID: Int?
  var parentCode: String?
  var previousID: Int?

  init(
    _ id: Int, cascade: Int? = nil, null: Int? = nil, restrict: Int? = nil, action: Int? = nil,
    code: String? = nil, previous: Int? = nil
  ) {
    self.id = id
    cascadeID = cascade
    nullID = null
    restrictID = restrict
    actionID = action
    parentCode = code
    previousID = previous
  }

  static let table = "links"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let cascadeID = Column<Int?>("cascade_id")
    let nullID = Column<Int?>("null_id")
    let restrictID = Column<Int?>("restrict_id")
    let actionID = Column<Int?>("action_id")
    let parentCode = Column<String?>("parent_code")
    let previousID = Column<Int?>("previous_id")
  }
}

/// A row two references away.
struct Leaf: Record, Equatable {
  var id: Int
  var linkID: Int

  init(_ id: Int, link: Int) {
    self.id = id
    linkID = link
  }

  static let table = "leaves"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let linkID = Column<Int>("link_id")
  }
}

/// A row with many equal and missing values, for orders and pages.
struct Ranking: Record, Equatable {
  var id: Int
  var points: Int?
  var team: String?
  var level: Int

  init(_ id: Int, points: Int? = nil, team: String? = nil, level: Int = 0) {
    self.id = id
    self.points = points
    self.team = team
    self.level = level
  }

  static let table = "rankings"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let points = Column<Int?>("points")
    let team = Column<String?>("team")
    let level = Column<Int>("level")
  }
}
