# SPDX-License-Identifier: BSD-2-Clause
"""Flows as steps for tests/rules/kernel/compare.c (the format is in script.h)."""
import socket
import struct

IN, OUT, LOCAL, REPLY, ERROR, WAIT, OPEN, FOLLOW, SAY = range(9)
ICMP, IGMP, TCP, UDP, DCCP, ESP, GRE, ICMP6, SCTP, UDPLITE = 1, 2, 6, 17, 33, 50, 47, 58, 132, 136
FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128


def checksum(data):
    data = bytes(data) + bytes(len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


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
        self.pieces = 0             # send each packet in so many fragments
        self.order = None           # in this order: "2,0,1"
        self.tcpopts = ""           # hexadecimal, of every TCP packet; ipopts: of IPv4; data: instead of `size` bytes
        self.ipopts = self.data = ""
        self.ext = ""               # IPv6 extension headers: "hop,route0,route4,frag,dest,auth"
        self.__dict__.update(given)

    def extended(self, body):
        """The body behind extension headers, and the number of the first of them."""
        first = self.proto
        for name in reversed(self.ext.split(",") if self.ext else []):
            number, rest = {"hop": (0, "00010400000000"), "dest": (60, "00010400000000"), "auth": (51, "0400000000123400000001000000000000000000000000"),
                            "frag": (44, "00000000004242"), "route0": (43, "02000000000000" + "00" * 15 + "09"),
                            "route4": (43, "02040000000007" + "00" * 15 + "09")}[name]
            body, first = bytes((first,)) + bytes.fromhex(rest) + body, number
        return body, first

    def ip(self, body):
        if ":" in self.src:
            body, first = self.extended(body)
            return struct.pack(">IHBB", 6 << 28 | self.tos << 20 | self.label, len(body), first, self.ttl) + \
                socket.inet_pton(socket.AF_INET6, self.src) + socket.inet_pton(socket.AF_INET6, self.dst) + body
        options = bytes.fromhex(self.ipopts)
        return struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, self.tos, 20 + len(options) + len(body), self.ip_id, self.frag,
                           self.ttl, self.proto, 0) + socket.inet_aton(self.src) + socket.inet_aton(self.dst) + options + body

    def fragments(self, data):
        """The packet `data` in pieces, its checksums done."""
        head, body = (data[:20], data[20:]) if data[0] >> 4 == 4 else (data[:40], data[40:])
        size = max(8, (len(body) // self.pieces + 7) // 8 * 8)
        out = []
        for at in range(0, len(body), size):
            part, more = body[at:at + size], at + size < len(body)
            if data[0] >> 4 == 4:
                h = bytearray(head)
                h[2:8] = struct.pack(">HHH", 20 + len(part), self.ip_id, at // 8 | (0x2000 if more else 0))
                h[10:12] = struct.pack(">H", checksum(h[:10] + bytes(2) + h[12:]))
                out.append(bytes(h) + part)
            else:
                out.append(head[:4] + struct.pack(">HB", 8 + len(part), 44) + head[7:] +
                           struct.pack(">BBHI", self.proto, 0, at | more, self.ip_id) + part)
        return [out[int(i)] for i in self.order.split(",")] if self.order else out

    def whole(self):
        """A UDP or ICMP packet with its checksum."""
        body = bytearray(self.body())
        at = 6 if self.proto == UDP else 2
        if self.proto == ICMP:
            pseudo = b""
        else:
            a, b = (socket.inet_pton(socket.AF_INET6 if ":" in self.src else socket.AF_INET, x) for x in (self.src, self.dst))
            pseudo = a + b + struct.pack(">II", len(body), self.proto)
        body[at:at + 2] = struct.pack(">H", checksum(pseudo + bytes(body)) or 0xffff)
        return self.ip(bytes(body))

    def tcp(self, flags, seq, ack, size):
        options = b""
        if flags & SYN and self.mss:
            options = struct.pack(">BBH", 2, 4, self.mss)
        options += bytes.fromhex(self.tcpopts)
        return self.ip(struct.pack(">HHIIBBHHH", self.sport, self.dport, seq, ack, 5 + len(options) // 4 << 4, flags,
                                   self.window, 0, 0) + options + b"x" * size)

    def body(self):
        data = bytes.fromhex(self.data) or b"y" * self.size
        if self.data and self.proto not in (TCP, UDP):
            return data
        if self.proto == UDP:
            return struct.pack(">HHHH", self.sport, self.dport, 8 + len(data), 0) + data
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
        if f.pieces:
            for piece in f.fragments(f.whole()):
                self.add(f.side, piece, 1)
        self.add(f.side, f.ip(f.body()))
        if f.length == "single" or f.proto == SCTP or f.ext:     # an INIT only; what answers is no answer
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

    # -- conversations (talk.h) --

    def next_flow(self):
        self.flow = (self.flow + 1) % 65536
        return self.flow

    def open(self, f):
        """Who is client of whom."""
        v6 = ":" in f.src
        a, b = (socket.inet_pton(socket.AF_INET6 if v6 else socket.AF_INET, x) for x in (f.src, f.dst))
        self.add(OPEN, struct.pack("=BBBBHH16s16s", f.proto, v6, f.side, 0, f.sport, f.dport, a, b))

    def follow(self, of, speaker, how, sport, proto):
        self.add(FOLLOW, struct.pack("=HBBHBB", of, speaker, how, sport, proto, 0))

    def say(self, speaker, text="", flags=PSH | ACK):
        self.add(SAY, struct.pack("=BBBB", speaker, flags, 0, 0) + text.encode())

    def shake(self):
        self.say(0, "", SYN)
        self.say(1, "", SYN | ACK)
        self.say(0, "", ACK)

    def part(self):
        self.say(0, "", FIN | ACK)
        self.say(1, "", FIN | ACK)
        self.say(0, "", ACK)

    def play_ftp(self, f, mode, port):
        """A session with one transfer; `mode` says how its data connection is agreed on."""
        control = self.next_flow()
        self.open(f)
        self.shake()
        self.say(1, "220 ready\r\n")
        self.say(0, "USER anonymous\r\n")
        self.say(1, "230 welcome\r\n")
        six = "<own>,%d,%d" % (port >> 8, port & 255)
        asks = {"port": "PORT %s\r\n" % six, "eprt": "EPRT |%d|<addr>|%d|\r\n" % (2 if ":" in f.src else 1, port),
                "pasv": "PASV\r\n", "epsv": "EPSV\r\n"}
        says = {"port": "200 fine\r\n", "eprt": "200 fine\r\n", "pasv": "227 Entering Passive Mode (%s)\r\n" % six,
                "epsv": "229 Entering Extended Passive Mode (|||%d|)\r\n" % port}
        self.say(0, asks[mode])
        self.say(1, says[mode])
        self.say(0, "RETR file\r\n")
        self.next_flow()
        server = mode in ("port", "eprt")
        self.follow(control, 1 if server else 0, 0, 20 if server else f.sport + 1, TCP)
        self.shake()
        self.say(0 if server else 1, "the file\n" * 20)
        self.say(1 if server else 0, "", ACK)
        self.part()
        data, self.flow = self.flow, control
        self.say(1, "226 done\r\n")
        self.say(0, "QUIT\r\n")
        self.say(1, "221 bye\r\n")
        self.part()
        self.flow = data

    def play_tftp(self, f, port):
        request = self.next_flow()
        self.open(f)
        self.say(0, "\0\1file\0octet\0")
        self.next_flow()
        self.follow(request, 1, 1, port, UDP)
        for i in range(3):
            self.say(0, "\0\3\0%c" % (i + 1) + "block" * 20)
            self.say(1, "\0\4\0%c" % (i + 1))

    def save(self, path):
        with open(path, "wb") as out:
            out.write(b"".join(self.out))
