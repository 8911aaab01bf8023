// The drivers' workloads over libpq, as a C program would write them: binary results, prepared
// statements, single-row mode for the long result, a thread for each of many connections.
//
//   libpq [--pipeline] WORKLOAD URL COUNT
//   libpq [--pipeline] workloads | version
//
// With --pipeline, what pipeline mode is for. README.md says what each workload is.
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>

#include "measure.h"

static void fail(const char *what, const char *why) {
  fprintf(stderr, "libpq: %s: %s\n", what, why);
  exit(1);
}

static PGconn *open_connection(const char *url) {
  PGconn *connection = PQconnectdb(url);
  if (PQstatus(connection) != CONNECTION_OK) fail("connect", PQerrorMessage(connection));
  return connection;
}

static void require(PGconn *connection, PGresult *result, ExecStatusType status) {
  if (PQresultStatus(result) != status) fail("result", PQerrorMessage(connection));
}

static void run(PGconn *connection, const char *sql) {
  PGresult *result = PQexec(connection, sql);
  require(connection, result, PGRES_COMMAND_OK);
  PQclear(result);
}

static void prepare(PGconn *connection, const char *sql) {
  PGresult *result = PQprepare(connection, "statement", sql, 0, NULL);
  require(connection, result, PGRES_COMMAND_OK);
  PQclear(result);
}

static PGresult *execute(PGconn *connection) {
  PGresult *result = PQexecPrepared(connection, "statement", 0, NULL, NULL, NULL, 1);
  require(connection, result, PGRES_TUPLES_OK);
  return result;
}

static int16_t int2(const char *bytes) {
  uint16_t value;
  memcpy(&value, bytes, 2);
  return (int16_t)be16toh(value);
}

static int32_t int4(const char *bytes) {
  uint32_t value;
  memcpy(&value, bytes, 4);
  return (int32_t)be32toh(value);
}

static int64_t int8(const char *bytes) {
  uint64_t value;
  memcpy(&value, bytes, 8);
  return (int64_t)be64toh(value);
}

static double float8(const char *bytes) {
  int64_t bits = int8(bytes);
  double value;
  memcpy(&value, &bits, 8);
  return value;
}

static void connects(const char *url, long count) {
  measure_start();
  for (long number = 0; number < count; number++) PQfinish(open_connection(url));
  double sum = count;
  measure_end(count, &sum);
}

static void select_one(const char *url, long count) {
  PGconn *connection = open_connection(url);
  prepare(connection, "SELECT 1");
  double sum = 0;
  measure_start();
  for (long number = 0; number < count; number++) {
    uint64_t start = nanoseconds();
    PGresult *result = execute(connection);
    sum += int4(PQgetvalue(result, 0, 0));
    PQclear(result);
    measure_time(nanoseconds() - start);
  }
  measure_end(count, &sum);
  PQfinish(connection);
}

static void pg_type(const char *url, long count) {
  PGconn *connection = open_connection(url);
  prepare(connection,
    "SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory,"
    " typispreferred, typisdefined, typdelim, typrelid FROM pg_type WHERE oid < 10000");
  double sum = 0;
  long rows = 0;
  measure_start();
  for (long number = 0; number < count; number++) {
    PGresult *result = execute(connection);
    int tuples = PQntuples(result);
    for (int row = 0; row < tuples; row++) {
      sum += (uint32_t)int4(PQgetvalue(result, row, 0)) + PQgetlength(result, row, 1)
        + (uint32_t)int4(PQgetvalue(result, row, 2)) + (uint32_t)int4(PQgetvalue(result, row, 3))
        + int2(PQgetvalue(result, row, 4)) + (uint32_t)int4(PQgetvalue(result, row, 11));
      for (int column = 5; column <= 10; column++) sum += *PQgetvalue(result, row, column);
    }
    rows += tuples;
    PQclear(result);
  }
  measure_end(rows, &sum);
  PQfinish(connection);
}

static void series(const char *url, long count) {
  PGconn *connection = open_connection(url);
  prepare(connection, "SELECT generate_series(1, 1000)");
  double sum = 0;
  long rows = 0;
  measure_start();
  for (long number = 0; number < count; number++) {
    PGresult *result = execute(connection);
    int tuples = PQntuples(result);
    for (int row = 0; row < tuples; row++) sum += int4(PQgetvalue(result, row, 0));
    rows += tuples;
    PQclear(result);
  }
  measure_end(rows, &sum);
  PQfinish(connection);
}

static void rows(const char *url, long count) {
  PGconn *connection = open_connection(url);
  char sql[256];
  snprintf(sql, sizeof sql,
    "SELECT i::int4, 'row ' || i, i::float8 / 2, '2026-01-01Z'::timestamptz + i * interval '1 s'"
    " FROM generate_series(1, %ld) AS i", count);
  double sum = 0;
  measure_start();
  if (!PQsendQueryParams(connection, sql, 0, NULL, NULL, NULL, NULL, 1))
    fail("send", PQerrorMessage(connection));
  PQsetSingleRowMode(connection);
  PGresult *result;
  while ((result = PQgetResult(connection))) {
    if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
      sum += int4(PQgetvalue(result, 0, 0)) + PQgetlength(result, 0, 1)
        + float8(PQgetvalue(result, 0, 2)) + int8(PQgetvalue(result, 0, 3)) / 1000000 % 1000;
    } else {
      require(connection, result, PGRES_TUPLES_OK);
    }
    PQclear(result);
  }
  measure_end(count, &sum);
  PQfinish(connection);
}

