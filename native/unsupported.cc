// A platform for which no TCP statistics call is known to this project:
// everything answers ENOSYS, which lib/ reports as ERR_TCP_INFO_UNSUPPORTED.

#include <errno.h>

#include "tcp_info.h"

namespace tcpinfo {

int ReadInfo(int, uint8_t*, size_t) { return -ENOSYS; }

int Probe() { return -ENOSYS; }

}  // namespace tcpinfo
