// What a disk can do at best: appends of as many bytes as a commit of one row takes, each followed
// by fdatasync.
//
//   append commit PATH COUNT
//
// Prints seconds, the process's CPU seconds, operations and how many there were.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **words) {
  if (count != 4) return 1;
  long commits = atol(words[3]);
  int file = open(words[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  char bytes[256];
  memset(bytes, 'x', sizeof bytes);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (long number = 0; number < commits; number++) {
    if (write(file, bytes, sizeof bytes) != sizeof bytes || fdatasync(file) != 0) {
      perror("append");
      return 1;
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  struct timespec used;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  printf("%.9f %.9f %ld %ld\n", end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9,
         used.tv_sec + used.tv_nsec / 1e9, commits, commits);
  return 0;
}