static void byte_strings(const char *url, long count) {
  PGconn *connection = open_connection(url);
  prepare(connection, "SELECT repeat('x', 1000000)::bytea FROM generate_series(1, 10)");
  double sum = 0;
  measure_start();
  for (long number = 0; number < count; number++) {
    PGresult *result = execute(connection);
    for (int row = 0; row < PQntuples(result); row++) {
      const char *value = PQgetvalue(result, row, 0);
      int length = PQgetlength(result, row, 0);
      sum += length + value[0] + value[length / 2] + value[length - 1];
    }
    PQclear(result);
  }
  measure_end(count * 10, &sum);
  PQfinish(connection);
}

static void arrays(const char *url, long count) {
  PGconn *connection = open_connection(url);
  prepare(connection, "SELECT array_fill(i, '{100}') FROM generate_series(1, 1000) AS i");
  double sum = 0;
  long rows = 0;
  measure_start();
  for (long number = 0; number < count; number++) {
    PGresult *result = execute(connection);
    for (int row = 0; row < PQntuples(result); row++) {
      // Dimensions, a flag, the element's type, the length and the lower bound; then the elements.
      const char *value = PQgetvalue(result, row, 0);
      int length = int4(value + 12);
      const char *at = value + 20;
      for (int element = 0; element < length; element++, at += 8) sum += int4(at + 4);
    }
    rows += PQntuples(result);
    PQclear(result);
  }
  measure_end(rows, &sum);
  PQfinish(connection);
}

static PGconn *insert_connection(const char *url) {
  static const Oid types[] = {23, 25, 3802};
  PGconn *connection = open_connection(url);
  run(connection, "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)");
  PGresult *result = PQprepare(
    connection, "insert", "INSERT INTO inserted VALUES ($1, $2, $3)", 3, types);
  require(connection, result, PGRES_COMMAND_OK);
  PQclear(result);
  return connection;
}

struct insertion {
  uint32_t id;
  char name[32], document[64];
  const char *values[3];
  int lengths[3];
};

static const int binary[] = {1, 1, 1};

static void fill(struct insertion *insertion, long number) {
  insertion->id = htobe32((uint32_t)number);
  insertion->lengths[0] = 4;
  insertion->lengths[1] = snprintf(insertion->name, sizeof insertion->name, "name %ld", number);
  insertion->document[0] = 1;  // jsonb's version
  insertion->lengths[2] = 1
    + snprintf(
        insertion->document + 1, sizeof insertion->document - 1, "{\"number\":%ld}", number);
  insertion->values[0] = (const char *)&insertion->id;
  insertion->values[1] = insertion->name;
  insertion->values[2] = insertion->document;
}

// One after the other, in one transaction.
static void inserts(const char *url, long count) {
  PGconn *connection = insert_connection(url);
  double affected = 0;
  measure_start();
  run(connection, "BEGIN");
  for (long number = 1; number <= count; number++) {
    struct insertion insertion;
    fill(&insertion, number);
    PGresult *result = PQexecPrepared(
      connection, "insert", 3, insertion.values, insertion.lengths, binary, 1);
    require(connection, result, PGRES_COMMAND_OK);
    affected += atoi(PQcmdTuples(result));
    PQclear(result);
  }
  run(connection, "COMMIT");
  measure_end(count, &affected);
  PQfinish(connection);
}

// Waits until the socket takes or has bytes; reads what there is, so that neither side blocks.
static void flush_pipeline(PGconn *connection) {
  int left;
  while ((left = PQflush(connection)) == 1) {
    struct pollfd socket = {.fd = PQsocket(connection), .events = POLLIN | POLLOUT};
    poll(&socket, 1, -1);
    if ((socket.revents & POLLIN) && !PQconsumeInput(connection))
      fail("read", PQerrorMessage(connection));
  }
  if (left < 0) fail("flush", PQerrorMessage(connection));
}

static void pipelined_inserts(const char *url, long count) {
  PGconn *connection = insert_connection(url);
  PQsetnonblocking(connection, 1);
  measure_start();
  if (!PQenterPipelineMode(connection)) fail("pipeline", PQerrorMessage(connection));
  for (long number = 1; number <= count; number++) {
    struct insertion insertion;
    fill(&insertion, number);
    if (!PQsendQueryPrepared(
          connection, "insert", 3, insertion.values, insertion.lengths, binary, 1))
      fail("send", PQerrorMessage(connection));
    if (number % 256 == 0) flush_pipeline(connection);
  }
  PQpipelineSync(connection);
  flush_pipeline(connection);
  double affected = 0;
  for (long number = 0; number < count; number++) {
    PGresult *result = PQgetResult(connection);
    require(connection, result, PGRES_COMMAND_OK);
    affected += atoi(PQcmdTuples(result));
    PQclear(result);
    PQclear(PQgetResult(connection));
  }
  PGresult *sync = PQgetResult(connection);
  require(connection, sync, PGRES_PIPELINE_SYNC);
  PQclear(sync);
  measure_end(count, &affected);
  PQfinish(connection);
}

