"""Packets made by hand: right lengths, right checksums, unless a caller asks for wrong ones.

A Trace is a list of (time, bytes) that becomes a raw-IP pcap with nanoseconds.
Everything is a function of its arguments: the same calls make the same file.

    t = Trace()
    t.udp(("10.0.0.2", 5000), ("198.51.100.7", 53), b"query")
    c = Tcp(t, ("10.0.0.2", 40000), ("198.51.100.7", 80)).open()
    c.c(b"GET /").s(b"200").close()
    t.save("x.pcap")
"""
import ipaddress
import struct

ICMP, IGMP, IPIP, TCP, UDP, DCCP, GRE, ESP, AH, ICMP6, OSPF, SCTP, UDPLITE = \
    1, 2, 4, 6, 17, 33, 47, 50, 51, 58, 89, 132, 136
HOP, ROUTING, FRAGMENT, NONE, DEST = 0, 43, 44, 59, 60

FLAG = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128}

NOP, END = b"\1", b"\0"
SACK_OK = b"\4\2"


def mss(n):
    return struct.pack(">BBH", 2, 4, n)


def wscale(n):
    return struct.pack(">BBB", 3, 3, n)


def timestamps(value, echo):
    return struct.pack(">BBII", 8, 10, value, echo)


def sack(*edges):
    """Selective acknowledgement of the blocks (left, right), (left, right), ..."""
    return struct.pack(">BB", 5, 2 + 8 * len(edges)) + b"".join(
        struct.pack(">II", left & 0xFFFFFFFF, right & 0xFFFFFFFF) for left, right in edges)


def flag_bits(flags):
    return flags if isinstance(flags, int) else sum(FLAG[c] for c in flags if c != ".")


def packed(address):
    return ipaddress.ip_address(address).packed


def checksum(data):
    """The Internet checksum (RFC 1071) as two bytes."""
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack(">H", ~total & 0xFFFF)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


# Where the checksum of each protocol stands, and whether the addresses are in it.
CHECKSUM_AT = {TCP: 16, UDP: 6, UDPLITE: 6, DCCP: 6, ICMP: 2, ICMP6: 2, IGMP: 2}
NO_PSEUDO_HEADER = (ICMP, IGMP)


def with_checksum(src, dst, proto, segment):
    at = CHECKSUM_AT.get(proto)
    if proto == SCTP and len(segment) >= 12:
        segment = segment[:8] + bytes(4) + segment[12:]
        return segment[:8] + crc32c(segment).to_bytes(4, "little") + segment[12:]
    if at is None or len(segment) < at + 2:
        return segment
    segment = segment[:at] + bytes(2) + segment[at + 2:]
    pseudo = b"" if proto in NO_PSEUDO_HEADER else \
        packed(src) + packed(dst) + struct.pack(">II", len(segment), proto)
    value = checksum(pseudo + segment)
    if proto == UDP and value == b"\0\0":
        value = b"\xff\xff"
    return segment[:at] + value + segment[at + 2:]


def ip(src, dst, proto, segment, ttl=64, frag=0, ident=1, options=b"", good=True, total=None):
    """An IP packet of the family of src. frag: the fragment field of IPv4 (flags and offset
    in 8 bytes). good=False leaves the transport checksum as it is. total: a length that lies."""
    s, d = packed(src), packed(dst)
    if good and not frag & 0x3FFF:
        segment = with_checksum(src, dst, proto, segment)
    if len(s) == 16:
        length = len(segment) if total is None else total
        return struct.pack(">IHBB", 0x60000000, length, proto, ttl) + s + d + segment
    options += END * (-len(options) % 4)
    size = 20 + len(options)
    length = size + len(segment) if total is None else total
    head = struct.pack(">BBHHHBBH", 0x40 | size // 4, 0, length, ident, frag, ttl, proto, 0) \
        + s + d + options
    return head[:10] + checksum(head) + head[12:] + segment


def tcp_segment(sport, dport, flags, seq, ack=0, data=b"", win=65535, options=b"", offset=None):
    options += NOP * (-len(options) % 4)
    words = 5 + len(options) // 4 if offset is None else offset
    return struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                       words << 4, flag_bits(flags), win, 0, 0) + options + data


def udp_segment(sport, dport, data=b"x", length=None):
    return struct.pack(">HHHH", sport, dport, 8 + len(data) if length is None else length, 0) \
        + data


def icmp_message(kind, code, rest=bytes(4), data=b""):
    return struct.pack(">BBH", kind, code, 0) + rest + data


def echo_message(kind, ident, seq, data=b"ping"):
    return icmp_message(kind, 0, struct.pack(">HH", ident, seq), data)


