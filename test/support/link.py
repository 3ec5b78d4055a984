"""A network link with delay, loss, reordering and duplicates, on a TUN device.

It stands in for `tc qdisc add dev lo root netem ...`, because many kernels are
built without sch_netem; a TUN device nearly all have. And unlike netem it counts
what it carried, packet by packet: a witness of its own for the kernel's counters.

To be run in a network namespace of its own:

    python3 link.py             carries packets until its input ends
    python3 link.py --probe     only tells whether that would work here

Both ends of a connection lie in that one namespace. The device link0 has the
addresses 10.9.1.4 ("client") and 10.9.1.3 ("server"). A packet from 10.9.1.x to
10.9.2.y is handed back to the kernel as one from 10.9.2.x to 10.9.1.y: the third
octets swap their places, which leaves both checksums valid. So a server that
listens on 10.9.1.3 is reached by connecting from 10.9.1.4 to 10.9.2.3.

"ready" is printed once the link is up. From then on every line of the input is a
JSON object with all the rules for the directions "up" (from the client), "down",
or both:

    {"up": {"delayMs": 25, "dropEvery": 20}, "down": {"delayMs": 25}}

and is answered by a line with what was carried so far, by the two ports of each
connection, the client's first. Its "lateMs" tells how busy the machine is: how late
packets were, as the worst of a mean that follows about a hundred of them.

    delayMs     one-way delay
    rateKBps    a bottleneck of so many kilobytes (1,000 bytes) a second ...
    queueMs     ... and the queue before it, which drops what finds it full
    dropEvery   lose every nth packet with payload
    dropSyns    lose the next n packets that open a connection
    lose        lose packets with payload with this probability ...
    seed        ... by a random generator of this seed
    dropRepeats lose what is sent again
    blackhole   lose everything
    holdEvery   deliver every nth packet with payload late ...
    holdMs      ... by so much
    copyEvery   deliver every nth packet with payload twice
    markEvery   mark every nth packet with payload as "congestion experienced",
                if it says that its sender knows what that means
"""

import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000

TCP = 6
SYN = 0x02
ECN_MASK = 0x03
SERVER = 3
# More than a TCP connection of the tests has in flight: the device must not drop
# anything on its own.
QUEUE_PACKETS = 10_000
LARGEST_PACKET = 65_536


