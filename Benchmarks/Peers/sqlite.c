// The workloads of `EmbeddedWorkload` over SQLite, as a C program would write them: WAL with
// synchronous=FULL, prepared statements, an integer key that is the row's number.
//
//   sqlite WORKLOAD PATH COUNT
//   sqlite version
#include <pthread.h>
#include <sqlite3.h>

#include "measure.h"

#define WRITERS 64

static const char *path;
static long count;
// How many rows there are to be found.
static long rows;

static void fail(const char *what, sqlite3 *database) {
  fprintf(stderr, "sqlite: %s: %s\n", what, sqlite3_errmsg(database));
  exit(1);
}

static void run(sqlite3 *database, const char *sql) {
  if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) fail(sql, database);
}

static sqlite3 *open_database(void) {
  sqlite3 *database;
  if (sqlite3_open(path, &database) != SQLITE_OK) fail("open", database);
  sqlite3_busy_timeout(database, 60000);
  run(database, "PRAGMA journal_mode=WAL");
  run(database, "PRAGMA synchronous=FULL");
  return database;
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql) {
  sqlite3_stmt *statement;
  if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) fail(sql, database);
  return statement;
}

static char filling[128];

static void insert(sqlite3 *database, sqlite3_stmt *statement, long number) {
  char name[32];
  char body[sizeof filling];
  int length = snprintf(name, sizeof name, "record %ld", number);
  memcpy(body, filling, sizeof filling);
  memcpy(body, name, (size_t)length);
  sqlite3_bind_int64(statement, 1, number);
  sqlite3_bind_text(statement, 2, name, -1, SQLITE_TRANSIENT);
  sqlite3_bind_text(statement, 3, body, -1, SQLITE_STATIC);
  sqlite3_bind_double(statement, 4, number / 2.0);
  sqlite3_bind_int64(statement, 5, (int64_t)number * 1000000);
  if (sqlite3_step(statement) != SQLITE_DONE) fail("insert", database);
  sqlite3_reset(statement);
}

static const char *insertion = "INSERT INTO samples VALUES (?, ?, ?, ?, ?)";

static void *write_rows(void *argument) {
  sqlite3 *database = open_database();
  sqlite3_stmt *statement = prepare(database, insertion);
  for (long number = 1 + (long)argument; number <= count; number += WRITERS)
    insert(database, statement, number);
  sqlite3_finalize(statement);
  sqlite3_close(database);
  return NULL;
}

static void load(sqlite3 *database) {
  sqlite3_stmt *statement = prepare(database, insertion);
  run(database, "BEGIN");
  for (long number = 1; number <= rows; number++) insert(database, statement, number);
  run(database, "COMMIT");
  sqlite3_finalize(statement);
}

static double find(sqlite3 *database) {
  sqlite3_stmt *statement = prepare(
      database, "SELECT id, name, body, score, created_at FROM samples WHERE id = ?");
  uint64_t state = 42;
  double sum = 0;
  for (long number = 0; number < count; number++) {
    // The same keys as everybody's.
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    sqlite3_bind_int64(statement, 1, (int64_t)((state >> 33) % (uint64_t)rows) + 1);
    if (sqlite3_step(statement) != SQLITE_ROW) fail("find", database);
    volatile int64_t moment = sqlite3_column_int64(statement, 4);
    (void)moment;
    sum += sqlite3_column_double(statement, 3) +
           (double)(strlen((const char *)sqlite3_column_text(statement, 1)) +
                    strlen((const char *)sqlite3_column_text(statement, 2)));
    sqlite3_reset(statement);
  }
  sqlite3_finalize(statement);
  return sum;
}

int main(int words_count, char **words) {
  if (words_count == 2 && strcmp(words[1], "version") == 0) {
    printf("%s\n", sqlite3_libversion());
    return 0;
  }
  if (words_count != 4) return 1;
  const char *workload = words[1];
  path = words[2];
  count = atol(words[3]);
  rows = strcmp(workload, "find-cached") == 0 ? 10000 : count;
  for (int copy = 0; copy < 4; copy++) strcat(filling, "lorem ipsum dolor sit amet, ");
  sqlite3 *database = open_database();
  run(database,
      "CREATE TABLE samples (id INTEGER PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL,"
      " score REAL NOT NULL, created_at INTEGER NOT NULL)");
  if (strncmp(workload, "find", 4) == 0) load(database);
  double sum = count;
  measure_start();
  if (strcmp(workload, "commit") == 0) {
    sqlite3_stmt *statement = prepare(database, insertion);
    for (long number = 1; number <= count; number++) insert(database, statement, number);
    sqlite3_finalize(statement);
  } else if (strcmp(workload, "commit64") == 0) {
    pthread_t threads[WRITERS];
    for (long writer = 0; writer < WRITERS; writer++)
      pthread_create(&threads[writer], NULL, write_rows, (void *)writer);
    for (long writer = 0; writer < WRITERS; writer++) pthread_join(threads[writer], NULL);
  } else if (strcmp(workload, "load") == 0) {
    load(database);
  } else if (strcmp(workload, "find") == 0 || strcmp(workload, "find-cached") == 0) {
    sum = find(database);
  } else if (strcmp(workload, "find-in-transaction") == 0) {
    run(database, "BEGIN");
    sum = find(database);
    run(database, "COMMIT");
  } else {
    fprintf(stderr, "sqlite: no such workload: %s\n", workload);
    return 1;
  }
  measure_end(count, &sum);
  sqlite3_close(database);
  return 0;
}
