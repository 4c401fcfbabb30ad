#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Writes causes.pcap: packets that rules.nft rejects, or nearly. What Linux 6.18 sent to the
inside in their place is in linux-in0.pcap (recorded with icmp_ratelimit and the IPv6 one 0)."""
import socket
import struct
import sys

SYN, ACK, PSH, RST, FIN = 2, 16, 8, 4, 1


def checksum(b):
    b += b"\0" * (len(b) % 2)
    s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def family(a):
    return socket.AF_INET6 if ":" in a else socket.AF_INET


def ip(src, dst, proto, payload, tos=0):
    s, d = socket.inet_pton(family(src), src), socket.inet_pton(family(dst), dst)
    if family(src) == socket.AF_INET6:
        return struct.pack("!IHBB", 0x60000000, len(payload), proto, 64) + s + d + payload
    h = struct.pack("!BBHHHBBH", 0x45, tos, 20 + len(payload), 7, 0x4000, 64, proto, 0) + s + d
    return h[:10] + struct.pack("!H", checksum(h)) + h[12:] + payload


def pseudo(src, dst, proto, n):
    return b"".join(socket.inet_pton(family(a), a) for a in (src, dst)) + struct.pack("!II", n, proto)


def udp(src, sport, dst, dport, data=b"ping", wrong=0, unsummed=False, **more):
    h = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
    c = 0 if unsummed else (checksum(pseudo(src, dst, 17, len(h)) + h) or 0xFFFF) ^ wrong
    return ip(src, dst, 17, h[:6] + struct.pack("!H", c) + h[8:], **more)


def tcp(src, sport, dst, dport, flags, seq=100, ack=0, data=b"", wrong=0):
    h = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0) + data
    c = checksum(pseudo(src, dst, 6, len(h)) + h) ^ wrong
    return ip(src, dst, 6, h[:16] + struct.pack("!H", c) + h[18:])


def icmp(src, dst, kind, code, rest, data):
    h = struct.pack("!BBHI", kind, code, 0, rest) + data
    return ip(src, dst, 1, h[:2] + struct.pack("!H", checksum(h)) + h[4:])


def both_families(s, d):
    return [
        tcp(s, 1000, d, 80, SYN), tcp(s, 1000, d, 80, SYN | ACK, 500, 700), tcp(s, 1001, d, 80, RST),
        tcp(s, 1002, d, 80, RST | ACK), tcp(s, 1003, d, 80, FIN, 5, 6, b"x" * 7),
        tcp(s, 1004, d, 80, FIN | ACK, 5, 6, b"x" * 7), tcp(s, 1005, d, 80, SYN, wrong=1),
        udp(s, 2000, d, 53), udp(s, 2001, d, 54, b"z" * 1000), udp(s, 2002, d, 55),
        udp(s, 2003, d, 55, wrong=5), udp(s, 2004, d, 56), tcp(s, 1010, d, 81, SYN),
        tcp(s, 1011, d, 81, RST), tcp(s, 1012, d, 81, ACK, 1, 2, b"y" * 1400),
        tcp(s, 1020, d, 82, SYN), tcp(d, 82, s, 1020, SYN | ACK, 500, 101),
        tcp(s, 1020, d, 82, ACK, 101, 501), tcp(s, 1020, d, 82, PSH | ACK, 101, 501, b"hello"),
        tcp(d, 82, s, 1020, ACK, 501, 101)]


def causes():
    a, b = "10.0.0.2", "198.51.100.7"
    return both_families(a, b) + both_families("2001:db8:1::2", "2001:db8:2::7") + [
        icmp(a, b, 8, 0, 0x10001, b"abc"), icmp(a, b, 3, 3, 0, udp(b, 53, a, 2000)),
        udp(a, 2009, b, 53, unsummed=True), udp(a, 2009, b, 53, tos=0x2E),
        tcp(a, 1100, b, 8080, SYN), udp(a, 2100, b, 5353)]


def main():
    out = open(sys.argv[1], "wb")
    out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101))
    for i, p in enumerate(causes()):
        out.write(struct.pack("<IIII", 1700000000, i * 10000, len(p), len(p)) + p)
    out.close()


if __name__ == "__main__":
    main()