def open_link():
    # Without IFF_VNET_HDR the kernel cuts everything to the MTU before it gets
    # here, so that packets are segments.
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    request = struct.pack("16sH22x", b"link0", IFF_TUN | IFF_NO_PI)
    fcntl.ioctl(tun, TUNSETIFF, request)
    for command in (
        f"link set link0 txqueuelen {QUEUE_PACKETS} up",
        "addr add 10.9.1.4/32 dev link0",
        "addr add 10.9.1.3/32 dev link0",
        "route add 10.9.2.0/24 dev link0",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    return tun


class Segment:
    """A TCP segment, as far as the rules and the counts need it."""

    def __init__(self, packet):
        header = (packet[0] & 15) * 4
        ports = struct.unpack_from("!HH", packet, header)
        self.is_up = packet[15] != SERVER
        self.connection = "{}:{}".format(*ports if self.is_up else ports[::-1])
        self.sequence = struct.unpack_from("!I", packet, header + 4)[0]
        self.is_syn = bool(packet[header + 13] & SYN)
        self.payload = (
            struct.unpack_from("!H", packet, 2)[0]
            - header
            - (packet[header + 12] >> 4) * 4
        )
        self.has_payload = self.payload > 0
        self.is_repeat = False


class Flow:
    """What one direction of one connection carried."""

    def __init__(self):
        self.counts = {
            "packets": 0,
            "synPackets": 0,
            "payloadPackets": 0,
            "payloadBytes": 0,
            "repeatedPackets": 0,
            "repeatedBytes": 0,
            "droppedPackets": 0,
            "droppedPayloadPackets": 0,
            "deliveredPackets": 0,
            "deliveredSynPackets": 0,
            "deliveredPayloadPackets": 0,
            "markedPackets": 0,
            "outOfOrderPackets": 0,
        }
        self.first = 0
        # Both relative to the first byte of the payload.
        self.highest_sent = 0
        self.received = 0
        self.beyond = {}

    def span(self, segment):
        start = (segment.sequence - self.first) & 0xFFFFFFFF
        return start, start + segment.payload

    def sent(self, segment):
        counts = self.counts
        counts["packets"] += 1
        if segment.is_syn:
            counts["synPackets"] += 1
            self.first = segment.sequence + 1
        if segment.has_payload:
            start, end = self.span(segment)
            counts["payloadPackets"] += 1
            counts["payloadBytes"] += segment.payload
            if start < self.highest_sent:
                segment.is_repeat = True
                counts["repeatedPackets"] += 1
                counts["repeatedBytes"] += min(end, self.highest_sent) - start
            self.highest_sent = max(self.highest_sent, end)

    def dropped(self, segment):
        self.counts["droppedPackets"] += 1
        if segment.has_payload:
            self.counts["droppedPayloadPackets"] += 1

    def delivered(self, segment):
        self.counts["deliveredPackets"] += 1
        if segment.is_syn:
            self.counts["deliveredSynPackets"] += 1
        if not segment.has_payload:
            return
        self.counts["deliveredPayloadPackets"] += 1
        start, end = self.span(segment)
        if start > self.received:
            self.counts["outOfOrderPackets"] += 1
            self.beyond[start] = max(end, self.beyond.get(start, 0))
            return
        self.received = max(self.received, end)
        for start in sorted(self.beyond):
            if start > self.received:
                break
            self.received = max(self.received, self.beyond.pop(start))


class Direction:
    """The rules for one direction, and where they have got to."""

    def __init__(self):
        self.rules = {}
        self.flows = {}
        self.payload_packets = 0
        self.random = random.Random()
        # When the bottleneck will have sent all that waits before it.
        self.free_at = 0.0

    def set(self, rules):
        self.rules = rules
        self.payload_packets = 0
        self.random.seed(rules.get("seed", 0))

    def is_nth(self, rule, segment):
        every = self.rules.get(rule, 0)
        return (
            segment.has_payload
            and every > 0
            and self.payload_packets % every == 0
        )

    def is_lost(self, segment):
        rules = self.rules
        if segment.is_syn and rules.get("dropSyns", 0) > 0:
            rules["dropSyns"] -= 1
            return True
        return (
            rules.get("blackhole", False)
            or (segment.is_repeat and rules.get("dropRepeats", False))
            or self.is_nth("dropEvery", segment)
            or (
                segment.has_payload
                and self.random.random() < rules.get("lose", 0)
            )
        )

    def queue(self, size):
        """For how many ms the bottleneck keeps a packet; None: it drops it."""
        rate = self.rules.get("rateKBps", 0)
        if rate == 0:
            return 0
        now = time.monotonic()
        waiting = max(0, self.free_at - now)
        if waiting * 1000 > self.rules["queueMs"]:
            return None
        self.free_at = now + waiting + size / (rate * 1000)
        return (self.free_at - now) * 1000

    def delays(self, segment, size):
        """After how many ms the packet arrives; several times, or never."""
        if segment.has_payload:
            self.payload_packets += 1
        if self.is_lost(segment):
            return []
        queued = self.queue(size)
        if queued is None:
            return []
        delay = self.rules.get("delayMs", 0) + queued
        if self.is_nth("holdEvery", segment):
            delay += self.rules["holdMs"]
        return [delay] * (2 if self.is_nth("copyEvery", segment) else 1)


def mark(packet):
    packet[1] |= ECN_MASK
    packet[10:12] = b"\0\0"
    length = (packet[0] & 15) * 4
    total = sum(struct.unpack_from(f"!{length // 2}H", packet))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("!H", packet, 10, total ^ 0xFFFF)


class Link:
    def __init__(self, tun):
        self.tun = tun
        self.directions = {"up": Direction(), "down": Direction()}
        self.under_way = []
        self.serial = 0
        self.late_ms = 0.0
        self.latest_ms = 0.0
        self.input = b""

    def run(self):
        while True:
            timeout = None
            if self.under_way:
                timeout = max(0, self.under_way[0][0] - time.monotonic())
            readable, _, _ = select.select([self.tun, 0], [], [], timeout)
            if self.tun in readable:
                self.take()
            self.deliver()
            if 0 in readable and not self.obey():
                return

    def take(self):
        try:
            while True:
                self.accept(bytearray(os.read(self.tun, LARGEST_PACKET)))
        except BlockingIOError:
            pass

    def accept(self, packet):
        if packet[0] >> 4 != 4 or packet[9] != TCP:
            return
        segment = Segment(packet)
        direction = self.directions["up" if segment.is_up else "down"]
        flow = direction.flows.setdefault(segment.connection, Flow())
        flow.sent(segment)
        delays = direction.delays(segment, len(packet))
        if not delays:
            flow.dropped(segment)
            return
        if packet[1] & ECN_MASK and direction.is_nth("markEvery", segment):
            mark(packet)
            flow.counts["markedPackets"] += 1
        packet[14], packet[18] = packet[18], packet[14]
        for delay in delays:
            self.serial += 1
            due = time.monotonic() + delay / 1000
            heapq.heappush(
                self.under_way, (due, self.serial, packet, flow, segment)
            )

    def deliver(self):
        now = time.monotonic()
        while self.under_way and self.under_way[0][0] <= now:
            due, _, packet, flow, segment = heapq.heappop(self.under_way)
            late_ms = (now - due) * 1000
            self.late_ms += (late_ms - self.late_ms) / 100
            self.latest_ms = max(self.latest_ms, self.late_ms)
            flow.delivered(segment)
            os.write(self.tun, packet)

    def obey(self):
        """False at the end of the input."""
        chunk = os.read(0, LARGEST_PACKET)
        *lines, self.input = (self.input + chunk).split(b"\n")
        for line in lines:
            for name, rules in json.loads(line).items():
                self.directions[name].set(rules)
            self.answer()
        return chunk != b""

    def answer(self):
        carried = {"lateMs": self.latest_ms}
        for name, direction in self.directions.items():
            for connection, flow in direction.flows.items():
                carried.setdefault(connection, {})[name] = flow.counts
        print(json.dumps(carried), flush=True)


if __name__ == "__main__":
    try:
        # Packets that wait for a processor would look like a queue on the path.
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pass
    link = Link(open_link())
    print("ready", flush=True)
    if sys.argv[1:] != ["--probe"]:
        link.run()
