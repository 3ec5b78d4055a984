// Preloaded (LD_PRELOAD), makes the TCP sockets of a process Multipath TCP's, as
// mptcpize does.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>

enum { IPPROTO_MULTIPATH = 262, TYPE = 0xf };

int socket(int domain, int type, int protocol) {
  int (*const real)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  const int is_tcp = (domain == AF_INET || domain == AF_INET6) &&
                     (type & TYPE) == SOCK_STREAM && protocol == 0;
  return real(domain, type, is_tcp ? IPPROTO_MULTIPATH : protocol);
}
