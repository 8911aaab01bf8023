// What the peers in C share: the clocks of a measurement and the line that it prints.
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static uint64_t measure_started;
static double measure_processor_started;
static uint32_t *measure_times;
static size_t measure_noted, measure_space;

static inline uint64_t nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline double processor_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

// Starts the clocks: what must be there before is there.
static inline void measure_start(void) {
  measure_processor_started = processor_seconds();
  measure_started = nanoseconds();
}

// Notes how long one operation took, for the percentiles.
static inline void measure_time(uint64_t time) {
  if (measure_noted == measure_space) {
    measure_space = measure_space ? 2 * measure_space : 65536;
    measure_times = realloc(measure_times, measure_space * sizeof *measure_times);
    if (!measure_times) exit(1);
  }
  measure_times[measure_noted++] = time > UINT32_MAX ? UINT32_MAX : (uint32_t)time;
}

static inline int measure_compare(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

static inline double measure_percentile(int percent) {
  return measure_times[(measure_noted - 1) * (size_t)percent / 100] / 1e3;
}

// The most memory that the process has had, in KiB.
static inline long measure_peak(void) {
  char text[4096];
  int file = open("/proc/self/status", O_RDONLY);
  ssize_t length = file < 0 ? 0 : read(file, text, sizeof text - 1);
  text[length > 0 ? length : 0] = 0;
  const char *line = strstr(text, "VmHWM:");
  return line ? atol(line + 6) : 0;
}

// Stops the clocks and prints the line; NULL for a sum that is not known.
static inline void measure_end(double count, const double *sum) {
  double seconds = (double)(nanoseconds() - measure_started) / 1e9;
  double processor = processor_seconds() - measure_processor_started;
  printf("seconds=%.9f cpu=%.6f count=%.0f", seconds, processor, count);
  if (sum) printf(" sum=%.1f", *sum);
  printf(" peak=%ld", measure_peak());
  if (measure_noted) {
    qsort(measure_times, measure_noted, sizeof *measure_times, measure_compare);
    printf(" p50=%.3f p95=%.3f p99=%.3f", measure_percentile(50), measure_percentile(95),
      measure_percentile(99));
  }
  printf("\n");
}
