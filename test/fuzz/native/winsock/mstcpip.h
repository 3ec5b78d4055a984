// The sizes only: no member, so that no pin is looked at.

#ifndef TCPINFO_SOCKET_TEST_FUZZ_NATIVE_WINSOCK_MSTCPIP_H_
#define TCPINFO_SOCKET_TEST_FUZZ_NATIVE_WINSOCK_MSTCPIP_H_

#include <stdint.h>

struct TCP_INFO_v0 {
  uint8_t bytes[88];
};
struct TCP_INFO_v1 {
  uint8_t bytes[136];
};

#endif  // TCPINFO_SOCKET_TEST_FUZZ_NATIVE_WINSOCK_MSTCPIP_H_
