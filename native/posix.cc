// What Linux and macOS do alike: the probe, and the addresses of a socket.

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp_info.h"

namespace tcpinfo {
namespace {

bool Convert(const sockaddr_storage& from, Endpoint* to) {
  *to = Endpoint{};
  if (from.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(from);
    to->family = 4;
    to->port = ntohs(in.sin_port);
    memcpy(to->address, &in.sin_addr, sizeof(in.sin_addr));
    return true;
  }
  if (from.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(from);
    to->family = 6;
    to->port = ntohs(in.sin6_port);
    to->scope_id = in.sin6_scope_id;
    memcpy(to->address, &in.sin6_addr, sizeof(in.sin6_addr));
    return true;
  }
  return false;
}

}  // namespace

int Probe() {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (descriptor < 0) return -errno;
  uint8_t info[kMaxInfoSize];
  const int filled = ReadInfo(descriptor, info, sizeof(info));
  close(descriptor);
  return filled;
}

int ReadEndpoints(int descriptor, int wanted, Endpoint* local,
                  Endpoint* remote) {
  sockaddr_storage address;
  socklen_t length = sizeof(address);
  *remote = Endpoint{};
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) !=
      0) {
    *local = Endpoint{};
    return -errno;
  }
  int found = Convert(address, local) ? kHasLocal : 0;
  length = sizeof(address);
  // ENOTCONN before the connection is made and after it is over.
  if ((wanted & kHasRemote) != 0 &&
      getpeername(descriptor, reinterpret_cast<sockaddr*>(&address), &length) ==
          0 &&
      Convert(address, remote)) {
    found |= kHasRemote;
  }
  return found;
}

size_t FormatAddress(const Endpoint& endpoint, char* out, size_t capacity) {
  const int family = endpoint.family == 4   ? AF_INET
                     : endpoint.family == 6 ? AF_INET6
                                            : AF_UNSPEC;
  if (family == AF_UNSPEC ||
      inet_ntop(family, endpoint.address, out,
                static_cast<socklen_t>(capacity)) == nullptr) {
    return 0;
  }
  size_t length = strlen(out);
  // As Node's own remoteAddress: a link-local address names its interface.
  const bool link_local = family == AF_INET6 && endpoint.address[0] == 0xfe &&
                          (endpoint.address[1] & 0xc0) == 0x80;
  char name[IF_NAMESIZE];
  if (link_local && if_indextoname(endpoint.scope_id, name) != nullptr) {
    length += static_cast<size_t>(
        snprintf(out + length, capacity - length, "%%%s", name));
  }
  return length;
}

}  // namespace tcpinfo
