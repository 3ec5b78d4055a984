// What a program meets when the system fails it: preloaded (LD_PRELOAD), this
// makes system calls of the addon fail, and sets the wall clock that all of the
// process sees. Only calls out of a library whose name holds "tcpinfo-socket"
// count: those that Node makes itself are let through.
//
// It is led, and it tells, through a file that the process has mapped too: see
// faults.mjs, which lays it out in the same way.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { TCPINFO, GETSOCKNAME, PEERNAME, GETPEERNAME, SOCKET, CALLS };

struct rule {
  uint64_t seen;      // calls of the addon
  uint64_t injected;  // of them, those that were made to fail
  uint64_t nth;       // the one that fails; 0 for none
  uint64_t millionths;  // of the others that fail, at random
  int64_t error;      // an error number; 0: answers `length` bytes and no error
  int64_t length;
};

struct control {
  int64_t clock_ns;  // added to the wall clock
  uint64_t random;   // the state of the generator
  struct rule rules[CALLS];
};

static struct control* control;

__attribute__((constructor)) static void map(void) {
  const char* file = getenv("FAULTS_FILE");
  const int fd = file ? open(file, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* mapped = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE,
                      MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) control = mapped;
}

static void* next(void** cached, const char* name) {
  if (!*cached) *cached = dlsym(RTLD_NEXT, name);
  return *cached;
}
#define NEXT(name)                \
  static void* cached_##name;     \
  __typeof__(name)* const real_##name = next(&cached_##name, #name)

// (Node may lie in a folder that has this name.)
static int is_ours(const void* caller) {
  Dl_info info;
  if (!dladdr(caller, &info) || !info.dli_fname) return 0;
  const char* slash = strrchr(info.dli_fname, '/');
  const char* file = slash ? slash + 1 : info.dli_fname;
  return strstr(file, "tcpinfo-socket") != NULL;
}

// splitmix64.
static uint64_t random64(void) {
  uint64_t z = __atomic_add_fetch(&control->random, 0x9e3779b97f4a7c15u,
                                  __ATOMIC_RELAXED);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// The rule to fail this call by, if it is to fail.
static const struct rule* fault(int call, const void* caller) {
  if (!control || !is_ours(caller)) return NULL;
  struct rule* rule = &control->rules[call];
  const uint64_t number =
      __atomic_add_fetch(&rule->seen, 1, __ATOMIC_RELAXED);
  if (number != rule->nth && random64() % 1000000 >= rule->millionths) {
    return NULL;
  }
  __atomic_add_fetch(&rule->injected, 1, __ATOMIC_RELAXED);
  return rule;
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* length) {
  NEXT(getsockopt);
  const int call = level == IPPROTO_TCP && name == TCP_INFO       ? TCPINFO
                   : level == SOL_SOCKET && name == SO_PEERNAME ? PEERNAME
                                                                : CALLS;
  const struct rule* rule =
      call == CALLS ? NULL : fault(call, __builtin_return_address(0));
  if (rule && rule->error) {
    errno = (int)rule->error;
    return -1;
  }
  const int result = real_getsockopt(fd, level, name, value, length);
  if (rule && result == 0 && *length > (socklen_t)rule->length) {
    memset((char*)value + rule->length, 0xa5, *length - rule->length);
    *length = (socklen_t)rule->length;
  }
  return result;
}

int getsockname(int fd, struct sockaddr* address, socklen_t* length) {
  NEXT(getsockname);
  const struct rule* rule = fault(GETSOCKNAME, __builtin_return_address(0));
  if (!rule) return real_getsockname(fd, address, length);
  errno = (int)rule->error;
  return -1;
}

int getpeername(int fd, struct sockaddr* address, socklen_t* length) {
  NEXT(getpeername);
  const struct rule* rule = fault(GETPEERNAME, __builtin_return_address(0));
  if (!rule) return real_getpeername(fd, address, length);
  errno = (int)rule->error;
  return -1;
}

int socket(int domain, int type, int protocol) {
  NEXT(socket);
  const struct rule* rule = fault(SOCKET, __builtin_return_address(0));
  if (!rule) return real_socket(domain, type, protocol);
  errno = (int)rule->error;
  return -1;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  NEXT(clock_gettime);
  const int result = real_clock_gettime(clock, time);
  if (result == 0 && control && clock == CLOCK_REALTIME) {
    const int64_t ns = time->tv_nsec + control->clock_ns % 1000000000 + 1000000000;
    time->tv_sec += control->clock_ns / 1000000000 + ns / 1000000000 - 1;
    time->tv_nsec = ns % 1000000000;
  }
  return result;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  NEXT(gettimeofday);
  const int result = real_gettimeofday(time, zone);
  if (result == 0 && control) {
    const int64_t us = time->tv_usec + control->clock_ns / 1000 % 1000000 + 1000000;
    time->tv_sec += control->clock_ns / 1000000000 + us / 1000000 - 1;
    time->tv_usec = us % 1000000;
  }
  return result;
}
