// What Linux and macOS do alike: the probe and the clock.

#include <errno.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tcp_info.h"

namespace tcpinfo {

int Probe() {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (descriptor < 0) return -errno;
  uint8_t info[kMaxInfoSize];
  const int filled = ReadInfo(descriptor, info, sizeof(info));
  close(descriptor);
  return filled;
}

// As V8 has it (Time::Now, src/base/platform/time.cc).
uint64_t WallClockMs() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 +
         static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

}  // namespace tcpinfo