static char *put(char *at, const void *bytes, int32_t length) {
  uint32_t size = htobe32((uint32_t)length);
  memcpy(at, &size, 4);
  memcpy(at + 4, bytes, (size_t)length);
  return at + 4 + length;
}

static void copy_in(const char *url, long count) {
  PGconn *connection = open_connection(url);
  run(connection, "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)");
  measure_start();
  PGresult *result = PQexec(connection, "COPY copied FROM STDIN (FORMAT binary)");
  require(connection, result, PGRES_COPY_IN);
  PQclear(result);
  static char buffer[65536 + 256];
  char *at = buffer;
  memcpy(at, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  at += 19;
  for (long number = 1; number <= count; number++) {
    uint16_t columns = htobe16(3);
    uint32_t id = htobe32((uint32_t)number);
    double score = (double)number / 2;
    uint64_t bits;
    char name[32];
    int length = snprintf(name, sizeof name, "name %ld", number);
    memcpy(&bits, &score, 8);
    bits = htobe64(bits);
    memcpy(at, &columns, 2);
    at = put(put(put(at + 2, &id, 4), name, length), &bits, 8);
    if (at - buffer >= 65536) {
      if (PQputCopyData(connection, buffer, (int)(at - buffer)) != 1)
        fail("copy", PQerrorMessage(connection));
      at = buffer;
    }
  }
  memcpy(at, "\377\377", 2);
  PQputCopyData(connection, buffer, (int)(at + 2 - buffer));
  PQputCopyEnd(connection, NULL);
  result = PQgetResult(connection);
  require(connection, result, PGRES_COMMAND_OK);
  double copied = atof(PQcmdTuples(result));
  PQclear(result);
  measure_end(count, &copied);
  PQfinish(connection);
}

#define CONNECTIONS 16

struct worker {
  pthread_t thread;
  PGconn *connection;
  long count;
  double sum;
};

static void *work(void *argument) {
  struct worker *worker = argument;
  for (long number = 0; number < worker->count; number++) {
    PGresult *result = execute(worker->connection);
    worker->sum += int4(PQgetvalue(result, 0, 0));
    PQclear(result);
  }
  return NULL;
}

static void sixteen(const char *url, long count) {
  struct worker workers[CONNECTIONS] = {0};
  for (int index = 0; index < CONNECTIONS; index++) {
    workers[index].connection = open_connection(url);
    workers[index].count = count / CONNECTIONS;
    prepare(workers[index].connection, "SELECT 1");
  }
  measure_start();
  for (int index = 0; index < CONNECTIONS; index++) {
    if (pthread_create(&workers[index].thread, NULL, work, &workers[index]))
      fail("thread", "cannot be made");
  }
  double sum = 0;
  for (int index = 0; index < CONNECTIONS; index++) {
    pthread_join(workers[index].thread, NULL);
    sum += workers[index].sum;
  }
  measure_end(count, &sum);
  for (int index = 0; index < CONNECTIONS; index++) PQfinish(workers[index].connection);
}

struct workload {
  const char *name;
  void (*run)(const char *, long);
};

static const struct workload blocking[] = {
  {"select-one", select_one}, {"select-one-tls", select_one}, {"pg-type", pg_type},
  {"series", series}, {"rows", rows}, {"rows-tls", rows}, {"bytes", byte_strings},
  {"arrays", arrays}, {"copy-in", copy_in}, {"inserts", inserts}, {"sixteen", sixteen},
  {"connect", connects}, {"connect-first", connects}, {"connect-tls", connects}, {NULL, NULL},
};

static const struct workload pipelined[] = {{"inserts", pipelined_inserts}, {NULL, NULL}};

int main(int argc, char **argv) {
  const struct workload *workloads = blocking;
  if (argc > 1 && !strcmp(argv[1], "--pipeline")) {
    workloads = pipelined;
    argc--, argv++;
  }
  if (argc == 2 && !strcmp(argv[1], "version")) {
    int version = PQlibVersion();
    printf("%d.%d\n", version / 10000, version % 10000);
    return 0;
  }
  if (argc == 2 && !strcmp(argv[1], "workloads")) {
    for (; workloads->name; workloads++) printf("%s\n", workloads->name);
    return 0;
  }
  if (argc != 4) fail("usage", "libpq [--pipeline] WORKLOAD URL COUNT | workloads | version");
  for (; workloads->name; workloads++) {
    if (strcmp(workloads->name, argv[1])) continue;
    workloads->run(argv[2], atol(argv[3]));
    return 0;
  }
  fail("no such workload", argv[1]);
}
