import PostgresClient
import Roost
import RoostPostgres
import RoostSystems
import RoostTesting
import Testing

/// What only a server can do: locks, roles, indexes that failed.
@Suite(.timeLimit(.minutes(15))) struct PostgresMigrationTests {
  private func connect(_ fixture: MigrationFixture) async throws -> PostgresConnection {
    try await PostgresConnection.connect(
      PostgresConfiguration(fixture.url, environment: [:]))
  }

  /// Runs SQL on a connection of its own.
  private func run(_ sql: String, _ fixture: MigrationFixture) async throws {
    let connection = try await connect(fixture)
    try await connection.simple(sql)
    await connection.close()
  }

  // MARK: Failing

  @Test func failuresNamePlaceAndLeaveNothing() async throws {
    let fixture = try await MigrationFixture(.postgres)
    let set = MigrationFixture.set([
      "CREATE TABLE t (id integer PRIMARY KEY);",
      "CREATE TABLE later (id integer PRIMARY KEY);\n-- roost: only postgres\nSELECT 1,\n  nothing FROM t;",
    ])
    let error = await MigrationFixture.failure { try await fixture.up(set) }
    #expect(error?.code == .undefinedColumn)
    #expect(
      error?.message
        == "test/V002__step2.sql:4:3: column \"nothing\" does not exist; done before it: test/V001__step1.sql"
    )
    #expect(try await fixture.versions(set) == [1])
    let connection = try await connect(fixture)
    let isThere = try await connection.queryOne(
      "SELECT to_regclass('later') IS NOT NULL", as: Bool.self)
    #expect(!isThere)
    await connection.close()
  }

  /// The database's settings do not change what a file means.
  @Test(arguments: TestBackend.allCases)
  func filesMeanTheSame(_ backend: TestBackend) async throws {
    let fixture = try await MigrationFixture(backend)
    if backend == .postgres {
      try await run(
        """
        DO $$ BEGIN
          EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database());
          EXECUTE format(
            'ALTER DATABASE %I SET standard_conforming_strings = off', current_database());
        END $$
        """, fixture)
    }
    let set = MigrationFixture.set([
      #"""
      CREATE TABLE t (id integer PRIMARY KEY, at timestamptz DEFAULT '2024-05-01 12:00',
        plain timestamp, s text COLLATE "C");
      INSERT INTO t (id, plain, s) VALUES (1, '2024-05-01 12:00', 'a\b');
      """#, "ALTER TABLE t ALTER plain TYPE timestamptz;",
    ])
    try await fixture.up(set)
    let time = "2024-05-01T12:00:00.000000Z"
    let rows = try await fixture.rows("t", set)
    #expect(rows == [["1", time, time, #"a\b"#]])
  }

  @Test func invalidIndexesAreNoticed() async throws {
    let fixture = try await MigrationFixture(.postgres)
    let table = "CREATE TABLE t (id integer PRIMARY KEY, a integer);"
    let index = """
      -- roost: no-transaction
      CREATE INDEX CONCURRENTLY t_fine ON t (a);
      CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS "T once" ON t (a);
      """
    try await fixture.up(MigrationFixture.set([table]))
    try await run("INSERT INTO t VALUES (1, 5), (2, 5)", fixture)
    let set = MigrationFixture.set([table, index])
    let error = await MigrationFixture.failure { try await fixture.up(set) }
    #expect(error?.code == .uniqueViolation && error?.constraint == "T once")
    let drop = "remove it with: DROP INDEX CONCURRENTLY \"T once\";"
    let message = error?.message ?? ""
    #expect(message.hasPrefix("test/V002__step2.sql:3:1: "), "\(message)")
    #expect(message.contains("1 statements before it have run and stay"), "\(message)")
    #expect(message.hasSuffix(drop), "\(message)")
    try await fixture.migrate(set) { migrator in
      let overview = try await migrator.status()
      #expect(overview.invalidIndexes.map(\.object) == ["T once"])
      #expect(overview.invalidIndexes.first?.description.hasSuffix(drop) == true)
      let report = try await migrator.verify()
      #expect(report.drifts.contains { $0.kind == .invalidIndex && $0.object == "T once" })
      #expect(!report.isClean)
    }
    // IF NOT EXISTS would be content with it.
    try await run("UPDATE t SET a = id; DROP INDEX t_fine", fixture)
    let again = await MigrationFixture.failure { try await fixture.up(set) }
    #expect(again?.code == .schemaDrift && again?.message.hasSuffix(drop) == true)
    #expect(try await fixture.versions(set) == [1])
    try await run("DROP INDEX CONCURRENTLY \"T once\"", fixture)
    try await run("DROP INDEX t_fine", fixture)
    #expect(try await fixture.up(set) == ["test/V002__step2.sql"])
    let report = try await fixture.migrate(set) { try await $0.verify() }
    #expect(report.isClean, "\(report.drifts)")
  }

  // MARK: Waiting

  /// A migrator that waits has no transaction open, for which CREATE INDEX CONCURRENTLY would wait.
  @Test func waitingIsInNobodysWay() async throws {
    let fixture = try await MigrationFixture(.postgres)
    let table = "CREATE TABLE t (id integer PRIMARY KEY, a integer);"
    try await fixture.up(MigrationFixture.set([table]))
    let other = try await connect(fixture)
    let key = 0x72_6F6F_7374
    _ = try await other.query("SELECT pg_advisory_lock(\(key))")
    let set = MigrationFixture.set([table, "ALTER TABLE t ADD COLUMN b integer;"])
    async let applied = fixture.up(set)
    // It has asked for the lock at least once when its session is there with that question.
    while try await other.queryOne(
      """
      SELECT NOT EXISTS (SELECT FROM pg_stat_activity
        WHERE query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()
          AND datname = current_database())
      """, as: Bool.self)
    {
      try await Task.sleep(for: .milliseconds(5))
    }
    try await other.simple("CREATE INDEX CONCURRENTLY t_a ON t (a)")
    #expect(try await fixture.versions(set) == [1], "it waits")
    await other.close()
    #expect(try await applied == ["test/V002__step2.sql"])
  }

  // MARK: Roles

  /// A URL of the same database for a role without any right but those granted.
  private func role(
    _ name: String, granting grants: String, _ fixture: MigrationFixture
  ) async throws -> String {
    let role = "\(name)_\(UInt32.random(in: 0...UInt32.max))"
    try await run("CREATE ROLE \(role) LOGIN; " + grants.replacing("ROLE", with: role), fixture)
    return fixture.url.replacing("//roost:", with: "//\(role):")
  }

  @Test func checkNeedsNoRightToChangeTables() async throws {
    let fixture = try await MigrationFixture(.postgres)
    let table = "CREATE TABLE t (id integer PRIMARY KEY, a integer);"
    let set = MigrationFixture.set([table])
    try await fixture.up(set)
    let url = try await role(
      "app",
      granting: "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ROLE",
      fixture)
    try #require(url != fixture.url)
    for mode in [MigrationMode.check, .auto] {
      let store = try await Store.open(
        url, backends: [.postgres], migrations: [set], migrate: mode, environment: [:])
      let inserted = try await store.backend.apply([
        .insert(.init(table: "t", columns: ["id"], rows: [[.int(mode == .check ? 1 : 2)]]))
      ])
      #expect(inserted[0].affected == 1)
      await store.close()
    }
    let more = MigrationFixture.set([table, "ALTER TABLE t ADD COLUMN b integer;"])
    for (mode, code) in [
      (MigrationMode.check, StoreError.Code.migrationPending), (.auto, .accessDenied),
    ] {
      let error = await MigrationFixture.failure {
        _ = try await Store.open(
          url, backends: [.postgres], migrations: [more], migrate: mode, environment: [:])
      }
      #expect(error?.code == code, "\(mode): \(error.map { "\($0)" } ?? "none")")
    }
    let migrator = try await Migrator.open(
      url, backends: [.postgres], migrations: [set], environment: [:])
    #expect(try await migrator.status().migrations.map(\.state) == [.applied])
    let denied = await MigrationFixture.failure { _ = try await migrator.verify() }
    #expect(denied?.code == .accessDenied)
    #expect(denied?.message.contains("GRANT CREATE ON DATABASE") == true)
    await migrator.close()
  }

  // MARK: Verifying

  @Test func cleanStoresVerify() async throws {
    let fixture = try await MigrationFixture(.postgres)
    for set in [MigrationSet.coherence, ConformanceSuite.migrations] {
      try await fixture.up(set)
      let report = try await fixture.migrate(set) { try await $0.verify() }
      #expect(report.isClean, "\(report.drifts)")
      #expect(set.system != "coherence" || report.warnings.isEmpty, "\(report.warnings)")
    }
    // Also in a schema of its own, whose extensions live in another.
    let url = fixture.url + (fixture.url.contains("?") ? "&" : "?") + "schema=se%22cond"
    let migrator = try await Migrator.open(
      url, backends: [.postgres], migrations: [.coherence], environment: [:])
    #expect(try await migrator.up().count == MigrationSet.coherence.files.count / 2)
    let report = try await migrator.verify()
    #expect(report.isClean, "\(report.drifts)")
    await migrator.close()
    let left = try await connect(fixture)
    #expect(
      try await left.queryOne(
        "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'roost_shadow%'", as: Int.self) == 0)
    await left.close()
  }

  private static let shop = """
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE owner (id serial PRIMARY KEY, name text COLLATE "C" NOT NULL DEFAULT 'public.x');
    CREATE TABLE item (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), price numeric(8,2) NOT NULL,
      m mood NOT NULL DEFAULT 'ok', owner_id integer NOT NULL REFERENCES owner ON DELETE CASCADE,
      tag varchar(20), made_at timestamptz NOT NULL DEFAULT now(), UNIQUE (tag, price),
      CONSTRAINT cheap CHECK (price < 100 AND price > 0));
    -- roost: only postgres
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN NEW.made_at := now(); RETURN NEW; END $$;
    -- roost: only postgres
    CREATE TRIGGER item_touch BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE INDEX item_dear ON item (price DESC) WHERE m = 'ok';
    """
  private static let index = """
    -- roost: no-transaction
    CREATE INDEX CONCURRENTLY IF NOT EXISTS item_made ON item (made_at);
    -- roost: only postgres
    VACUUM item;
    """

  @Test(
    arguments: [
      (
        "ALTER TABLE item ALTER price TYPE numeric(9,2)",
        "table \"item\", column \"price\": type: expected numeric(8,2), found numeric(9,2)"
      ),
      (
        "ALTER TABLE item ALTER price DROP NOT NULL",
        "table \"item\", column \"price\": nullability: expected NOT NULL, found NULL"
      ),
      (
        "ALTER TABLE owner ALTER name SET DEFAULT 'x'",
        "table \"owner\", column \"name\": default: expected 'public.x'::text, found 'x'::text"
      ),
      (
        "ALTER TABLE item ALTER m DROP DEFAULT",
        "table \"item\", column \"m\": default: expected 'ok'::mood, found none"
      ),
      (
        "ALTER TABLE owner ALTER name TYPE text COLLATE \"default\"",
        "table \"owner\", column \"name\": collation: expected C, found default"
      ),
      (
        "ALTER TABLE owner DROP COLUMN name",
        "table \"owner\", column \"name\" is missing: expected text"
      ),
      (
        "ALTER TABLE item ADD COLUMN more integer",
        "table \"item\", column \"more\" is extra: integer"
      ),
      (
        "ALTER TABLE item DROP CONSTRAINT cheap",
        "table \"item\", constraint \"cheap\" is missing: expected CHECK (price < 100::numeric AND price > 0::numeric)"
      ),
      (
        "ALTER TABLE item DROP CONSTRAINT cheap, ADD CONSTRAINT cheap CHECK (price < 100)",
        "table \"item\", constraint \"cheap\": expected CHECK (price < 100::numeric AND price > 0::numeric), found CHECK (price < 100::numeric)"
      ),
      (
        "ALTER TABLE item ADD CONSTRAINT more CHECK (price <> 7) NOT VALID",
        "table \"item\", constraint \"more\" is extra: CHECK (price <> 7::numeric) NOT VALID"
      ),
      (
        "ALTER TABLE item DROP CONSTRAINT item_owner_id_fkey, ADD CONSTRAINT item_owner_id_fkey FOREIGN KEY (owner_id) REFERENCES owner",
        "table \"item\", constraint \"item_owner_id_fkey\": expected FOREIGN KEY (owner_id) REFERENCES owner(id) ON DELETE CASCADE, found FOREIGN KEY (owner_id) REFERENCES owner(id)"
      ),
      (
        "ALTER TABLE item DROP CONSTRAINT item_tag_price_key",
        "table \"item\", constraint \"item_tag_price_key\" is missing: expected UNIQUE (tag, price)"
      ),
      (
        "ALTER TABLE item DROP CONSTRAINT item_pkey",
        "table \"item\", constraint \"item_pkey\" is missing: expected PRIMARY KEY (id)"
      ),
      (
        "DROP INDEX item_dear",
        "table \"item\", index \"item_dear\" is missing: expected CREATE INDEX item_dear ON item USING btree (price DESC) WHERE m = 'ok'::mood"
      ),
      (
        "DROP INDEX item_dear; CREATE INDEX item_dear ON item (price)",
        "table \"item\", index \"item_dear\": expected CREATE INDEX item_dear ON item USING btree (price DESC) WHERE m = 'ok'::mood, found CREATE INDEX item_dear ON item USING btree (price)"
      ),
      (
        "CREATE INDEX mine ON item (tag)",
        "table \"item\", index \"mine\" is extra: CREATE INDEX mine ON item USING btree (tag)"
      ),
      (
        "DROP TRIGGER item_touch ON item",
        "table \"item\", trigger \"item_touch\" is missing: expected CREATE TRIGGER item_touch BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touch()"
      ),
      (
        "ALTER TABLE item DISABLE TRIGGER item_touch",
        "table \"item\", trigger \"item_touch\": expected CREATE TRIGGER item_touch BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touch(), found CREATE TRIGGER item_touch BEFORE UPDATE ON item FOR EACH ROW EXECUTE FUNCTION touch() (disabled)"
      ),
      (
        "CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "function \"touch()\": expected RETURNS trigger LANGUAGE plpgsql AS BEGIN NEW.made_at := now(); RETURN NEW; END, found RETURNS trigger LANGUAGE plpgsql AS BEGIN RETURN NEW; END"
      ),
      (
        "ALTER TYPE mood ADD VALUE 'fine' BEFORE 'ok'",
        "type \"mood\": expected 'sad', 'ok', found 'sad', 'fine', 'ok'"
      ),
      (
        "DROP TABLE item",
        "table \"item\" is missing: expected (id, price, m, owner_id, tag, made_at)"
      ),
      (
        "CREATE TABLE unrelated (id integer); CREATE FUNCTION unrelated() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        ""
      ),
    ] as [(String, String)])
  func driftIsFound(sql: String, drift: String) async throws {
    let fixture = try await MigrationFixture(.postgres)
    let set = MigrationFixture.set([Self.shop, Self.index])
    try await fixture.up(set)
    let clean = try await fixture.migrate(set) { try await $0.verify() }
    #expect(clean.isClean, "\(clean.drifts)")
    #expect(clean.warnings.count == 1 && clean.warnings[0].contains("\"tag\" lacks COLLATE \"C\""))
    try await run(sql, fixture)
    let report = try await fixture.migrate(set) { try await $0.verify() }
    #expect(report.drifts.map(\.description) == (drift.isEmpty ? [] : [drift]))
    #expect(report.isClean == drift.isEmpty)
  }
}
