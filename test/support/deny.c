// Runs a command in a sandbox that lets everything be but
// getsockopt(IPPROTO_TCP, TCP_INFO), as a container's profile may:
//
//   deny <error number> <command> [arguments]

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Of the arguments the lower halves, which come first on a little-endian machine.
#define LOAD(member) \
  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
#define UNLESS(value, skip) \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

int main(int count, char** words) {
  if (count < 3) return 2;
  struct sock_filter filter[] = {
      LOAD(nr),      UNLESS(SYS_getsockopt, 5),
      LOAD(args[1]), UNLESS(IPPROTO_TCP, 3),
      LOAD(args[2]), UNLESS(TCP_INFO, 1),
      BPF_STMT(BPF_RET | BPF_K,
               SECCOMP_RET_ERRNO | (atoi(words[1]) & SECCOMP_RET_DATA)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof(filter) / sizeof(*filter), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("prctl");
    return 1;
  }
  execvp(words[2], words + 2);
  perror(words[2]);
  return 127;
}
