"""The other half of ioctl-stand-in.cc, outside Wine: is handed the descriptor of
a TCP socket and answers with Linux's figures for it, laid out as TCP_INFO_v2.

    python3 tcp-info-host.py <path of the Unix socket to listen on>
"""

import array
import socket
import struct
import sys
import threading

TCP_INFO = 11

# Linux's states (include/net/tcp_states.h) as Windows numbers them (TCPSTATE).
STATES = {1: 4, 2: 2, 3: 3, 4: 5, 5: 6, 6: 10, 7: 0, 8: 7, 9: 9, 10: 1, 11: 8, 12: 3}


def windows_of(linux):
    """TCP_INFO_v2: the Windows SDK's mstcpip.h."""
    u8 = linux

    def u32(offset):
        return struct.unpack_from("=I", linux, offset)[0]

    def u64(offset):
        return struct.unpack_from("=Q", linux, offset)[0]

    mss, rtt, cwnd = u32(16), u32(68), u32(80)
    sent, retransmitted, acked = u64(200), u64(208), u64(120)
    return struct.pack(
        "=IIQ B3x 7I QQ 4I I B3x IIQ IIQ IIQ I B3x II",
        STATES[u8[0]],
        mss,
        u32(52),  # there is no age of a connection; any figure in ms will do
        u8[5] & 1,
        *(rtt, u32(148), max(0, sent - retransmitted - acked), cwnd * mss),
        *(u32(228), u32(232), u32(96)),
        *(sent, u64(128)),
        *(0, retransmitted & 0xFFFFFFFF, 0, 0),
        struct.unpack_from("=H", linux, 242)[0],
        0,
        *(0, u64(176) // 1000, 0),
        *(0, 0, 0),
        *(0, u64(184) // 1000, 0),
        u32(224),
        1 if u8[5] & 8 else 0,
        *(0, 0),
    )


def answer(client):
    with client:
        _, control, _, _ = client.recvmsg(1, socket.CMSG_SPACE(4))
        for _, _, data in control:
            (descriptor,) = array.array("i", data[:4])
            with socket.socket(fileno=descriptor) as tcp:
                info = tcp.getsockopt(socket.IPPROTO_TCP, TCP_INFO, 512)
            client.sendall(windows_of(info.ljust(280, b"\0")))


listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(64)
print("ready", flush=True)
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
