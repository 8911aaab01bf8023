// The mixes over Redis: a key and its text, spoken to over a Unix socket, one command at a time. The
// server is started with appendfsync always, so that an answered write is on the device.
// `records.h` says how it is called; PLACE is the socket. It has no scan in the order of the keys.
#include <sys/socket.h>
#include <sys/un.h>

#include "records.h"

static int server;
static char answer[65536];
static size_t answered;

static const char *store_version(void) { return "Redis, its protocol spoken by a C program"; }

static void store_open(const char *place) {
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  if (strlen(place) >= sizeof address.sun_path) fail(place, "is too long");
  strcpy(address.sun_path, place);
  server = socket(AF_UNIX, SOCK_STREAM, 0);
  if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof address))
    fail(place, "cannot be connected to");
}

static void receive(void) {
  if (answered == sizeof answer - 1) fail("an answer", "is too long");
  ssize_t count = read(server, answer + answered, sizeof answer - 1 - answered);
  if (count <= 0) fail("redis", "has closed the connection");
  answered += (size_t)count;
  answer[answered] = 0;
}

// Sends a command of two or three words, and waits until the first line of the answer is there.
static void command(const char *verb, const char *key, const char *text, size_t length) {
  static char request[65536];
  int size = snprintf(request, sizeof request, "*%d\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", text ? 3 : 2,
    strlen(verb), verb, strlen(key), key);
  if (text) {
    if ((size_t)size + length + 64 > sizeof request) fail(key, "is too long");
    size += snprintf(request + size, sizeof request - (size_t)size, "$%zu\r\n", length);
    memcpy(request + size, text, length);
    memcpy(request + size + length, "\r\n", 2);
    size += (int)length + 2;
  }
  for (int sent = 0; sent < size;) {
    ssize_t count = write(server, request + sent, (size_t)(size - sent));
    if (count <= 0) fail("redis", "takes no more");
    sent += (int)count;
  }
  answered = 0;
  do receive();
  while (!strstr(answer, "\r\n"));
}

static void set(const struct record *record) {
  command("SET", record->key, record->text, record->length);
  if (answer[0] != '+') fail("SET", answer);
}

// Redis has no load of its own: commands are sent one by one, as pipelines would only hide waiting.
static void store_begin(void) {}
static void store_commit(void) {}
static void store_put(const struct record *record) { set(record); }
static void store_update(const struct record *record) { set(record); }

static double store_get(const char *key) {
  command("GET", key, NULL, 0);
  if (answer[0] != '$' || answer[1] == '-') fail(key, "is not there");
  char *text;
  size_t length = strtoul(answer + 1, &text, 10);
  text += 2;
  while (answered < (size_t)(text - answer) + length + 2) receive();
  return sum_of(text, length);
}

static double store_scan(const char *key, long count) {
  (void)count;
  fail(key, "Redis keeps no order of keys");
  return 0;
}

static void store_close(void) { close(server); }
