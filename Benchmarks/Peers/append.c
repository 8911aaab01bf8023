// What a disk can do at best: appends of as many bytes as a commit of one row takes, each followed
// by fdatasync.
//
//   append commit PATH COUNT
//   append version
#include "measure.h"

int main(int count, char **words) {
  if (count == 2 && strcmp(words[1], "version") == 0) {
    printf("write and fdatasync\n");
    return 0;
  }
  if (count != 4) return 1;
  long commits = atol(words[3]);
  int file = open(words[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  char bytes[256];
  memset(bytes, 'x', sizeof bytes);
  measure_start();
  for (long number = 0; number < commits; number++) {
    if (write(file, bytes, sizeof bytes) != sizeof bytes || fdatasync(file) != 0) {
      perror("append");
      return 1;
    }
  }
  double sum = commits;
  measure_end(commits, &sum);
  return 0;
}
