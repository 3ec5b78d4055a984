// The addresses of a socket: by the calls that every platform has, and one that
// Linux has for itself.

#ifdef _WIN32
#include <winsock2.h>
#include <ws2tcpip.h>
#else
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#endif
#include <stdio.h>
#include <string.h>

#include "tcp_info.h"

namespace tcpinfo {
namespace {

#ifdef _WIN32
using Descriptor = SOCKET;
int LastError() { return WSAGetLastError(); }
#else
using Descriptor = int;
int LastError() { return errno; }
#endif

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

// `exact` is how long an address of this socket is.
bool PeerName(Descriptor descriptor, socklen_t exact,
              sockaddr_storage* address) {
  auto* const name = reinterpret_cast<sockaddr*>(address);
#ifdef SO_PEERNAME
  // Where getpeername() says ENOTCONN, this option of Linux still tells whom
  // the socket was connected to, or is to be (inet_getname,
  // net/ipv4/af_inet.c). It takes no room that is larger than the address.
  socklen_t room = exact;
  if (exact != 0 &&
      getsockopt(descriptor, SOL_SOCKET, SO_PEERNAME, name, &room) == 0) {
    return true;
  }
#else
  (void)exact;
#endif
  socklen_t length = sizeof(*address);
  return getpeername(descriptor, name, &length) == 0;
}

}  // namespace

int ReadEndpoints(int number, Endpoint* local, Endpoint* remote) {
  const auto descriptor = static_cast<Descriptor>(number);
  *local = Endpoint{};
  *remote = Endpoint{};
  int found = 0;
  int error = 0;
  // What a call leaves unwritten is no address.
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  if (getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) !=
      0) {
    error = LastError();
    length = 0;
  } else if (Convert(address, local)) {
    found = kHasLocal;
  }
  address.ss_family = AF_UNSPEC;
  if (PeerName(descriptor, length, &address) && Convert(address, remote)) {
    found |= kHasRemote;
  }
  return found != 0 ? found : -error;
}

int KeepsPeer() {
#ifdef SO_PEERNAME
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  if (descriptor < 0) return -errno;
  sockaddr_in peer;
  socklen_t length = sizeof(peer);
  // Nobody yet; an emulator of Linux would say that it does not know the
  // option.
  const bool knows =
      getsockopt(descriptor, SOL_SOCKET, SO_PEERNAME, &peer, &length) == 0 ||
      errno == ENOTCONN;
  close(descriptor);
  return knows ? 1 : 0;
#else
  return 0;
#endif
}

#ifdef _WIN32
constexpr size_t kMaxScope = sizeof("%4294967295") - 1;
#else
constexpr size_t kMaxScope = sizeof('%') + IF_NAMESIZE - 1;
#endif
static_assert(INET6_ADDRSTRLEN + kMaxScope <= kMaxAddressText);

size_t FormatAddress(const Endpoint& endpoint, char (&out)[kMaxAddressText]) {
  const int family = endpoint.family == 4   ? AF_INET
                     : endpoint.family == 6 ? AF_INET6
                                            : AF_UNSPEC;
  if (family == AF_UNSPEC ||
      inet_ntop(family, endpoint.address, out, sizeof(out)) == nullptr) {
    return 0;
  }
  const size_t length = strlen(out);
  // As Node's own remoteAddress: a link-local address names its interface.
  const bool link_local = family == AF_INET6 && endpoint.address[0] == 0xfe &&
                          (endpoint.address[1] & 0xc0) == 0x80;
  if (!link_local || endpoint.scope_id == 0) return length;
#ifdef _WIN32
  // There by its number (uv_if_indextoiid, libuv src/win/getaddrinfo.c).
  const int added = snprintf(out + length, sizeof(out) - length, "%%%lu",
                             static_cast<unsigned long>(endpoint.scope_id));
#else
  char name[IF_NAMESIZE];
  if (if_indextoname(endpoint.scope_id, name) == nullptr) return length;
  const int added = snprintf(out + length, sizeof(out) - length, "%%%s", name);
#endif
  return length + static_cast<size_t>(added);
}

}  // namespace tcpinfo
