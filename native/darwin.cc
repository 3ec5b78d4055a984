// macOS: getsockopt(IPPROTO_TCP, TCP_CONNECTION_INFO), public since 10.11
// (xnu bsd/netinet/tcp.h). The struct behind optname TCP_INFO (0x200) is
// private there and changes between releases.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "tcp_info.h"

namespace tcpinfo {

TCPINFO_PIN(::tcp_connection_info, tcpi_state, 0);
TCPINFO_PIN(::tcp_connection_info, tcpi_snd_wscale, 1);
TCPINFO_PIN(::tcp_connection_info, tcpi_rcv_wscale, 2);
TCPINFO_PIN(::tcp_connection_info, tcpi_options, 4);
TCPINFO_PIN(::tcp_connection_info, tcpi_flags, 8);
TCPINFO_PIN(::tcp_connection_info, tcpi_rto, 12);
TCPINFO_PIN(::tcp_connection_info, tcpi_maxseg, 16);
TCPINFO_PIN(::tcp_connection_info, tcpi_snd_ssthresh, 20);
TCPINFO_PIN(::tcp_connection_info, tcpi_snd_cwnd, 24);
TCPINFO_PIN(::tcp_connection_info, tcpi_snd_wnd, 28);
TCPINFO_PIN(::tcp_connection_info, tcpi_snd_sbbytes, 32);
TCPINFO_PIN(::tcp_connection_info, tcpi_rcv_wnd, 36);
TCPINFO_PIN(::tcp_connection_info, tcpi_rttcur, 40);
TCPINFO_PIN(::tcp_connection_info, tcpi_srtt, 44);
TCPINFO_PIN(::tcp_connection_info, tcpi_rttvar, 48);
TCPINFO_PIN(::tcp_connection_info, tcpi_txpackets, 56);
TCPINFO_PIN(::tcp_connection_info, tcpi_txbytes, 64);
TCPINFO_PIN(::tcp_connection_info, tcpi_txretransmitbytes, 72);
TCPINFO_PIN(::tcp_connection_info, tcpi_rxpackets, 80);
TCPINFO_PIN(::tcp_connection_info, tcpi_rxbytes, 88);
TCPINFO_PIN(::tcp_connection_info, tcpi_rxoutoforderbytes, 96);
TCPINFO_PIN(::tcp_connection_info, tcpi_txretransmitpackets, 104);

int ReadInfo(int descriptor, uint8_t* out, size_t capacity) {
  socklen_t length = static_cast<socklen_t>(capacity);
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_CONNECTION_INFO, out, &length) !=
      0) {
    return -errno;
  }
  return static_cast<int>(length);
}

}  // namespace tcpinfo
