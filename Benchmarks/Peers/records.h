// What the stores in C share: the rows, the steps of a mix, and how they are followed.
//
//   PROGRAM load|steps PLACE ROWS STEPS COUNT
//   PROGRAM version
//
// ROWS has a line for each document: its key, its account and its text, between tabs. STEPS has a
// line for each step: `r NUMBER`, `u NUMBER REVISION`, `i NUMBER`, `s NUMBER COUNT` or
// `m NUMBER REVISION`. The first COUNT rows are loaded; `load` measures that, `steps` the steps.
//
// A store has the functions below. What is put must be as durable as the store says it is.
#include "measure.h"

struct record {
  const char *key, *account, *text;
  size_t length;
};

static const char *store_version(void);
static void store_open(const char *place);
static void store_begin(void);
static void store_commit(void);
// Puts a new record.
static void store_put(const struct record *record);
// Gives the record with a key another text.
static void store_update(const struct record *record);
// The sum of the record with a key.
static double store_get(const char *key);
// The sum of so many records from a key on, in the order of the keys.
static double store_scan(const char *key, long count);
static void store_close(void);

static void fail(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

// The places of the number and the revision in a document's text.
enum { NUMBER = 22, REVISION = 44, REVISION_DIGITS = 8 };

// What is added up of a document that was read: its number and its length.
static double sum_of(const char *text, size_t length) {
  if (length < REVISION + REVISION_DIGITS) fail("a document", "too short");
  return (double)strtol(text + NUMBER, NULL, 10) + (double)length;
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END)) fail(path, "cannot be read");
  long length = ftell(file);
  rewind(file);
  char *text = malloc((size_t)length + 1);
  if (!text || fread(text, 1, (size_t)length, file) != (size_t)length) fail(path, "cannot be read");
  text[length] = 0;
  fclose(file);
  return text;
}

static struct record *records;
static size_t record_count;

static void read_records(const char *path) {
  size_t space = 0;
  for (char *line = read_file(path); *line;) {
    if (record_count == space) {
      space = space ? 2 * space : 1024;
      records = realloc(records, space * sizeof *records);
      if (!records) exit(1);
    }
    char *account = strchr(line, '\t'), *text = account ? strchr(account + 1, '\t') : NULL;
    char *end = text ? strchr(text + 1, '\n') : NULL;
    if (!end) fail(path, "has another form");
    *account++ = *text++ = *end = 0;
    records[record_count++] =
      (struct record){ .key = line, .account = account, .text = text, .length = (size_t)(end - text) };
    line = end + 1;
  }
}

struct step {
  char kind;
  long number, value;
};

static struct step *steps;
static size_t step_count;

static void read_steps(const char *path) {
  size_t space = 0;
  for (char *line = read_file(path); *line; line++) {
    if (step_count == space) {
      space = space ? 2 * space : 1024;
      steps = realloc(steps, space * sizeof *steps);
      if (!steps) exit(1);
    }
    struct step step = { .kind = *line };
    step.number = strtol(line + 1, &line, 10);
    step.value = strtol(line, &line, 10);
    if (*line != '\n' || step.number < 0 || (size_t)step.number >= record_count)
      fail(path, "has another form");
    steps[step_count++] = step;
  }
}

static void update(const struct record *old, long revision) {
  static char text[8192];
  char digits[16];
  if (old->length >= sizeof text) fail(old->key, "is too long");
  memcpy(text, old->text, old->length + 1);
  snprintf(digits, sizeof digits, "%ld", 10000000 + revision % 10000000);
  memcpy(text + REVISION, digits, REVISION_DIGITS);
  struct record new = *old;
  new.text = text;
  store_update(&new);
}

static double follow(const struct step *step) {
  const struct record *record = &records[step->number];
  double sum;
  switch (step->kind) {
  case 'r': return store_get(record->key);
  case 'u': update(record, step->value); return 1;
  case 'i': store_put(record); return sum_of(record->text, record->length);
  case 's': return store_scan(record->key, step->value);
  case 'm':
    sum = store_get(record->key);
    update(record, step->value);
    return sum;
  default: fail("a step", "of another kind"); return 0;
  }
}

static void load(size_t count) {
  store_begin();
  for (size_t number = 0; number < count; number++) store_put(&records[number]);
  store_commit();
}

int main(int words_count, char **words) {
  if (words_count == 2 && !strcmp(words[1], "version")) return puts(store_version()) < 0;
  if (words_count != 6) fail(words[0], "load|steps PLACE ROWS STEPS COUNT");
  read_records(words[3]);
  read_steps(words[4]);
  size_t count = strtoul(words[5], NULL, 10);
  if (count > record_count) fail(words[3], "has fewer rows");
  store_open(words[2]);
  double sum = 0;
  if (!strcmp(words[1], "load")) {
    measure_start();
    load(count);
    sum = (double)count;
    measure_end(sum, &sum);
  } else {
    load(count);
    measure_start();
    for (size_t place = 0; place < step_count; place++) {
      uint64_t start = nanoseconds();
      sum += follow(&steps[place]);
      measure_time(nanoseconds() - start);
    }
    measure_end((double)step_count, &sum);
  }
  store_close();
  return 0;
}