def extension(next_header, body=b""):
    """An IPv6 hop-by-hop, destination or routing header around an option body."""
    body += bytes(-(2 + len(body)) % 8)
    return bytes([next_header, (2 + len(body)) // 8 - 1]) + body


def fragments(packet, size, overlap=0):
    """Cut an IP packet into fragments that carry `size` bytes (a multiple of 8) each.
    overlap: how many bytes of the previous fragment each one says again."""
    out, step = [], size - overlap
    if packet[0] >> 4 == 4:
        head, body = bytearray(packet[:20]), packet[20:]
        for at in range(0, len(body), step):
            part = body[at:at + size]
            more = at + size < len(body)
            h = bytearray(head)
            h[2:4] = struct.pack(">H", 20 + len(part))
            h[6:8] = struct.pack(">H", (0x2000 if more else 0) | at // 8)
            h[10:12] = bytes(2)
            h[10:12] = checksum(bytes(h))
            out.append(bytes(h) + part)
            if not more:
                break
        return out
    head, body, proto = bytearray(packet[:40]), packet[40:], packet[6]
    for at in range(0, len(body), step):
        part = body[at:at + size]
        more = at + size < len(body)
        out.append(fragment6(head, proto, at, more, part))
        if not more:
            break
    return out


def fragment6(head, proto, at, more, part, ident=0x1234):
    """One IPv6 fragment: the 40 bytes of head, a fragment header, and part."""
    h = bytearray(head)
    h[4:6] = struct.pack(">H", 8 + len(part))
    h[6] = FRAGMENT
    return bytes(h) + struct.pack(">BBHI", proto, 0, at | (1 if more else 0), ident) + part


class Trace:
    def __init__(self, start=1_700_000_000):
        self.packets, self.now = [], start * 10**9

    def wait(self, seconds):
        self.now += int(seconds * 1e9)
        return self

    def add(self, *packets):
        for p in packets:
            self.packets.append((self.now, bytes(p)))
            self.now += 1_000_000
        return packets[-1]

    def ip(self, src, dst, proto, segment, **kw):
        return self.add(ip(src, dst, proto, segment, **kw))

    def udp(self, a, b, data=b"x", proto=UDP, length=None, **kw):
        return self.ip(a[0], b[0], proto, udp_segment(a[1], b[1], data, length), **kw)

    def tcp(self, a, b, flags, seq, ack=0, data=b"", win=65535, options=b"", offset=None, **kw):
        return self.ip(a[0], b[0], TCP,
                       tcp_segment(a[1], b[1], flags, seq, ack, data, win, options, offset), **kw)

    def icmp(self, src, dst, kind, code, rest=bytes(4), data=b"", **kw):
        proto = ICMP if len(packed(src)) == 4 else ICMP6
        return self.ip(src, dst, proto, icmp_message(kind, code, rest, data), **kw)

    def ping(self, src, dst, ident, seq, reply=False, data=b"ping"):
        request, answer = (8, 0) if len(packed(src)) == 4 else (128, 129)
        return self.icmp(src, dst, answer if reply else request, 0,
                         struct.pack(">HH", ident, seq), data)

    def save(self, path):
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101))
            for ts, data in self.packets:
                f.write(struct.pack("<IIII", ts // 10**9, ts % 10**9, len(data), len(data)))
                f.write(data)


class Tcp:
    """A TCP connection between a client "c" and a server "s" that keeps both sequence numbers.

    seg() sends one segment and, unless told otherwise, moves on by what it carried.
    c() and s() send data that the peer acknowledges."""

    def __init__(self, trace, client, server, iss=1000, irs=5000, win=65535):
        self.t, self.win = trace, win
        self.end = {"c": client, "s": server}
        self.seq = {"c": iss, "s": irs}

    def seg(self, who, flags, data=b"", dseq=0, dack=0, move=True, win=None, **kw):
        peer = "s" if who == "c" else "c"
        bits = flag_bits(flags)
        ack = self.seq[peer] + dack if bits & FLAG["A"] else 0
        self.t.tcp(self.end[who], self.end[peer], bits, self.seq[who] + dseq, ack, data,
                   self.win if win is None else win, **kw)
        if move:
            self.seq[who] = self.seq[who] + dseq + len(data) + bool(bits & 2) + bool(bits & 1) \
                & 0xFFFFFFFF
        return self

    def open(self, client=b"", server=b""):
        """The handshake, with these options in SYN and SYN/ACK."""
        return self.seg("c", "S", options=client).seg("s", "SA", options=server).seg("c", "A")

    def send(self, who, data, size=1460):
        peer = "s" if who == "c" else "c"
        for at in range(0, len(data), size):
            self.seg(who, "PA", data[at:at + size]).seg(peer, "A")
        return self

    def c(self, data, **kw):
        return self.send("c", data, **kw)

    def s(self, data, **kw):
        return self.send("s", data, **kw)

    def close(self, who="c"):
        peer = "s" if who == "c" else "c"
        return self.seg(who, "FA").seg(peer, "A").seg(peer, "FA").seg(who, "A")
