import Roost
import RoostCore

/// A row whose total triggers keep: the sum of its entries and of the ledgers below it.
struct Ledger: Record, Equatable {
  var id: Int
  var parentID: Int?
  var total: Numeric?

  init(_ id: Int, below parent: Int? = nil, total: Numeric? = nil) {
    self.id = id
    parentID = parent
    self.total = total
  }

  static let table = "ledgers"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let parentID = Column<Int?>("parent_id")
    let total = Column<Numeric>("total")
  }
}

/// A row that adds to a ledger's total.
struct Entry: Record, Equatable {
  var id: Int
  var ledgerID: Int
  var writerID: Int?
  var amount: Numeric

  init(_ id: Int, in ledger: Int, by writer: Int? = nil, _ amount: Numeric) {
    self.id = id
    ledgerID = ledger
    writerID = writer
    self.amount = amount
  }

  static let table = "entries"
  static let columns = Columns()

  struct Columns: Sendable {
    let id = Column<Int>("id")
    let ledgerID = Column<Int>("ledger_id")
    let writerID = Column<Int?>("writer_id")
    let amount = Column<Numeric>("amount")
  }
}

extension ConformanceSuite {
  static let triggerTables = """
    CREATE TABLE ledgers (
      id integer PRIMARY KEY,
      parent_id integer REFERENCES ledgers ON DELETE SET NULL CHECK (parent_id < id),
      total numeric(8, 2) NOT NULL DEFAULT 0 CONSTRAINT ledgers_total_limit CHECK (total <= 100)
    );

    CREATE TABLE entries (
      id integer PRIMARY KEY,
      ledger_id integer NOT NULL REFERENCES ledgers ON DELETE CASCADE,
      writer_id integer REFERENCES parents ON DELETE CASCADE,
      amount numeric(8, 2) NOT NULL CHECK (amount >= 0)
    );

    CREATE FUNCTION add_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP <> 'INSERT' THEN
        UPDATE ledgers SET total = total - OLD.amount WHERE id = OLD.ledger_id;
      END IF;
      IF TG_OP <> 'DELETE' THEN
        UPDATE ledgers SET total = total + NEW.amount WHERE id = NEW.ledger_id;
      END IF;
      RETURN NULL;
    END $$;

    CREATE TRIGGER entries_total AFTER INSERT OR UPDATE OR DELETE ON entries
      FOR EACH ROW EXECUTE FUNCTION add_entry();

    CREATE FUNCTION add_to_parent() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      UPDATE ledgers SET total = total + (NEW.total - OLD.total) WHERE id = NEW.parent_id;
      RETURN NULL;
    END $$;

    CREATE TRIGGER ledgers_roll_up AFTER UPDATE ON ledgers
      FOR EACH ROW EXECUTE FUNCTION add_to_parent();
    """

  /// The counterpart of `entries_total`.
  struct EntryTotals: TriggerFunction {
    let table = "entries"
    let name = "entries_total"

    func fire<Session: RowSession>(
      _ firing: TriggerFiring, in session: inout Session
    ) throws(StoreError) {
      if let old = firing.old {
        try add(-(try old[Entry.columns.amount]), to: try old[Entry.columns.ledgerID], &session)
      }
      if let new = firing.new {
        try add(try new[Entry.columns.amount], to: try new[Entry.columns.ledgerID], &session)
      }
    }
  }

  /// The counterpart of `ledgers_roll_up`.
  struct LedgerRollUp: TriggerFunction {
    let table = "ledgers"
    let name = "ledgers_roll_up"

    func fire<Session: RowSession>(
      _ firing: TriggerFiring, in session: inout Session
    ) throws(StoreError) {
      guard let old = firing.old, let new = firing.new else { return }
      guard let parent = try new[Ledger.columns.parentID] else { return }
      try add(
        try new[Ledger.columns.total] - (try old[Ledger.columns.total]), to: parent, &session)
    }
  }

  private static func add<Session: RowSession>(
    _ amount: Numeric, to ledger: Int, _ session: inout Session
  ) throws(StoreError) {
    try session.apply(
      .update(
        .init(
          table: Ledger.table, assignments: [Ledger.columns.total.increment(by: amount)],
          filter: (Ledger.columns.id == ledger).expression)))
  }
}
