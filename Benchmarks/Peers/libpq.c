// The workloads of `DriverWorkload` over libpq, as a C program would write them: binary results,
// prepared statements, single-row mode for the long result, pipeline mode for the inserts.
//
//   libpq WORKLOAD URL COUNT
//
// Prints seconds, the process's CPU seconds, operations and a sum over all values.
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

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

static double connects(const char *url, long count) {
  for (long number = 0; number < count; number++) PQfinish(open_connection(url));
  return count;
}

static double select_one(const char *url, long count) {
  PGconn *connection = open_connection(url);
  double sum = 0;
  PQclear(PQprepare(connection, "one", "SELECT 1", 0, NULL));
  for (long number = 0; number < count; number++) {
    PGresult *result = PQexecPrepared(connection, "one", 0, NULL, NULL, NULL, 1);
    require(connection, result, PGRES_TUPLES_OK);
    sum += int4(PQgetvalue(result, 0, 0));
    PQclear(result);
  }
  PQfinish(connection);
  return sum;
}

static double rows(const char *url, long count) {
  PGconn *connection = open_connection(url);
  char sql[256];
  snprintf(sql, sizeof sql,
    "SELECT i::int4, 'row ' || i, i::float8 / 2, '2026-01-01Z'::timestamptz + i * interval '1 s'"
    " FROM generate_series(1, %ld) AS i", count);
  double sum = 0;
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
  PQfinish(connection);
  return sum;
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

static double inserts(const char *url, long count) {
  PGconn *connection = open_connection(url);
  Oid types[] = {23, 25, 3802};
  run(connection, "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)");
  PQclear(PQprepare(connection, "insert", "INSERT INTO inserted VALUES ($1, $2, $3)", 3, types));
  PQsetnonblocking(connection, 1);
  if (!PQenterPipelineMode(connection)) fail("pipeline", PQerrorMessage(connection));
  for (long number = 1; number <= count; number++) {
    uint32_t id = htobe32((uint32_t)number);
    char name[32], document[64];
    int name_length = snprintf(name, sizeof name, "name %ld", number);
    document[0] = 1;  // jsonb's version
    int length = 1 + snprintf(document + 1, sizeof document - 1, "{\"number\":%ld}", number);
    const char *values[] = {(const char *)&id, name, document};
    int lengths[] = {4, name_length, length};
    int formats[] = {1, 1, 1};
    if (!PQsendQueryPrepared(connection, "insert", 3, values, lengths, formats, 1))
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
  PQfinish(connection);
  return affected;
}

static char *put(char *at, const void *bytes, int32_t length) {
  uint32_t size = htobe32((uint32_t)length);
  memcpy(at, &size, 4);
  memcpy(at + 4, bytes, (size_t)length);
  return at + 4 + length;
}

static double copy_in(const char *url, long count) {
  PGconn *connection = open_connection(url);
  run(connection, "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)");
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
  PQfinish(connection);
  return copied;
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double processor_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int main(int argc, char **argv) {
  if (argc != 4) fail("usage", "libpq WORKLOAD URL COUNT");
  struct { const char *name; double (*run)(const char *, long); } workloads[] = {
    {"connect", connects}, {"connect-first", connects}, {"select-one", select_one}, {"rows", rows},
    {"inserts", inserts}, {"copy-in", copy_in},
  };
  for (size_t index = 0; index < sizeof workloads / sizeof *workloads; index++) {
    if (strcmp(workloads[index].name, argv[1])) continue;
    long count = atol(argv[3]);
    struct timespec start, end;
    double processor = processor_seconds();
    clock_gettime(CLOCK_MONOTONIC, &start);
    double sum = workloads[index].run(argv[2], count);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.6f %.6f %ld %.1f\n",
      (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9,
      processor_seconds() - processor, count, sum);
    return 0;
  }
  fail("no such workload", argv[1]);
}
