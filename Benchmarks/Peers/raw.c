// The ceiling: a bare socket loop that sends messages which were encoded before the clock started
// and only looks for the ends of the answers. It decodes nothing, so it has no sum. libpq logs it in
// and prepares its statements.
//
//   raw WORKLOAD URL COUNT
//   raw workloads | version
#include <endian.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "measure.h"

// How much is asked of the socket at once.
#define CHUNK 262144

static void fail(const char *what, const char *why) {
  fprintf(stderr, "raw: %s: %s\n", what, why);
  exit(1);
}

// A connection, and how far its answers have been read.
struct raw {
  int socket;
  // What is left of the message that is being passed over.
  size_t rest;
  // The head of a message that is not there as a whole.
  char head[5];
  size_t head_length;
  // Messages seen: rows, statements that ended, and ends of a group of them.
  long rows, ended, ready;
};

static char chunk[CHUNK];

static void run(PGconn *connection, const char *sql, ExecStatusType status) {
  PGresult *result = PQexec(connection, sql);
  if (PQresultStatus(result) != status) fail("result", PQerrorMessage(connection));
  PQclear(result);
}

static PGconn *open_connection(const char *url) {
  PGconn *connection = PQconnectdb(url);
  if (PQstatus(connection) != CONNECTION_OK) fail("connect", PQerrorMessage(connection));
  return connection;
}

static void prepare(PGconn *connection, const char *sql, int count, const Oid *types) {
  PGresult *result = PQprepare(connection, "s", sql, count, types);
  if (PQresultStatus(result) != PGRES_COMMAND_OK) fail("prepare", PQerrorMessage(connection));
  PQclear(result);
}

// Takes over a connection's socket, which from now on blocks or does not.
static struct raw take(PGconn *connection, int blocks) {
  struct raw raw = {.socket = PQsocket(connection)};
  int flags = fcntl(raw.socket, F_GETFL);
  fcntl(raw.socket, F_SETFL, blocks ? flags & ~O_NONBLOCK : flags | O_NONBLOCK);
  return raw;
}

static void pass(struct raw *raw, const char *at, size_t length) {
  while (length > 0) {
    if (raw->rest > 0) {
      size_t skipped = raw->rest < length ? raw->rest : length;
      raw->rest -= skipped, at += skipped, length -= skipped;
      continue;
    }
    const char *head = at;
    if (raw->head_length > 0 || length < 5) {
      size_t taken = 5 - raw->head_length < length ? 5 - raw->head_length : length;
      memcpy(raw->head + raw->head_length, at, taken);
      raw->head_length += taken, at += taken, length -= taken;
      if (raw->head_length < 5) return;
      raw->head_length = 0;
      head = raw->head;
    } else {
      at += 5, length -= 5;
    }
    uint32_t size;
    memcpy(&size, head + 1, 4);
    raw->rest = be32toh(size) - 4;
    switch (*head) {
    case 'D': raw->rows++; break;
    case 'C': raw->ended++; break;
    case 'Z': raw->ready++; break;
    case 'E': fail("server", "answered with an error");
    }
  }
}

// Reads once; 0 when a socket that does not block has nothing.
static int receive(struct raw *raw) {
  ssize_t length = recv(raw->socket, chunk, sizeof chunk, 0);
  if (length < 0 && errno == EAGAIN) return 0;
  if (length <= 0) fail("receive", length ? strerror(errno) : "the server has closed");
  pass(raw, chunk, (size_t)length);
  return 1;
}

// Sends all and reads until the server is ready, so that neither side blocks the other.
static void exchange(struct raw *raw, const char *bytes, size_t length) {
  long ready = raw->ready;
  while (length > 0 || raw->ready == ready) {
    struct pollfd socket = {.fd = raw->socket, .events = POLLIN | (length > 0 ? POLLOUT : 0)};
    poll(&socket, 1, -1);
    if (socket.revents & POLLOUT) {
      ssize_t sent = send(raw->socket, bytes, length, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) fail("send", strerror(errno));
      if (sent > 0) bytes += sent, length -= (size_t)sent;
    }
    if (socket.revents & POLLIN) receive(raw);
  }
}

