// A mock of Winsock, as much of it as native/windows.cc uses, so that it can be
// fuzzed where libFuzzer runs. Layouts are the real headers' business: the
// build for Windows pins them.

#ifndef TCPINFO_SOCKET_TEST_FUZZ_NATIVE_WINSOCK_WINSOCK2_H_
#define TCPINFO_SOCKET_TEST_FUZZ_NATIVE_WINSOCK_WINSOCK2_H_

#include <stdint.h>
#include <sys/types.h>  // u_long, fd_set, timeval

using SOCKET = uintptr_t;
using DWORD = uint32_t;

struct WSADATA {};
struct sockaddr {};
struct in_addr {
  uint32_t s_addr;
};
struct sockaddr_in {
  uint16_t sin_family;
  uint16_t sin_port;
  in_addr sin_addr;
};

constexpr int AF_INET = 2;
constexpr int SOCK_STREAM = 1;
constexpr int FIONBIO = 1;
constexpr uint32_t INADDR_LOOPBACK = 0x7f000001;
constexpr uint32_t SIO_TCP_INFO = 0xd8000027;
constexpr int WSAEINVAL = 10022;
constexpr int WSAEWOULDBLOCK = 10035;
constexpr int WSAENOPROTOOPT = 10042;
constexpr int WSAEOPNOTSUPP = 10045;
constexpr int WSAENETDOWN = 10050;

constexpr int MAKEWORD(int low, int high) { return low | high << 8; }
constexpr uint32_t htonl(uint32_t value) { return __builtin_bswap32(value); }

int WSAStartup(int version, WSADATA* data);
int WSACleanup();
int WSAGetLastError();
int WSAIoctl(SOCKET socket, uint32_t code, void* in, DWORD in_size, void* out,
             DWORD out_size, DWORD* returned, void* overlapped, void* routine);
SOCKET socket(int family, int type, int protocol);
int closesocket(SOCKET socket);
int bind(SOCKET socket, const sockaddr* name, int length);
int listen(SOCKET socket, int backlog);
int getsockname(SOCKET socket, sockaddr* name, int* length);
int ioctlsocket(SOCKET socket, int command, u_long* argument);
int connect(SOCKET socket, const sockaddr* name, int length);
int select(int, fd_set*, fd_set* writable, fd_set*, const timeval* longest);

#endif  // TCPINFO_SOCKET_TEST_FUZZ_NATIVE_WINSOCK_WINSOCK2_H_
