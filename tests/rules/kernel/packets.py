# SPDX-License-Identifier: BSD-2-Clause
"""Flows as steps for tests/rules/kernel/compare.c (the format is in script.h)."""
import socket
import struct

IN, OUT, LOCAL, REPLY, ERROR, WAIT = range(6)
ICMP, IGMP, TCP, UDP, DCCP, ESP, GRE, ICMP6, SCTP, UDPLITE = 1, 2, 6, 17, 33, 50, 47, 58, 132, 136
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128


class Flow:
    """What a packet is made of; every member may be changed before steps are made of it."""

    def __init__(self, **given):
        self.src, self.dst, self.proto = "10.0.0.2", "198.51.100.7", TCP
        self.sport, self.dport, self.side = 40000, 80, IN
        self.ttl, self.tos, self.size, self.flags = 64, 0, 10, SYN
        self.kind, self.code, self.ident, self.sequence = None, 0, 77, 1
        self.length = "full"        # full, short (one answer), single
        self.ip_id, self.frag, self.window, self.mss = 0x1111, 0x4000, 5840, None
        self.label = 0              # IPv6 flow label
        self.type_first = 0         # DCCP
        self.__dict__.update(given)

    def ip(self, body):
        if ":" in self.src:
            return struct.pack(">IHBB", 6 << 28 | self.tos << 20 | self.label, len(body), self.proto, self.ttl) + \
                socket.inet_pton(socket.AF_INET6, self.src) + socket.inet_pton(socket.AF_INET6, self.dst) + body
        return struct.pack(">BBHHHBBH", 0x45, self.tos, 20 + len(body), self.ip_id, self.frag, self.ttl,
                           self.proto, 0) + socket.inet_aton(self.src) + socket.inet_aton(self.dst) + body

    def tcp(self, flags, seq, ack, size):
        options = b""
        if flags & SYN and self.mss:
            options = struct.pack(">BBH", 2, 4, self.mss)
        return self.ip(struct.pack(">HHIIBBHHH", self.sport, self.dport, seq, ack, 5 + len(options) // 4 << 4, flags,
                                   self.window, 0, 0) + options + b"x" * size)

    def body(self):
        data = b"y" * self.size
        if self.proto == UDP:
            return struct.pack(">HHHH", self.sport, self.dport, 8 + self.size, 0) + data
        if self.proto == UDPLITE:
            return struct.pack(">HHHH", self.sport, self.dport, 0, 0) + data
        if self.proto in (ICMP, ICMP6):
            kind = self.kind if self.kind is not None else 8 if self.proto == ICMP else 128
            return struct.pack(">BBHHH", kind, self.code, 0, self.ident, self.sequence) + data
        if self.proto == SCTP:      # an INIT
            return struct.pack(">HHIIBBHIIHHI", self.sport, self.dport, 0, 0, 1, 0, 20, 7, 65535, 1, 1, 1)
        if self.proto == DCCP:      # 16-byte header with a long sequence number
            return struct.pack(">HHBBHBBHI", self.sport, self.dport, 5, 0, 0, self.type_first << 1 | 1, 0, 0, 1) + \
                struct.pack(">I", 0) + data
        if self.proto == IGMP:
            return struct.pack(">BBH", 0x16, 0, 0) + socket.inet_aton("239.1.2.3")
        if self.proto == ESP:
            return struct.pack(">II", 0x1234, 1) + data
        if self.proto == GRE:
            return struct.pack(">HH", 0, 0x0800) + data
        return struct.pack(">HHI", self.sport, self.dport, 0) + data


class Steps:
    def __init__(self):
        self.out, self.flow = [], 0

    def add(self, kind, data, options=0):
        self.out.append(struct.pack("=BBHI", kind, options, self.flow, len(data)) + data)

    def reply(self, f, flags=0, seq=0, ack=0, size=0, ttl=60):
        self.add(REPLY, struct.pack("=BBBBIIHH", flags, ttl, f.tos, 0, seq, ack, size, 8192))

    def wait(self, ms):
        self.add(WAIT, struct.pack("=I", ms))

    def error(self, kind, code):
        self.add(ERROR, bytes((kind, code)))

    def play(self, f):
        """The whole of a flow."""
        self.flow = (self.flow + 1) % 65536
        if f.proto == TCP:
            self.play_tcp(f)
            return
        self.add(f.side, f.ip(f.body()))
        if f.length == "single" or f.proto == SCTP:     # an INIT only
            return
        self.reply(f, size=f.size + 3)
        if f.length == "short":
            return
        self.add(f.side, f.ip(f.body()))
        self.add(f.side, f.ip(f.body()))
        self.reply(f, size=f.size)

    def play_tcp(self, f):
        self.add(f.side, f.tcp(f.flags, 1000, 0, 0 if f.flags & SYN else f.size))
        if f.length == "single" or f.flags != SYN:
            return
        self.reply(f, SYN | ACK, 5000, 1001)
        self.add(f.side, f.tcp(ACK, 1001, 5001, 0))
        if f.length == "short":
            return
        self.add(f.side, f.tcp(PSH | ACK, 1001, 5001, f.size))
        self.reply(f, PSH | ACK, 5001, 1001 + f.size, 100)
        self.add(f.side, f.tcp(ACK, 1001 + f.size, 5101, 0))
        self.add(f.side, f.tcp(PSH | ACK, 1001 + f.size, 5101, 4 * f.size))
        if f.length == "open":
            return
        end = 1001 + 5 * f.size
        if f.length == "reset":
            self.add(f.side, f.tcp(RST | ACK, end, 5101, 0))
            return
        self.add(f.side, f.tcp(FIN | ACK, end, 5101, 0))
        self.reply(f, FIN | ACK, 5101, end + 1)
        self.add(f.side, f.tcp(ACK, end + 1, 5102, 0))

    def save(self, path):
        with open(path, "wb") as out:
            out.write(b"".join(self.out))
