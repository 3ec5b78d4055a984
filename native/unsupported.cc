// A platform for which no TCP statistics call is known to this project: all
// that can fail answers ENOSYS, which lib/ reports as ERR_TCP_INFO_UNSUPPORTED.
// (Addresses are to be had everywhere: endpoints.cc.)

#include <errno.h>

#include "tcp_info.h"

namespace tcpinfo {

int ReadInfo(int, uint8_t*, size_t) { return -ENOSYS; }

int Probe() { return -ENOSYS; }

uint64_t WallClockMs() { return 0; }

}  // namespace tcpinfo
