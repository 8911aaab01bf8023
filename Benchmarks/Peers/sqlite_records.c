// The mixes over SQLite, as a C program would write them: WAL with synchronous=FULL, prepared
// statements, a transaction for each write. `records.h` says how it is called; PLACE is a file, or
// `:memory:`.
#include <sqlite3.h>

#include "records.h"

static sqlite3 *database;
static sqlite3_stmt *insertion, *updating, *reading, *scanning;

static const char *store_version(void) { return "SQLite " SQLITE_VERSION; }

static void run(const char *sql) {
  if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
    fail(sql, sqlite3_errmsg(database));
}

static sqlite3_stmt *prepare(const char *sql) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
    fail(sql, sqlite3_errmsg(database));
  return statement;
}

static void store_open(const char *place) {
  if (sqlite3_open(place, &database) != SQLITE_OK) fail(place, sqlite3_errmsg(database));
  run("PRAGMA journal_mode=WAL");
  run("PRAGMA synchronous=FULL");
  run("CREATE TABLE documents (id TEXT PRIMARY KEY, account_id TEXT NOT NULL,"
      " document TEXT NOT NULL, updated_at INTEGER NOT NULL)");
  insertion = prepare("INSERT INTO documents VALUES (?, ?, ?, 0)");
  updating = prepare("UPDATE documents SET document = ?, updated_at = 1 WHERE id = ?");
  reading =
    prepare("SELECT id, account_id, document, updated_at FROM documents WHERE id = ?");
  scanning = prepare("SELECT id, account_id, document, updated_at FROM documents WHERE id >= ?"
                     " ORDER BY id LIMIT ?");
}

static void store_begin(void) { run("BEGIN"); }
static void store_commit(void) { run("COMMIT"); }

static void finish(sqlite3_stmt *statement) {
  if (sqlite3_step(statement) != SQLITE_DONE) fail("a write", sqlite3_errmsg(database));
  sqlite3_reset(statement);
}

static void store_put(const struct record *record) {
  sqlite3_bind_text(insertion, 1, record->key, -1, SQLITE_STATIC);
  sqlite3_bind_text(insertion, 2, record->account, -1, SQLITE_STATIC);
  sqlite3_bind_text(insertion, 3, record->text, (int)record->length, SQLITE_STATIC);
  finish(insertion);
}

static void store_update(const struct record *record) {
  sqlite3_bind_text(updating, 1, record->text, (int)record->length, SQLITE_STATIC);
  sqlite3_bind_text(updating, 2, record->key, -1, SQLITE_STATIC);
  finish(updating);
}

static double row(sqlite3_stmt *statement) {
  volatile int64_t time = sqlite3_column_int64(statement, 3);
  (void)time;
  if (!sqlite3_column_text(statement, 1)) fail("a row", "has no account");
  const char *text = (const char *)sqlite3_column_text(statement, 2);
  return sum_of(text, (size_t)sqlite3_column_bytes(statement, 2));
}

static double store_get(const char *key) {
  sqlite3_bind_text(reading, 1, key, -1, SQLITE_STATIC);
  if (sqlite3_step(reading) != SQLITE_ROW) fail(key, "is not there");
  double sum = row(reading);
  sqlite3_reset(reading);
  return sum;
}

static double store_scan(const char *key, long count) {
  double sum = 0;
  sqlite3_bind_text(scanning, 1, key, -1, SQLITE_STATIC);
  sqlite3_bind_int64(scanning, 2, count);
  while (sqlite3_step(scanning) == SQLITE_ROW) sum += row(scanning);
  sqlite3_reset(scanning);
  return sum;
}

static void store_close(void) {
  sqlite3_finalize(insertion);
  sqlite3_finalize(updating);
  sqlite3_finalize(reading);
  sqlite3_finalize(scanning);
  sqlite3_close(database);
}
