// Linux: getsockopt(IPPROTO_TCP, TCP_INFO), tcp(7).
//
// <linux/tcp.h> rather than <netinet/tcp.h>: libc's copy of the struct stops
// at tcpi_total_retrans.

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tcp_info.h"

namespace tcpinfo {

TCPINFO_PIN(::tcp_info, tcpi_state, 0);
TCPINFO_PIN(::tcp_info, tcpi_ca_state, 1);
TCPINFO_PIN(::tcp_info, tcpi_retransmits, 2);
TCPINFO_PIN(::tcp_info, tcpi_probes, 3);
TCPINFO_PIN(::tcp_info, tcpi_backoff, 4);
TCPINFO_PIN(::tcp_info, tcpi_options, 5);
TCPINFO_PIN(::tcp_info, tcpi_rto, 8);
TCPINFO_PIN(::tcp_info, tcpi_ato, 12);
TCPINFO_PIN(::tcp_info, tcpi_snd_mss, 16);
TCPINFO_PIN(::tcp_info, tcpi_rcv_mss, 20);
TCPINFO_PIN(::tcp_info, tcpi_unacked, 24);
TCPINFO_PIN(::tcp_info, tcpi_sacked, 28);
TCPINFO_PIN(::tcp_info, tcpi_lost, 32);
TCPINFO_PIN(::tcp_info, tcpi_retrans, 36);
TCPINFO_PIN(::tcp_info, tcpi_fackets, 40);
TCPINFO_PIN(::tcp_info, tcpi_last_data_sent, 44);
TCPINFO_PIN(::tcp_info, tcpi_last_ack_sent, 48);
TCPINFO_PIN(::tcp_info, tcpi_last_data_recv, 52);
TCPINFO_PIN(::tcp_info, tcpi_last_ack_recv, 56);
TCPINFO_PIN(::tcp_info, tcpi_pmtu, 60);
TCPINFO_PIN(::tcp_info, tcpi_rcv_ssthresh, 64);
TCPINFO_PIN(::tcp_info, tcpi_rtt, 68);
TCPINFO_PIN(::tcp_info, tcpi_rttvar, 72);
TCPINFO_PIN(::tcp_info, tcpi_snd_ssthresh, 76);
TCPINFO_PIN(::tcp_info, tcpi_snd_cwnd, 80);
TCPINFO_PIN(::tcp_info, tcpi_advmss, 84);
TCPINFO_PIN(::tcp_info, tcpi_reordering, 88);
TCPINFO_PIN(::tcp_info, tcpi_rcv_rtt, 92);
TCPINFO_PIN(::tcp_info, tcpi_rcv_space, 96);
TCPINFO_PIN(::tcp_info, tcpi_total_retrans, 100);
TCPINFO_PIN(::tcp_info, tcpi_pacing_rate, 104);
TCPINFO_PIN(::tcp_info, tcpi_max_pacing_rate, 112);
TCPINFO_PIN(::tcp_info, tcpi_bytes_acked, 120);
TCPINFO_PIN(::tcp_info, tcpi_bytes_received, 128);
TCPINFO_PIN(::tcp_info, tcpi_segs_out, 136);
TCPINFO_PIN(::tcp_info, tcpi_segs_in, 140);
TCPINFO_PIN(::tcp_info, tcpi_notsent_bytes, 144);
TCPINFO_PIN(::tcp_info, tcpi_min_rtt, 148);
TCPINFO_PIN(::tcp_info, tcpi_data_segs_in, 152);
TCPINFO_PIN(::tcp_info, tcpi_data_segs_out, 156);
TCPINFO_PIN(::tcp_info, tcpi_delivery_rate, 160);
TCPINFO_PIN(::tcp_info, tcpi_busy_time, 168);
TCPINFO_PIN(::tcp_info, tcpi_rwnd_limited, 176);
TCPINFO_PIN(::tcp_info, tcpi_sndbuf_limited, 184);
TCPINFO_PIN(::tcp_info, tcpi_delivered, 192);
TCPINFO_PIN(::tcp_info, tcpi_delivered_ce, 196);
TCPINFO_PIN(::tcp_info, tcpi_bytes_sent, 200);
TCPINFO_PIN(::tcp_info, tcpi_bytes_retrans, 208);
TCPINFO_PIN(::tcp_info, tcpi_dsack_dups, 216);
TCPINFO_PIN(::tcp_info, tcpi_reord_seen, 220);
TCPINFO_PIN(::tcp_info, tcpi_rcv_ooopack, 224);
TCPINFO_PIN(::tcp_info, tcpi_snd_wnd, 228);
TCPINFO_PIN(::tcp_info, tcpi_rcv_wnd, 232);
TCPINFO_PIN(::tcp_info, tcpi_rehash, 236);
TCPINFO_PIN(::tcp_info, tcpi_total_rto, 240);
TCPINFO_PIN(::tcp_info, tcpi_total_rto_recoveries, 242);
TCPINFO_PIN(::tcp_info, tcpi_total_rto_time, 244);
TCPINFO_PIN(::tcp_info, tcpi_received_ce, 248);
TCPINFO_PIN(::tcp_info, tcpi_delivered_e1_bytes, 252);
TCPINFO_PIN(::tcp_info, tcpi_delivered_e0_bytes, 256);
TCPINFO_PIN(::tcp_info, tcpi_delivered_ce_bytes, 260);
TCPINFO_PIN(::tcp_info, tcpi_received_e1_bytes, 264);
TCPINFO_PIN(::tcp_info, tcpi_received_e0_bytes, 268);
TCPINFO_PIN(::tcp_info, tcpi_received_ce_bytes, 272);

int ReadInfo(int descriptor, uint8_t* out, size_t capacity) {
  socklen_t length = static_cast<socklen_t>(capacity);
  if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, out, &length) != 0) {
    return -errno;
  }
  return static_cast<int>(length);
}

}  // namespace tcpinfo
