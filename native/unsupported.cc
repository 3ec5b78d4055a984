// A platform for which no TCP statistics call is known to this project: all
// that can fail answers ENOSYS, which lib/ reports as ERR_TCP_INFO_UNSUPPORTED.

#include <errno.h>

#include "tcp_info.h"

namespace tcpinfo {

int ReadInfo(int, uint8_t*, size_t) { return -ENOSYS; }

int Probe() { return -ENOSYS; }

int ReadEndpoints(int, int, Endpoint*, Endpoint*) { return -ENOSYS; }

size_t FormatAddress(const Endpoint&, char (&)[kMaxAddressText]) { return 0; }

}  // namespace tcpinfo
