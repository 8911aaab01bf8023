// The mixes over LMDB: a key and its text, each write a transaction that is on the device when it
// returns. `records.h` says how it is called; PLACE is a file.
#include <lmdb.h>

#include "records.h"

static MDB_env *environment;
static MDB_dbi table;
// The transaction of a load; NULL when each write is one.
static MDB_txn *loading;
// Kept and renewed, as LMDB advises.
static MDB_txn *reading;
static MDB_cursor *cursor;

static const char *store_version(void) { return mdb_version(NULL, NULL, NULL); }

static void check(int code, const char *what) {
  if (code) fail(what, mdb_strerror(code));
}

static void store_open(const char *place) {
  check(mdb_env_create(&environment), "create");
  check(mdb_env_set_mapsize(environment, (size_t)8 << 30), "map");
  check(mdb_env_open(environment, place, MDB_NOSUBDIR, 0600), place);
  MDB_txn *transaction;
  check(mdb_txn_begin(environment, NULL, 0, &transaction), "begin");
  check(mdb_dbi_open(transaction, NULL, MDB_CREATE, &table), "open");
  check(mdb_txn_commit(transaction), "commit");
  check(mdb_txn_begin(environment, NULL, MDB_RDONLY, &reading), "begin");
  check(mdb_cursor_open(reading, table, &cursor), "cursor");
  mdb_txn_reset(reading);
}

static void store_begin(void) { check(mdb_txn_begin(environment, NULL, 0, &loading), "begin"); }

static void store_commit(void) {
  check(mdb_txn_commit(loading), "commit");
  loading = NULL;
}

static void put(const struct record *record, unsigned flags) {
  MDB_txn *transaction = loading;
  if (!loading) check(mdb_txn_begin(environment, NULL, 0, &transaction), "begin");
  MDB_val key = { strlen(record->key), (void *)record->key };
  MDB_val value = { record->length, (void *)record->text };
  check(mdb_put(transaction, table, &key, &value, flags), "put");
  if (!loading) check(mdb_txn_commit(transaction), "commit");
}

static void store_put(const struct record *record) { put(record, MDB_NOOVERWRITE); }
static void store_update(const struct record *record) { put(record, 0); }

static double store_get(const char *name) {
  check(mdb_txn_renew(reading), "renew");
  MDB_val key = { strlen(name), (void *)name }, value;
  check(mdb_get(reading, table, &key, &value), "get");
  double sum = sum_of(value.mv_data, value.mv_size);
  mdb_txn_reset(reading);
  return sum;
}

static double store_scan(const char *name, long count) {
  check(mdb_txn_renew(reading), "renew");
  check(mdb_cursor_renew(reading, cursor), "renew");
  MDB_val key = { strlen(name), (void *)name }, value;
  double sum = 0;
  int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
  while (!code && count-- > 0) {
    sum += sum_of(value.mv_data, value.mv_size);
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  }
  mdb_txn_reset(reading);
  return sum;
}

static void store_close(void) {
  mdb_cursor_close(cursor);
  mdb_txn_abort(reading);
  mdb_env_close(environment);
}
