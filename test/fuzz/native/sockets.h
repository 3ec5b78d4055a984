// Real descriptors for the fuzzers: TCP sockets in every state that a program
// can hold one in, and what is no TCP socket. (SYN_RECV is the kernel's alone
// until the handshake is over. TIME_WAIT is the kernel's alone too: what is
// left to the program says CLOSE.)

#ifndef TCPINFO_SOCKET_TEST_FUZZ_NATIVE_SOCKETS_H_
#define TCPINFO_SOCKET_TEST_FUZZ_NATIVE_SOCKETS_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <set>
#include <vector>

class Sockets {
 public:
  Sockets() {
    const int listener = Listen(AF_INET, 16);
    Keep(socket(AF_INET, SOCK_STREAM, 0));
    Keep(socket(AF_INET6, SOCK_STREAM, 0));
    Keep(listener);
    KeepPair(Connect(listener));
    KeepPair(Connect(Listen(AF_INET6, 16)));
    Connecting();
    // FIN_WAIT2 and CLOSE_WAIT.
    const Pair half = Connect(listener);
    shutdown(half.client, SHUT_WR);
    KeepPair(half);
    // Its FIN waits behind what the other does not read: FIN_WAIT1.
    const Pair full = Connect(listener);
    Fill(full.client);
    shutdown(full.client, SHUT_WR);
    KeepPair(full);
    // Likewise, after the other's FIN: LAST_ACK.
    const Pair last = Connect(listener);
    Fill(last.client);
    shutdown(last.server, SHUT_WR);
    shutdown(last.client, SHUT_WR);
    KeepPair(last);
    // Both FINs wait, and one of them arrives: CLOSING.
    const Pair both = Connect(listener);
    Fill(both.client);
    Fill(both.server);
    shutdown(both.client, SHUT_WR);
    shutdown(both.server, SHUT_WR);
    Empty(both.client);
    KeepPair(both);
    // TIME_WAIT, as far as a program sees it.
    const Pair over = Connect(listener);
    shutdown(over.client, SHUT_WR);
    shutdown(over.server, SHUT_WR);
    KeepPair(over);
    const Pair reset = Connect(listener);
    const linger now = {1, 0};
    setsockopt(reset.server, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(reset.server);
    Keep(reset.client);
    usleep(100'000);  // for what the kernel sends later
    tcp_count_ = descriptors_.size();
    // None of them TCP; the last is closed.
    int ends[2];
    Check(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    Keep(ends[0]);
    Check(pipe(ends) == 0);
    Keep(ends[0]);
    Keep(socket(AF_INET, SOCK_DGRAM, 0));
    Keep(open("/dev/null", O_RDONLY));
    Keep(-1);
    Keep(1'000'000);
    fprintf(stderr, "states of the sockets:");
    for (const int state : States()) fprintf(stderr, " %d", state);
    fprintf(stderr, "\n");
  }

  const std::vector<int>& descriptors() const { return descriptors_; }
  // The first of them are TCP.
  size_t tcp_count() const { return tcp_count_; }

 private:
  struct Pair {
    int client;
    int server;
  };

  static void Check(bool holds) {
    if (holds) return;
    perror("the fuzzer's own sockets");
    abort();
  }

  void Keep(int descriptor) { descriptors_.push_back(descriptor); }
  void KeepPair(Pair pair) {
    Keep(pair.client);
    Keep(pair.server);
  }

  static int Listen(int family, int backlog) {
    const int listener = socket(family, SOCK_STREAM, 0);
    sockaddr_in6 address = {};
    address.sin6_family = static_cast<sa_family_t>(family);
    address.sin6_addr = in6addr_loopback;
    if (family == AF_INET) {
      reinterpret_cast<sockaddr_in&>(address).sin_addr.s_addr =
          htonl(INADDR_LOOPBACK);
    }
    Check(bind(listener, reinterpret_cast<sockaddr*>(&address),
               sizeof(address)) == 0 &&
          listen(listener, backlog) == 0);
    return listener;
  }

  static int Client(int listener, int flags) {
    sockaddr_storage address;
    socklen_t length = sizeof(address);
    auto* name = reinterpret_cast<sockaddr*>(&address);
    Check(getsockname(listener, name, &length) == 0);
    const int client = socket(address.ss_family, SOCK_STREAM | flags, 0);
    Check(connect(client, name, length) == 0 || flags != 0);
    return client;
  }

  static Pair Connect(int listener) {
    const int client = Client(listener, 0);
    return {client, accept(listener, nullptr, nullptr)};
  }

  // SYN_SENT: the queue of those that wait to be accepted is full.
  void Connecting() {
    const int listener = Listen(AF_INET, 0);
    for (int i = 0; i < 3; i++) Keep(Client(listener, SOCK_NONBLOCK));
  }

  static void Fill(int descriptor) {
    static char bytes[1 << 16];
    while (send(descriptor, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
    }
  }

  static void Empty(int descriptor) {
    static char bytes[1 << 16];
    for (int i = 0; i < 100; i++) {
      while (recv(descriptor, bytes, sizeof(bytes), MSG_DONTWAIT) > 0) {
      }
      usleep(1000);
    }
  }

  std::set<int> States() const {
    std::set<int> states;
    for (size_t i = 0; i < tcp_count_; i++) {
      tcp_info info;
      socklen_t length = sizeof(info);
      Check(getsockopt(descriptors_[i], IPPROTO_TCP, TCP_INFO, &info,
                       &length) == 0);
      states.insert(info.tcpi_state);
    }
    return states;
  }

  std::vector<int> descriptors_;
  size_t tcp_count_ = 0;
};

#endif  // TCPINFO_SOCKET_TEST_FUZZ_NATIVE_SOCKETS_H_
