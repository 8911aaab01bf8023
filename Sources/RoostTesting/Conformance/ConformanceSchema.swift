public import Roost

extension ConformanceSuite {
  /// The tables of the suite: every column type, every constraint, every delete action.
  public static let migrations = MigrationSet(
    system: "conformance",
    files: [
      MigrationFile(name: "V001__conformance.sql", text: tables),
      MigrationFile(name: "V002__conformance_indexes.sql", text: indexes),
      MigrationFile(name: "V003__conformance_triggers.sql", text: triggerTables),
    ], triggers: [EntryTotals(), LedgerRollUp()])

  private static let tables = """
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');

    CREATE TABLE samples (
      id integer PRIMARY KEY,
      flag boolean,
      small smallint,
      medium integer,
      large bigint,
      single real,
      wide double precision,
      price numeric(10, 2),
      exact numeric,
      label text COLLATE "C",
      short varchar(5) COLLATE "C",
      data bytea,
      token uuid,
      day date,
      local timestamp,
      moment timestamptz,
      document jsonb,
      mood mood,
      numbers integer[],
      words text[]
    );

    CREATE TABLE accounts (
      id serial PRIMARY KEY,
      name text COLLATE "C" NOT NULL,
      email varchar(20) COLLATE "C" UNIQUE,
      age integer CONSTRAINT accounts_age_adult CHECK (age >= 18),
      visits bigint NOT NULL DEFAULT 0 CHECK (visits >= 0),
      token uuid NOT NULL DEFAULT gen_random_uuid(),
      created_at timestamptz NOT NULL DEFAULT now()
    );

    CREATE TABLE items (
      shelf varchar(10) COLLATE "C" NOT NULL,
      slot integer NOT NULL,
      title text COLLATE "C" NOT NULL,
      quantity integer NOT NULL DEFAULT 1 CHECK (quantity >= 0),
      mood mood NOT NULL DEFAULT 'ok',
      owner text COLLATE "C",
      PRIMARY KEY (shelf, slot),
      UNIQUE (title, owner)
    );

    CREATE TABLE parents (
      id integer PRIMARY KEY,
      code varchar(10) COLLATE "C" UNIQUE
    );

    CREATE TABLE links (
      id integer PRIMARY KEY,
      cascade_id integer REFERENCES parents (id) ON DELETE CASCADE,
      null_id integer REFERENCES parents ON DELETE SET NULL,
      restrict_id integer REFERENCES parents ON DELETE RESTRICT,
      action_id integer REFERENCES parents,
      parent_code varchar(10) COLLATE "C" REFERENCES parents (code) ON DELETE CASCADE,
      previous_id integer REFERENCES links ON DELETE SET NULL
    );

    CREATE TABLE leaves (
      id integer PRIMARY KEY,
      link_id integer NOT NULL REFERENCES links ON DELETE CASCADE
    );

    CREATE TABLE rankings (
      id integer PRIMARY KEY,
      points integer,
      team text COLLATE "C",
      level integer NOT NULL
    );
    """

  private static let indexes = """
    CREATE UNIQUE INDEX items_happy_title ON items (title) WHERE mood = 'happy';
    CREATE INDEX items_owner ON items (owner);
    CREATE UNIQUE INDEX accounts_lower_name ON accounts (lower(name));
    CREATE INDEX links_cascade ON links (cascade_id);
    CREATE INDEX rankings_points ON rankings (points, team);
    CREATE INDEX rankings_level ON rankings (level DESC);
    """
}