static void send_all(struct raw *raw, const char *bytes, size_t length) {
  if (send(raw->socket, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
    fail("send", strerror(errno));
}

// Bind the statement without parameters with a binary result, Execute, Sync.
static const char request[] =
  "B\0\0\0\x0f\0s\0\0\0\0\0\0\1\0\1" "E\0\0\0\x09\0\0\0\0\0" "S\0\0\0\4";

static void round_trip(struct raw *raw) {
  long ready = raw->ready;
  send_all(raw, request, sizeof request - 1);
  while (raw->ready == ready) receive(raw);
}

// A query again and again.
static void repeat(const char *url, long count, const char *sql, double scale) {
  PGconn *connection = open_connection(url);
  prepare(connection, sql, 0, NULL);
  struct raw raw = take(connection, 1);
  measure_start();
  for (long number = 0; number < count; number++) round_trip(&raw);
  measure_end((double)raw.rows * scale, NULL);
}

static void select_one(const char *url, long count) {
  PGconn *connection = open_connection(url);
  prepare(connection, "SELECT 1", 0, NULL);
  struct raw raw = take(connection, 1);
  measure_start();
  for (long number = 0; number < count; number++) {
    uint64_t start = nanoseconds();
    round_trip(&raw);
    measure_time(nanoseconds() - start);
  }
  measure_end(count, NULL);
}

static void pg_type(const char *url, long count) {
  repeat(url, count,
    "SELECT oid, typname, typnamespace, typowner, typlen, typbyval, typtype, typcategory,"
    " typispreferred, typisdefined, typdelim, typrelid FROM pg_type WHERE oid < 10000", 1);
}

static void series(const char *url, long count) {
  repeat(url, count, "SELECT generate_series(1, 1000)", 1);
}

static void rows(const char *url, long count) {
  char sql[256];
  snprintf(sql, sizeof sql,
    "SELECT i::int4, 'row ' || i, i::float8 / 2, '2026-01-01Z'::timestamptz + i * interval '1 s'"
    " FROM generate_series(1, %ld) AS i", count);
  repeat(url, 1, sql, 1);
}

static void byte_strings(const char *url, long count) {
  repeat(url, count, "SELECT repeat('x', 1000000)::bytea FROM generate_series(1, 10)", 1);
}

static void arrays(const char *url, long count) {
  repeat(url, count, "SELECT array_fill(i, '{100}') FROM generate_series(1, 1000) AS i", 1);
}

static char *put(char *at, const void *bytes, int32_t length) {
  uint32_t size = htobe32((uint32_t)length);
  memcpy(at, &size, 4);
  memcpy(at + 4, bytes, (size_t)length);
  return at + 4 + length;
}

static void close_message(char *start, char *end) {
  uint32_t size = htobe32((uint32_t)(end - start - 1));
  memcpy(start + 1, &size, 4);
}

static void *space(long count) {
  char *bytes = malloc((size_t)count * 160 + 1024);
  if (!bytes) fail("memory", "there is not enough");
  return bytes;
}

static void inserts(const char *url, long count) {
  static const Oid types[] = {23, 25, 3802};
  PGconn *connection = open_connection(url);
  run(connection, "CREATE TEMPORARY TABLE inserted (id int4, name text, document jsonb)",
    PGRES_COMMAND_OK);
  prepare(connection, "INSERT INTO inserted VALUES ($1, $2, $3)", 3, types);
  char *bytes = space(count), *at = bytes;
  for (long number = 1; number <= count; number++) {
    char *start = at, name[32], document[64] = {1};
    uint32_t id = htobe32((uint32_t)number);
    int name_length = snprintf(name, sizeof name, "name %ld", number);
    int length = 1 + snprintf(document + 1, sizeof document - 1, "{\"number\":%ld}", number);
    memcpy(at, "B\0\0\0\0\0s\0\0\1\0\1\0\3", 14);
    at = put(put(put(at + 14, &id, 4), name, name_length), document, length);
    memcpy(at, "\0\1\0\1", 4);
    at += 4;
    close_message(start, at);
    memcpy(at, "E\0\0\0\x09\0\0\0\0\0", 10);
    at += 10;
  }
  memcpy(at, "S\0\0\0\4", 5);
  struct raw raw = take(connection, 0);
  measure_start();
  exchange(&raw, bytes, (size_t)(at + 5 - bytes));
  measure_end(raw.ended, NULL);
}

static void copy_in(const char *url, long count) {
  PGconn *connection = open_connection(url);
  run(connection, "CREATE TEMPORARY TABLE copied (id int4, name text, score float8)",
    PGRES_COMMAND_OK);
  char *bytes = space(count), *at = bytes, *start = at;
  memcpy(at, "d\0\0\0\0PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 24);
  at += 24;
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
    if (at - start >= 65536) {
      close_message(start, at);
      start = at;
      memcpy(at, "d\0\0\0", 5);
      at += 5;
    }
  }
  memcpy(at, "\377\377", 2);
  close_message(start, at + 2);
  memcpy(at + 2, "c\0\0\0\4", 5);
  measure_start();
  run(connection, "COPY copied FROM STDIN (FORMAT binary)", PGRES_COPY_IN);
  struct raw raw = take(connection, 0);
  exchange(&raw, bytes, (size_t)(at + 7 - bytes));
  measure_end(count, NULL);
}

#define CONNECTIONS 16

static void sixteen(const char *url, long count) {
  struct raw raws[CONNECTIONS];
  int group = epoll_create1(EPOLL_CLOEXEC);
  for (int index = 0; index < CONNECTIONS; index++) {
    PGconn *connection = open_connection(url);
    prepare(connection, "SELECT 1", 0, NULL);
    raws[index] = take(connection, 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &raws[index]};
    if (epoll_ctl(group, EPOLL_CTL_ADD, raws[index].socket, &event)) fail("epoll", strerror(errno));
  }
  long waiting = CONNECTIONS;
  measure_start();
  for (int index = 0; index < CONNECTIONS; index++)
    send_all(&raws[index], request, sizeof request - 1);
  while (waiting > 0) {
    struct epoll_event events[CONNECTIONS];
    int found = epoll_wait(group, events, CONNECTIONS, -1);
    for (int index = 0; index < found; index++) {
      struct raw *raw = events[index].data.ptr;
      long ready = raw->ready;
      receive(raw);
      if (raw->ready == ready) continue;
      if (raw->ready < count / CONNECTIONS) {
        send_all(raw, request, sizeof request - 1);
      } else {
        waiting--;
      }
    }
  }
  measure_end(count, NULL);
}

int main(int argc, char **argv) {
  static const struct { const char *name; void (*run)(const char *, long); } workloads[] = {
    {"select-one", select_one}, {"pg-type", pg_type}, {"series", series}, {"rows", rows},
    {"bytes", byte_strings}, {"arrays", arrays}, {"copy-in", copy_in}, {"inserts", inserts},
    {"sixteen", sixteen},
  };
  if (argc == 2 && !strcmp(argv[1], "version")) {
    printf("send and recv\n");
    return 0;
  }
  for (size_t index = 0; index < sizeof workloads / sizeof *workloads; index++) {
    if (argc == 2 && !strcmp(argv[1], "workloads")) {
      printf("%s\n", workloads[index].name);
    } else if (argc == 4 && !strcmp(workloads[index].name, argv[1])) {
      workloads[index].run(argv[2], atol(argv[3]));
      return 0;
    }
  }
  if (argc == 2 && !strcmp(argv[1], "workloads")) return 0;
  fail("usage", "raw WORKLOAD URL COUNT | workloads | version");
}
