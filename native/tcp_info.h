// The contract of the native side: what each platform file provides.
//
// Synchronous, without allocation or JavaScript, and without state but the
// version that windows.cc has learnt; reading is one system call (on Windows up
// to three, until the first answer). A result below zero is a negated OS error
// number. The bytes are the kernel's own struct, untouched; the tables in
// lib/decode give them meaning, and believe only as many bytes as were filled.

#ifndef TCPINFO_SOCKET_NATIVE_TCP_INFO_H_
#define TCPINFO_SOCKET_NATIVE_TCP_INFO_H_

#include <cstddef>
#include <cstdint>

// Not "tcp_info": the kernel's struct has that name.
namespace tcpinfo {

// More than any kernel fills today (Linux 7.1: 280), so that a newer kernel's
// answer arrives whole. The kernel truncates silently to what it is offered.
constexpr size_t kMaxInfoSize = 512;

// Asks the kernel for the statistics of one TCP socket; returns the number of
// bytes it filled. On every platform the first byte is the connection's state,
// in that platform's own numbering.
int ReadInfo(int descriptor, uint8_t* out, size_t capacity);

// The system's clock as Date.now() gives it, in whole milliseconds since 1970:
// from JavaScript it costs three times as much. 0 where Date.now() has to be
// asked.
uint64_t WallClockMs();

// Whether this OS has the call at all: ReadInfo on a socket made for the
// purpose and closed again.
int Probe();

// A socket address in one form for all platforms, all integers in host order.
struct Endpoint {
  uint16_t family;  // 4, 6, or 0 when there is no address
  uint16_t port;
  uint32_t scope_id;
  uint8_t address[16];  // network order; the first 4 for IPv4
};
static_assert(sizeof(Endpoint) == 24, "lib/endpoints.ts reads it by offset");

constexpr int kHasLocal = 1;
constexpr int kHasRemote = 2;

// Both addresses of a socket; returns which there are, the others are zeroed.
int ReadEndpoints(int descriptor, Endpoint* local, Endpoint* remote);

// Whether the system tells a connection's remote address also before it is made
// and after it is over: 1 or 0; below zero when there is no telling for now.
int KeepsPeer();

// The text that socket.remoteAddress would give, scope included. Returns its
// length, or 0 when there is no address. kMaxAddressText holds any of them.
constexpr size_t kMaxAddressText = 96;
size_t FormatAddress(const Endpoint& endpoint, char (&out)[kMaxAddressText]);

}  // namespace tcpinfo

// Fails the build when a platform's header disagrees with the offset that
// lib/decode uses. A field that this header does not have yet passes: headers
// are often older than the kernel that answers.
#define TCPINFO_PIN(type, member, at)                           \
  template <class T, class = void>                              \
  struct Pin_##member {                                         \
    static constexpr bool kHolds = true;                        \
  };                                                            \
  template <class T>                                            \
  struct Pin_##member<T, decltype(void(T::member))> {           \
    static constexpr bool kHolds = offsetof(T, member) == (at); \
  };                                                            \
  static_assert(Pin_##member<type>::kHolds, #member " is not at offset " #at)

#endif  // TCPINFO_SOCKET_NATIVE_TCP_INFO_H_
