#!/usr/bin/python3
"""Writes captures of the corners that real programs seldom reach, the same bytes every time.

    generate.py DIR [PATTERN]    all scenes (or those with PATTERN in their names) to DIR/NAME.pcap
    generate.py DIR --only NAME...
    generate.py --list

A scene is a function that fills a Trace (forge.py); its name is the capture's. The FTP dialogues are
text, in ftp-dialogues.txt. Nothing here says what should come of a packet: that is asked of the
kernel, or of the tests that replay these files.
"""
import ipaddress
import itertools
import os
import random
import struct
import sys

from forge import *

C, S = "10.0.0.2", "198.51.100.7"                   # client inside, server outside
C6, S6 = "2001:db8:1::2", "2001:db8:2::7"
OTHER, OTHER6 = "198.51.100.99", "2001:db8:2::99"   # another host outside
ROUTER, ROUTER6 = "192.0.2.33", "2001:db8:9::33"    # somebody on the way, who sends ICMP errors

SCENES = {}


def scene(function):
    """A scene of its own."""
    SCENES[function.__name__.replace("_", "-")] = function
    return function


def scenes(**variants):
    """One scene for each variant: its name is added to the function's, its value is the argument."""
    def register(function):
        for name, value in variants.items():
            def one(t, value=value):
                function(t, value)
            SCENES["%s-%s" % (function.__name__.replace("_", "-"), name.replace("_", "-"))] = one
        return function
    return register


class Ports:
    """A fresh client port for each flow of a scene, so that the flows do not meet."""

    def __init__(self, t, client=C, server=S, sport=80, first=20000):
        self.t, self.client, self.server, self.sport = t, client, server, sport
        self.next = itertools.count(first)

    def flow(self, **kw):
        return Tcp(self.t, (self.client, next(self.next)), (self.server, self.sport), **kw)


# --- TCP: each state --------------------------------------------------------------------------------

def to_none(f):
    return f


def to_syn_sent(f):
    return f.seg("c", "S")


def to_syn_recv(f):
    return f.seg("c", "S").seg("s", "SA")


def to_established(f):
    return f.open()


def to_fin_wait(f):
    return f.open().seg("c", "FA")


def to_close_wait(f):
    return to_fin_wait(f).seg("s", "A")


def to_last_ack(f):
    return to_close_wait(f).seg("s", "FA")


def to_time_wait(f):
    return to_last_ack(f).seg("c", "A")


def to_close(f):
    return f.open().seg("c", "RA")


def to_syn_sent2(f):
    return f.seg("c", "S").seg("s", "S")


def to_picked_up(f):
    return f.seg("c", "PA", b"mid")


def to_server_fin_wait(f):
    return f.open().seg("s", "FA")


def to_both_fin(f):
    return f.open().seg("c", "FA").seg("s", "FA", dack=-1)


STATES = {name[3:]: function for name, function in list(globals().items()) if name.startswith("to_")}


@scenes(**STATES)
def tcp_flags(t, reach):
    """Every combination of FIN SYN RST PSH ACK URG, from each side, in one state; then a plain ACK
    from each side, which shows what the state has become."""
    ports = Ports(t)
    for who in "cs":
        for bits in range(64):
            f = reach(ports.flow())
            f.seg(who, bits, move=False)
            f.seg("s" if who == "c" else "c", "A", move=False)
            f.seg(who, "A", move=False)


@scenes(**STATES)
def tcp_pairs(t, reach):
    """Each pair of the usual segments in one state, in order as sent: two steps of the table."""
    ports = Ports(t, first=10000)
    kinds = [(w, k) for w in "cs" for k in ("S", "SA", "A", "FA", "RA", "R", "PA")]
    for (w1, k1), (w2, k2) in itertools.product(kinds, kinds):
        f = reach(ports.flow())
        f.seg(w1, k1, b"data" if k1 == "PA" else b"")
        f.seg(w2, k2, b"data" if k2 == "PA" else b"")


@scenes(**STATES)
def tcp_sequence(t, reach):
    """Segments at many distances from the expected sequence and acknowledgement numbers."""
    ports = Ports(t)
    far = (-2**31, -2**30, -70000, -65536, -65535, -1000, -2, -1, 0, 1, 2, 1000, 65534, 65535, 65536,
           66001, 70000, 2**30, 2**31 - 1)
    for who, (flags, data) in itertools.product("cs", (("A", b""), ("PA", b"data"), ("RA", b""), ("R", b""),
                                                       ("FA", b""), ("S", b""), ("SA", b""))):
        for n, distance in enumerate(far):
            f = reach(ports.flow(iss=0x10000000, irs=0x20000000))
            f.seg(who, flags, data, dseq=distance, move=False)
            f.seg("c", "A", move=False)
            f = reach(ports.flow(iss=0xFFFFFF00, irs=0x7FFFFF00))
            f.seg(who, flags, data, dack=distance, move=False)
            f.seg("s", "A", move=False)


# --- TCP: stories ---------------------------------------------------------------------------------

@scenes(v4=(C, S), v6=(C6, S6))
def tcp_plain(t, ends):
    ports = Ports(t, *ends)
    for who in "cs":
        ports.flow().open().c(b"question").s(b"answer").close(who)
    ports.flow().open(mss(1460) + SACK_OK + NOP + wscale(7), mss(1460) + SACK_OK + NOP + wscale(7)) \
        .s(b"x" * 20000).close("s")


@scene
def tcp_pick_up(t):
    """Connections seen from the middle, from either side first, with and without data."""
    ports = Ports(t)
    for first, flags, data in itertools.product("cs", ("A", "PA", "FA", "RA", "R", "SA", "F", "P", ""), (b"", b"mid")):
        f = ports.flow(iss=7777, irs=8888)
        f.seg(first, flags or 0, data)
        other = "s" if first == "c" else "c"
        f.seg(other, "A").seg(first, "PA", b"more").seg(other, "A").seg(other, "PA", b"even more")
        f.close(first)


@scene
def tcp_lone_segments(t):
    ports = Ports(t)
    for who in "cs":
        for flags in ("SA", "A", "FA", "R", "RA", "F", "U", 0, "SFA", "SR", "SRA", "FSRPAU", "PAU", "PA", "SP", "SU"):
            ports.flow().seg(who, flags)


@scene
def tcp_reuse_time_wait(t):
    """A new SYN in TIME_WAIT: higher, equal and lower sequence numbers; from the server too."""
    ports = Ports(t)
    for jump in (1, 1000, 0, -1000, 2**31):
        f = to_time_wait(ports.flow())
        f.seg("c", "S", dseq=jump).seg("s", "SA").seg("c", "A").c(b"second life").close()
    f = to_time_wait(ports.flow())
    f.seg("s", "S", dseq=500).seg("c", "SA").seg("s", "A")
    f = to_time_wait(ports.flow())
    f.seg("s", "FA", dseq=-1, move=False).seg("c", "A")       # the last FIN again
    f = to_close(ports.flow())
    f.seg("c", "S", dseq=100).seg("s", "SA").seg("c", "A").c(b"after a reset").close()
    f = to_time_wait(ports.flow())
    f.seg("s", "SA", dseq=100).seg("c", "A")


@scene
def tcp_syn_in_established(t):
    """A SYN where the conntrack still thinks the connection lives, and the challenge ACK to it."""
    ports = Ports(t)
    for jump in (5000, -5000, 0, 2**30):
        f = ports.flow().open().c(b"before")
        f.seg("c", "S", dseq=jump, move=False).seg("s", "A", move=False)
        f.c(b"still alive?")
        f = ports.flow().open().c(b"before")            # the answer to the challenge is a reset: then anew
        f.seg("c", "S", dseq=jump, move=False).seg("s", "A", move=False)
        f.t.tcp(f.end["c"], f.end["s"], "R", f.seq["s"] and f.seq["c"])
        f.seq = {"c": f.seq["c"] + jump & 0xFFFFFFFF, "s": 900000}
        f.seg("c", "S").seg("s", "SA").seg("c", "A").c(b"new").close()
        f = ports.flow().open().c(b"before")            # the server takes the new SYN
        f.seq = {"c": f.seq["c"] + jump & 0xFFFFFFFF, "s": 900000}
        f.seg("c", "S").seg("s", "SA").seg("c", "A").c(b"new").close()
        f = ports.flow().open().c(b"before")            # SYN from the server's side
        f.seg("s", "S", dseq=jump, move=False).seg("c", "A", move=False).seg("s", "R", dseq=jump, move=False)
        f.c(b"more")


@scene
def tcp_syn_sent_answers(t):
    """What may answer a SYN, and SYNs again with other numbers."""
    ports = Ports(t)
    for dack, dseq in itertools.product((-1, 0, 1, 1000), (0, 50)):
        f = ports.flow().seg("c", "S")
        f.seg("s", "SA", dack=dack, dseq=dseq, move=False).seg("s", "SA").seg("c", "A").c(b"x")
    for flags, dack in itertools.product(("RA", "R", "A", "FA"), (-1, 0, 1)):
        f = ports.flow().seg("c", "S")
        f.seg("s", flags, dack=dack, move=False).seg("c", "S", dseq=-1, move=False).seg("s", "SA").seg("c", "A")
    f = ports.flow().seg("c", "S").seg("c", "S", dseq=4999).seg("s", "SA").seg("c", "A").c(b"x")
    f = ports.flow().seg("c", "S").seg("s", "SA").seg("s", "SA", dseq=-1, move=False).seg("c", "A").c(b"x")
    f = ports.flow().seg("c", "S").seg("s", "SA").seg("c", "S", dseq=-1, move=False).seg("c", "A").c(b"x")
    f = ports.flow().seg("c", "S").seg("s", "SA").seg("c", "S", dseq=3000) \
        .seg("s", "SA", dseq=100).seg("c", "A").c(b"x")
    f = ports.flow().seg("c", "S", b"with data").seg("s", "SA").seg("c", "A").c(b"x")   # TCP fast open
    f = ports.flow().seg("c", "S").seg("s", "SA", b"with data").seg("c", "A").c(b"x")


@scene
def tcp_simultaneous_open_forms(t):
    ports = Ports(t)
    f = ports.flow().seg("c", "S").seg("s", "S")
    f.seg("c", "SA", dseq=-1).seg("s", "SA", dseq=-1).seg("c", "A").seg("s", "A").c(b"x").s(b"y").close()
    f = ports.flow().seg("c", "S").seg("s", "S")
    f.seg("s", "SA", dseq=-1).seg("c", "A").c(b"x").s(b"y").close("s")
    f = ports.flow().seg("c", "S").seg("s", "S").seg("c", "A").seg("s", "A").c(b"x")
    f = ports.flow().seg("c", "S").seg("s", "S").seg("c", "R")
    f = ports.flow().seg("c", "S").seg("s", "S").seg("s", "RA")
    f = ports.flow().seg("c", "S").seg("s", "S").seg("c", "S", dseq=-1).seg("s", "S", dseq=-1) \
        .seg("c", "SA", dseq=-1).seg("s", "SA", dseq=-1).c(b"x")


@scene
def tcp_resets(t):
    """Resets: exact, a little off, far off, old, without ACK, with data, twice, and life after them."""
    ports = Ports(t)
    for who, flags, off in itertools.product("cs", ("R", "RA"), (0, 1, -1, 100, 60000, -60000, 70000, 2**31 - 1)):
        f = ports.flow().open().c(b"0123456789").s(b"0123456789")
        f.seg(who, flags, dseq=off, move=False)
        f.c(b"after").s(b"after")
        f.seg(who, flags, dseq=0, move=False)
        f.c(b"again")
    f = ports.flow().open().c(b"x")
    f.seg("s", "RA", b"reset with text", move=False).seg("s", "RA", move=False).seg("c", "A")
    f = ports.flow().open()
    f.seg("c", "PA", b"lost " * 20).seg("s", "R")                # the ACK of it never came


@scene
def tcp_retransmissions(t):
    ports = Ports(t)
    f = ports.flow().open()
    for n in range(6):                                       # nobody answers: max_retrans is 3
        f.seg("c", "PA", b"same again", move=False)
    f.seg("s", "A", dack=10)
    f = ports.flow().open()
    f.seg("c", "PA", b"abcdefgh").seg("c", "PA", b"abcdefgh", dseq=-8, move=False).seg("c", "PA", b"defghijk", dseq=-5)
    f.seg("s", "A").seg("s", "A").seg("s", "A").seg("s", "A")
    f = ports.flow().open()
    for n in range(5):
        f.seg("c", "FA", move=False)
    f.seg("s", "A", dack=1)
    f = ports.flow()
    for n in range(5):
        f.seg("c", "S", move=False)
    f.seg("c", "S").seg("s", "SA", move=False).seg("s", "SA", move=False).seg("s", "SA").seg("c", "A")


@scene
def tcp_windows(t):
    """Data up to, at and beyond the window; zero window, probes, updates; a window that shrinks."""
    ports = Ports(t)
    for win, size in itertools.product((0, 1, 10, 1000), (1, 10, 11, 1000, 1001)):
        f = ports.flow().open()
        f.seg("s", "A", win=win)
        f.seg("c", "PA", b"w" * size).seg("s", "A", win=win)
    f = ports.flow().open()
    f.seg("c", "PA", b"w" * 1000).seg("s", "A", win=0)
    f.seg("c", "A", dseq=-1, move=False).seg("s", "A", win=0)         # probe and answer
    f.seg("c", "PA", b"p").seg("s", "A", win=0)                       # a probe with a byte
    f.seg("s", "A", win=65535).c(b"and on")
    f = ports.flow().open()
    for n in range(30):                                               # fills the window without an answer
        f.seg("c", "PA", b"f" * 1460)
    f.seg("c", "PA", b"f" * 1460).seg("c", "PA", b"f" * 60000, dseq=5000, move=False)
    f.seg("c", "PA", b"one too far", dseq=65535, move=False).seg("s", "A")
    f.seg("s", "A", dack=-2000)


@scene
def tcp_window_scaling(t):
    """Window scale offered by both, by one, larger than 14, in the wrong place; what 64 KiB hides."""
    ports = Ports(t)
    for client, server in ((wscale(7), wscale(7)), (wscale(7), b""), (b"", wscale(7)), (wscale(14), wscale(0)),
                           (wscale(15), wscale(20)), (wscale(0), wscale(0)), (wscale(2), wscale(9))):
        f = ports.flow(win=500).open(client, server)
        for step in (100, 600, 30000, 65000, 500000):
            f.seg("c", "PA", b"s", dseq=step, move=False).seg("s", "PA", b"t", dseq=step, move=False)
        f.c(b"x" * 3000)
    f = ports.flow().open(wscale(7), wscale(7))
    f.seg("c", "A", options=wscale(3)).c(b"x" * 3000)                 # not in a SYN: means nothing


@scene
def tcp_sack(t):
    """Holes with selective acknowledgements, D-SACK, SACK out of range, with and without agreement."""
    ports = Ports(t)
    for agreed in (SACK_OK, b""):
        f = ports.flow(iss=1000).open(mss(1460) + agreed, mss(1460) + agreed)
        f.seg("c", "PA", b"a" * 1000).seg("c", "PA", b"c" * 1000, dseq=1000)      # the middle is missing
        here = f.seq["c"]
        f.seg("s", "A", dack=-2000, options=sack((here - 1000, here)))
        f.seg("c", "PA", b"b" * 1000, dseq=-2000, move=False).seg("s", "A")
        f.seg("s", "A", options=sack((here - 3000, here - 2000)))                 # D-SACK
        f.seg("s", "A", options=sack((here + 100000, here + 200000)))             # out of range
        f.seg("s", "A", options=sack((here - 10, here), (here - 30, here - 20), (here - 50, here - 40)))
        f.seg("s", "A", options=b"\5\x0b" + bytes(9))                             # a length that is none
        f.c(b"fine")


@scene
def tcp_keepalive(t):
    f = Ports(t).flow().open().c(b"x").s(b"y")
    for n in range(4):
        t.wait(30)
        f.seg("c", "A", dseq=-1, move=False).seg("s", "A", move=False)
        f.seg("s", "PA", b"y", dseq=-1, move=False).seg("c", "A", move=False)
    f.close()


@scene
def tcp_close_forms(t):
    """Half-close with data, data after both FINs, FIN with data, FIN twice, close by reset."""
    ports = Ports(t)
    f = ports.flow().open().c(b"all")
    f.seg("c", "FA").seg("s", "A").s(b"still talking").s(b"and on").seg("s", "FA").seg("c", "A")
    f = ports.flow().open()
    f.seg("c", "FPA", b"last words").seg("s", "FPA", b"farewell").seg("c", "A")
    f = ports.flow().open().close()
    f.c(b"data after close").s(b"from there too")
    f = ports.flow().open().seg("c", "FA").seg("s", "FA", dack=-1).seg("c", "A").seg("s", "A")     # FINs cross
    f.seg("c", "A").seg("s", "A")
    f = ports.flow().open().seg("c", "FA").seg("c", "FA", dseq=-1, move=False) \
        .seg("s", "FA").seg("s", "FA", dseq=-1, move=False) \
        .seg("c", "A").seg("c", "A")
    f = ports.flow().open().seg("c", "FA").seg("s", "RA")
    f = ports.flow().open().seg("c", "FA").seg("s", "A").seg("c", "R")
    f = ports.flow().open().seg("c", "F").seg("s", "A").c(b"after a FIN without ACK")
    f = ports.flow().open().close().close()


@scene
def tcp_broken_headers(t):
    """Offsets and options that lie, headers cut off, wrong and zero checksums, reserved bits."""
    ends = [(C, 30000 + n) for n in range(60)]
    number = iter(ends)
    b = (S, 80)
    for offset in (0, 1, 4, 6, 15):
        t.tcp(next(number), b, "S", 1, offset=offset)
    for options in (b"\2\0\0\0", b"\2\1\0\0", b"\3\2\0\0", b"\3\x10\7\0", b"\2\4\0", b"\0\3\3\7", b"\1" * 40,
                    b"\x08\x0a" + bytes(8),
                    b"\x13\x12" + bytes(16), b"\xfe\4\1\2"):
        a = next(number)
        t.tcp(a, b, "S", 1, options=options)
        t.tcp(b, a, "SA", 9, 2, options=options)
        t.tcp(a, b, "A", 2, 10)
    a = next(number)
    for size in (0, 1, 4, 8, 12, 13, 14, 19, 20):
        t.ip(C, S, TCP, tcp_segment(a[1] + 1000 + size, 80, "S", 1)[:size], good=size >= 20)
    good = tcp_segment(40000, 80, "S", 1)
    t.ip(C, S, TCP, good, good=False)                                 # checksum 0
    t.ip(C, S, TCP, good[:16] + b"\x12\x34" + good[18:], good=False)   # wrong
    for flags in (0x0C2, 0x042, 0x082, 0x1C2):                         # ECN, and the nonce bit
        a = next(number)
        seg = bytearray(tcp_segment(a[1], 80, flags & 0xFF, 1))
        seg[12] |= flags >> 8
        t.ip(C, S, TCP, bytes(seg))
    f = Tcp(t, next(number), b).open()
    f.seg("c", "PAU", b"urgent").seg("c", "AEC", b"ecn").seg("c", "FSPAU", b"")
    for sport, dport in ((0, 80), (80, 0), (0, 0)):
        Tcp(t, (C, sport), (S, dport)).open().c(b"zero")


# --- UDP and UDP-Lite --------------------------------------------------------------------------------

@scenes(v4=(C, S, UDP), v6=(C6, S6, UDP), lite4=(C, S, UDPLITE), lite6=(C6, S6, UDPLITE))
def udp_exchanges(t, ends):
    client, server, proto = ends

    def say(sport, dport, *ways):
        for way in ways:
            a, b = (client, sport), (server, dport)
            t.udp(*((a, b) if way == ">" else (b, a)), proto=proto, **(
                {"length": 0} if proto == UDPLITE else {}))     # coverage 0: the whole datagram
    say(5000, 53, ">")
    say(5001, 53, ">", "<")
    say(5002, 53, ">", ">", "<", "<", ">", "<")
    say(5003, 53, "<", ">", "<")
    for n in range(6):                                  # a stream: longer than two seconds
        say(5004, 9, ">", "<")
        t.wait(1)
    for n in range(6):
        say(5005, 9, ">")
        t.wait(1)
    say(5005, 9, "<", ">")
    say(0, 53, ">", "<")
    say(53, 0, ">", "<")
    say(0, 0, ">", "<")
    say(7, 7, ">", "<")


@scene
def udp_broken(t):
    a, b = (C, 6000), (S, 53)
    for length in (0, 1, 7, 8, 9, 12, 13, 2000, 65535):
        t.udp((C, 6000 + length % 1000), b, b"abcd", length=length)
    for size in range(9):
        t.ip(C, S, UDP, udp_segment(7000 + size, 53, b"")[:size], good=False)
    t.ip(C, S, UDP, udp_segment(*a[1:], b[1], b"no checksum"), good=False)
    seg = udp_segment(6001, 53, b"wrong checksum")
    t.ip(C, S, UDP, seg[:6] + b"\x11\x11" + seg[8:], good=False)
    t.ip(C6, S6, UDP, udp_segment(6002, 53, b"no checksum"), good=False)
    t.udp((C6, 6003), (S6, 53), b"abcd", length=9)
    for coverage in (0, 7, 8, 12, 13):
        t.udp((C, 6100 + coverage), b, b"abcd", proto=UDPLITE, length=coverage)


@scene
def udp_one_address(t):
    """Source and destination the same, broadcast, multicast, and addresses that mean something else."""
    t.udp((C, 5000), (C, 5000))
    t.udp((C, 5000), (C, 5001))
    t.udp((C, 5001), (C, 5000))
    Tcp(t, (C, 5000), (C, 5000)).seg("c", "S").seg("s", "SA").seg("c", "A")
    Tcp(t, (C, 5002), (C, 80)).open().c(b"to myself").close()
    for dst in ("255.255.255.255", "224.0.0.251", "239.1.2.3", "10.0.0.255", "0.0.0.0", "127.0.0.1"):
        t.udp((C, 5353), (dst, 5353))
        t.udp((C, 5353), (dst, 5353))
    for src in ("0.0.0.0", "255.255.255.255", "224.0.0.1", "127.0.0.1"):
        t.udp((src, 68), (S, 67))
    t.udp((S, 67), ("255.255.255.255", 68))
    t.udp((C6, 5353), ("ff02::fb", 5353))
    t.udp((C6, 5353), ("ff0e::1234", 5353))
    t.udp(("fe80::1", 546), ("ff02::1:2", 547))
    t.udp(("fe80::1", 546), (S6, 547))
    t.udp(("::", 546), (S6, 547))
    t.udp(("::1", 546), (S6, 547))


# --- ICMP -------------------------------------------------------------------------------------------

@scenes(v4=(C, S), v6=(C6, S6))
def icmp_echo(t, ends):
    c, s = ends
    t.ping(c, s, 1, 1)
    t.ping(s, c, 1, 1, reply=True)
    for n in range(3):
        t.ping(c, s, 2, n)
    for n in range(3):
        t.ping(s, c, 2, n, reply=True)
    t.ping(c, s, 2, 9)
    t.ping(s, c, 3, 1, reply=True)                 # nobody asked
    t.ping(s, c, 2, 1)                             # the same id the other way
    t.ping(c, s, 2, 1, reply=True)
    t.ping(c, s, 0, 0)
    t.ping(s, c, 0, 0, reply=True)
    t.ping(c, s, 65535, 0)
    t.ping(s, c, 65535, 0, reply=True)
    t.ping(c, s, 4, 1, data=b"")
    t.ping(s, c, 4, 1, reply=True, data=b"longer than asked")


@scene
def icmp_types(t):
    """Every ICMP type and some codes, both ways; the query types with their answers."""
    for kind in range(256):
        t.icmp(C, S, kind, 0, struct.pack(">HH", kind, 1))
    for kind in range(45):
        t.icmp(S, C, kind, 0, struct.pack(">HH", kind, 1))
    for query, answer in ((8, 0), (13, 14), (15, 16), (17, 18), (10, 9)):
        for code in (0, 1, 255):
            t.icmp(C, S, query, code, struct.pack(">HH", 1000 + code, 1), bytes(12))
            t.icmp(S, C, answer, code, struct.pack(">HH", 1000 + code, 1), bytes(12))
            t.icmp(S, C, answer, 0, struct.pack(">HH", 1000 + code, 1), bytes(12))


@scene
def icmp6_types(t):
    for kind in range(256):
        t.icmp(C6, S6, kind, 0, struct.pack(">HH", kind, 1))
    for kind in (1, 2, 3, 4, 127, 128, 129, *range(130, 156)):
        t.icmp(S6, C6, kind, 0, struct.pack(">HH", kind, 1))
    for query, answer in ((128, 129), (139, 140), (144, 145)):
        for code in (0, 1):
            t.icmp(C6, S6, query, code, struct.pack(">HH", 1000 + code, 1), bytes(12))
            t.icmp(S6, C6, answer, code, struct.pack(">HH", 1000 + code, 1), bytes(12))
    for kind in (130, 131, 132, 133, 134, 135, 136, 137, 143):         # link-local, as they really are
        t.icmp("fe80::1", "ff02::1", kind, 0, bytes(4), bytes(16), ttl=255)
        t.icmp("fe80::1", "fe80::2", kind, 0, bytes(4), bytes(16), ttl=255)


@scenes(v4=(C, S, ROUTER), v6=(C6, S6, ROUTER6))
def icmp_errors(t, ends):
    """Errors quoting packets of either direction, before and after an answer, from the peer, from a
    router and from a stranger, in full and cut short; quoting nothing known; quoting errors."""
    c, s, router = ends
    v4 = "." in c
    head = 20 if v4 else 40
    kinds = ((3, 0), (3, 1), (3, 3), (3, 4), (4, 0), (5, 1), (11, 0), (11, 1), (12, 0)) if v4 else \
        ((1, 0), (1, 3), (1, 4), (2, 0), (3, 0), (3, 1), (4, 0))

    def error(src, dst, kind, code, quoted, **kw):
        t.icmp(src, dst, kind, code, struct.pack(">I", 1280), quoted, **kw)

    for n, (kind, code) in enumerate(kinds):
        q = t.udp((c, 4000 + n), (s, 33434))
        error(s, c, kind, code, q[:head + 8])                          # the target
        error(router, c, kind, code, q[:head + 8])                     # somebody on the way
        a = t.udp((s, 33434), (c, 4000 + n))
        error(c, s, kind, code, a)                                     # about the answer
        error(router, s, kind, code, a)
        error(router, c, kind, code, q)
    q = t.udp((c, 5000), (s, 53), b"0123456789abcdef" * 8)
    for size in (0, 1, 8, 19, 20, 24, 27, 28, 39, 40, 44, 47, 48, len(q)):
        error(router, c, 3 if v4 else 1, 1, q[:size])
    f = Tcp(t, (c, 5001), (s, 80)).open().c(b"x")
    q = t.tcp((c, 5001), (s, 80), "PA", f.seq["c"], f.seq["s"], b"too large" * 100)
    error(router, c, 3 if v4 else 2, 4 if v4 else 0, q[:head + 8])
    error(s, c, 3 if v4 else 1, 3 if v4 else 4, q[:head + 8])
    t.ping(c, s, 77, 1)
    q = ip(c, s, ICMP if v4 else ICMP6, echo_message(8 if v4 else 128, 77, 1))
    error(router, c, 11 if v4 else 3, 0, q)
    unknown = ip(c, s, UDP, udp_segment(9, 9))
    error(router, c, 3 if v4 else 1, 1, unknown)
    error(s, c, 3 if v4 else 1, 1, ip(s, c, UDP, udp_segment(53, 5000)))     # goes where the quoted one went
    nested = icmp_message(3 if v4 else 1, 1, bytes(4), unknown)
    error(router, c, 3 if v4 else 1, 1, ip(c, s, ICMP if v4 else ICMP6, nested))
    error(router, c, 3 if v4 else 1, 1, ip(c, s, 89, b"routing news"))
    t.ip(c, s, 89, b"routing news")
    error(router, c, 3 if v4 else 1, 1, ip(c, s, 89, b"routing news"))
    error(router, OTHER if v4 else OTHER6, 3 if v4 else 1, 1, q)               # sent to the wrong host
    error(router, c, 3 if v4 else 1, 1, bytes([0x60 if v4 else 0x45]) + q[1:])    # quotes the other family
    error(router, c, 3 if v4 else 1, 1, q[:3] + b"\xff" + q[4:])
    if v4:
        error(router, c, 3, 1, ip(c, s, UDP, udp_segment(5000, 53), frag=100))    # quotes a later fragment
        error(router, c, 3, 1, ip(c, s, UDP, udp_segment(5000, 53), options=b"\x94\4\0\0"))
        error(router, c, 3, 1, b"\x4f" + ip(c, s, UDP, udp_segment(5000, 53))[1:])


@scene
def icmp_broken(t):
    for size in range(9):
        t.ip(C, S, ICMP, echo_message(8, 5, size)[:size], good=size >= 4)
        t.ip(C6, S6, ICMP6, echo_message(128, 5, size)[:size], good=size >= 4)
    t.ip(C, S, ICMP, echo_message(8, 6, 1), good=False)
    t.ip(C6, S6, ICMP6, echo_message(128, 6, 1), good=False)


# --- IP itself --------------------------------------------------------------------------------------

@scene
def ip_options(t):
    for n, options in enumerate((b"\1\1\1\1", b"\x94\4\0\0", b"\x07\x07\4" + bytes(4), b"\x44\x08\5\0" + bytes(4),
                                 b"\x83\7\4" + packed(ROUTER), b"\x89\7\4" + packed(ROUTER), b"\x82\x0b" + bytes(9),
                                 b"\x07\0\0\0", b"\x07\x30\4\0", b"\0" * 40, b"\x86\6\0\0\0\1")):
        t.udp((C, 5000 + n), (S, 53), options=options)
        t.udp((S, 53), (C, 5000 + n), options=options)
        t.tcp((C, 5000 + n), (S, 80), "S", 1, ttl=64)


@scene
def ip_headers(t):
    """Lengths and versions that lie, hop counts, reserved bits."""
    good = ip(C, S, UDP, udp_segment(5000, 53, b"0123456789"))

    def changed(at, *values):
        h = bytearray(good)
        h[at:at + len(values)] = bytes(values)
        h[10:12] = bytes(2)
        h[10:12] = checksum(bytes(h[:20]))
        return h
    t.add(good)
    for first in (0x40, 0x44, 0x46, 0x4F, 0x35, 0x55, 0xF5, 0x05):
        t.add(changed(0, first))
    for total in (20, 24, 27, 28, 37, 100):
        t.add(changed(2, 0, total))
    for ttl in (0, 1, 2, 255):
        t.add(changed(8, ttl))
    t.add(changed(6, 0x80, 0))                          # the evil bit
    t.add(changed(6, 0x40, 0))
    t.add(changed(1, 0xFF))
    bad = bytearray(good)
    bad[10] ^= 0xFF
    t.add(bad)                                          # wrong header checksum
    good6 = ip(C6, S6, UDP, udp_segment(5000, 53, b"0123456789"))
    t.add(good6)
    for size in (0, 1, 8, 17, 19, 100):
        t.add(good6[:4] + struct.pack(">H", size) + good6[6:])
    for hops in (0, 1, 255):
        t.add(good6[:7] + bytes([hops]) + good6[8:])
    t.add(b"\x6f\xff\xff\xff" + good6[4:])              # class and label


@scene
def ip_headers_cut(t):
    """Headers cut off, and a total length shorter than the header."""
    good = ip(C, S, UDP, udp_segment(5000, 53, b"0123456789"))
    good6 = ip(C6, S6, UDP, udp_segment(5000, 53, b"0123456789"))
    for total in (0, 10, 19):
        t.add(ip(C, S, UDP, udp_segment(5000, 53, b"0123456789"), total=total))
    for size in (1, 10, 19, 20, 21, 27):
        t.add(good[:size])
    for size in (20, 39, 40, 41, 47):
        t.add(good6[:size])


@scene
def ip6_extensions(t):
    """Extension headers in and out of order, unknown, cut short, with a length that lies; no next header."""
    inner = with_checksum(C6, S6, UDP, udp_segment(5000, 53, b"inner"))
    pad = b"\1\4\0\0\0\0"
    chains = [[HOP], [DEST], [ROUTING], [HOP, DEST, ROUTING], [DEST, DEST, DEST], [ROUTING, HOP], [HOP, HOP], [135],
              [139], [140], [253]]
    for n, chain in enumerate(chains):
        proto, body = UDP, with_checksum(C6, S6, UDP, udp_segment(5000 + n, 53, b"inner"))
        for header in reversed(chain):
            body = extension(proto, b"\0\0\0\0\0\0" if header == ROUTING else pad) + body
            proto = header
        t.ip(C6, S6, proto, body, good=False)
    t.ip(C6, S6, NONE, b"", good=False)
    t.ip(C6, S6, NONE, b"something", good=False)
    t.ip(C6, S6, HOP, extension(NONE, pad), good=False)
    t.ip(C6, S6, DEST, b"\x11\xff" + pad + inner, good=False)          # longer than the packet
    t.ip(C6, S6, DEST, b"\x11", good=False)
    t.ip(C6, S6, DEST, b"\x06\0" + pad, good=False)                    # ends before the transport header
    t.ip(C6, S6, AH, b"\x11\4" + bytes(22) + inner, good=False)
    t.ip(C6, S6, AH, b"\x11\x40" + bytes(22) + inner, good=False)
    t.ip(C6, S6, HOP, extension(UDP, b"\xc2\4\0\0\0\0") + inner, good=False)   # jumbogram, but is none
    t.ip(C6, S6, DEST, extension(UDP, b"\x80\4\0\0\0\0") + inner, good=False)  # must be understood
    proto, body = UDP, inner
    for n in range(40):
        body, proto = extension(proto, pad) + body, DEST
    t.ip(C6, S6, proto, body, good=False)
    f = with_checksum(C6, S6, TCP, tcp_segment(5100, 80, "S", 1))
    t.ip(C6, S6, DEST, extension(TCP, pad) + f, good=False)
    t.ip(S6, C6, TCP, tcp_segment(80, 5100, "SA", 1, 2))


@scene
def other_protocols(t):
    """Protocols by addresses alone, both ways; GRE of version 0 and 1."""
    for proto in (GRE, ESP, AH, IPIP, OSPF, IGMP, 41, 46, 103, 112, 115, 137, 253, 254, 255, 3, 0):
        for n in range(2):
            t.ip(C, S, proto, bytes(24), good=False)
        t.ip(S, C, proto, bytes(24), good=False)
        t.ip(C, S, proto, bytes(24), good=False)
        if proto not in (AH, 0):
            t.ip(C6, S6, proto, bytes(24), good=False)
            t.ip(S6, C6, proto, bytes(24), good=False)
    for proto in (GRE, ESP, IPIP):
        t.ip(C, OTHER, proto, b"", good=False)
        t.ip(OTHER, C, proto, b"\0", good=False)
    t.ip(C, S, GRE, struct.pack(">HH", 0x2000, 0x0800) + b"\0\0\0\7" + ip(C, S, UDP, udp_segment(1, 2)))   # with a key
    t.ip(S, C, GRE, struct.pack(">HH", 0x2000, 0x0800) + b"\0\0\0\7")
    t.ip(C, S, GRE, struct.pack(">HHHHI", 0x3001, 0x880B, 4, 0x55, 1) + b"data")                           # PPTP
    t.ip(S, C, GRE, struct.pack(">HHHHI", 0x3001, 0x880B, 4, 0x66, 1) + b"data")
    t.ip(C, S, GRE, struct.pack(">HHH", 0x3001, 0x880B, 4))


@scenes(v4=(C, S), v6=(C6, S6))
def sctp(t, ends):
    c, s = ends
    number = itertools.count(30000)

    def chunk(kind, value=b"", flags=0):
        return struct.pack(">BBH", kind, flags, 4 + len(value)) + value + bytes(-len(value) % 4)

    def init(kind, tag):
        return chunk(kind, struct.pack(">IIHHI", tag, 65535, 1, 1, 1))

    class Association:
        def __init__(self):
            self.p = next(number)

        def say(self, way, tag, *chunks):
            a, b = (c, self.p), (s, 3868)
            if way == "<":
                a, b = b, a
            t.ip(a[0], b[0], SCTP, struct.pack(">HHII", a[1], b[1], tag, 0) + b"".join(chunks))
            return self

        def up(self):
            return self.say(">", 0, init(1, 0x11)).say("<", 0x11, init(2, 0x22)).say(">", 0x22, chunk(10, b"cookie")) \
                .say("<", 0x11, chunk(11))

    Association().up().say(">", 0x22, chunk(0, bytes(12) + b"data")).say("<", 0x11, chunk(3, bytes(12))) \
        .say(">", 0x22, chunk(4, bytes(8))).say("<", 0x11, chunk(5, bytes(8))) \
        .say(">", 0x22, chunk(7, bytes(4))).say("<", 0x11, chunk(8)).say(">", 0x22, chunk(14))
    Association().up().say("<", 0x11, chunk(7, bytes(4))).say(">", 0x22, chunk(8)).say("<", 0x11, chunk(14))
    Association().up().say(">", 0x22, chunk(6))                                  # abort
    Association().up().say("<", 0x22, chunk(6, flags=1))                         # abort with the peer's tag
    Association().up().say(">", 0x99, chunk(0, bytes(12) + b"wrong tag")).say(">", 0x22, chunk(0, bytes(12) + b"right"))
    Association().say(">", 0, init(1, 0x11)).say("<", 0x11, chunk(6))
    Association().say(">", 0, init(1, 0x11)).say(">", 0, init(1, 0x12)).say("<", 0x12, init(2, 0x22)) \
        .say(">", 0x22, chunk(10))
    Association().say(">", 0, init(1, 0)).say(">", 7, init(1, 0x11))
    Association().say(">", 0x22, chunk(0, bytes(12) + b"mid-stream")).say("<", 0x11, chunk(3, bytes(12)))
    Association().say(">", 0x22, chunk(4, bytes(8))).say("<", 0x11, chunk(5, bytes(8))) \
        .say(">", 0x22, chunk(0, bytes(16)))
    Association().say(">", 0x22, chunk(14)).say(">", 0x22, chunk(7, bytes(4))).say(">", 0x22, chunk(8)) \
        .say(">", 0x22, chunk(6))
    Association().up().say(">", 0, init(1, 0x33)).say("<", 0x33, init(2, 0x44)).say(">", 0x44, chunk(10)) \
        .say("<", 0x33, chunk(11))
    Association().say(">", 0, init(1, 0x11), chunk(0, bytes(12)))                # INIT is not alone
    Association().up().say(">", 0x22, chunk(0, bytes(12)), chunk(7, bytes(4))) \
        .say("<", 0x11, chunk(3, bytes(12)), chunk(8))
    Association().say(">", 0, b"")
    Association().say(">", 0, b"\1\0\0\0").say(">", 0, b"\1\0\0\2").say(">", 0, b"\1\0\xff\xff").say(">", 0, b"\1\0")
    for size in (0, 4, 8, 11):
        t.ip(c, s, SCTP, (struct.pack(">HHII", next(number), 3868, 0, 0) + init(1, 1))[:size], good=False)


@scene
def sctp_collisions(t):
    """Both ends open at once, again, with a tag that is known or another; heartbeats that come first."""
    tags = {"o1": 101, "o2": 102, "r1": 201, "r2": 202, "r3": 203}
    def opening(kind, tag):
        return struct.pack(">BBHIIHHI", kind, 0, 20, tag, 65535, 1, 1, 1)
    middles = itertools.product(("Io1", "Io2", "Ir1", "Ir2", "Kr1", "Ho"), repeat=2)
    firsts = (("Io1",), ("Ho",), ("Hr",), ("Hr", "Ho"))
    for port, (first, middle) in enumerate(itertools.product(firsts, middles), 7000):
        told = {"o": 0, "r": 0}                        # the tag that each has announced last
        for step in first + middle + ("Io2", "Kr3"):   # INIT, heartbeat, INIT ACK (K) of who, with which tag
            kind, who = step[0], step[1]
            tag, chunk = 0, struct.pack(">BBH", 4, 0, 12) + b"\0\1\0\x08beat"
            if kind == "I":
                chunk, told[who] = opening(1, tags[step[1:]]), tags[step[1:]]
            elif kind == "K":
                tag, chunk = told["r" if who == "o" else "o"], opening(2, tags[step[1:]])
            else:
                tag = tags["r1" if who == "o" else "o1"]
            a, b = ((C, port), (S, 3868)) if who == "o" else ((S, 3868), (C, port))
            t.ip(a[0], b[0], SCTP, struct.pack(">HHII", a[1], b[1], tag, 0) + chunk)


@scene
def dccp(t):
    """Requests, answers, data, close, reset; the kernel no longer knows it: by addresses alone."""
    def say(way, kind, data=b"", client=5000):
        a, b = (C, client), (S, 5001)
        if way == "<":
            a, b = b, a
        extra = {0: b"\0\0\0\1", 1: bytes(12)}.get(kind, bytes(8))
        t.ip(a[0], b[0], DCCP, struct.pack(">HHBBHBBHI", a[1], b[1], 4 + len(extra) // 4, 0, 0, kind << 1 | 1, 0, 0, 7)
             + extra + data)
    for way, kind in ((">", 0), ("<", 1), (">", 3), (">", 4), ("<", 3), (">", 6), ("<", 7)):
        say(way, kind, client=5000)
    say(">", 2, client=5002)
    t.ip(C, S, DCCP, b"\0\1\0\2")


# --- random walks ---------------------------------------------------------------------------------------

@scenes(**{str(seed): seed for seed in range(3)})
def sctp_walk(t, seed):
    """An association as far as it should go, then chunks that should not come, with right and wrong tags."""
    rng = random.Random(seed)
    kinds = (1, 2, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 14, 0, 3, 12, 130, 15)

    def chunk(kind, value=b"", flags=0):
        return struct.pack(">BBH", kind, flags, 4 + len(value)) + value + bytes(-len(value) % 4)

    def init(kind, tag):
        return chunk(kind, struct.pack(">IIHHI", tag, 65535, 1, 1, 1))

    for port in range(30000, 30030):
        here, there = rng.getrandbits(32), rng.getrandbits(32)

        def say(way, tag, *chunks):
            a, b = ((C, port), (S, 3868)) if way == ">" else ((S, 3868), (C, port))
            t.ip(a[0], b[0], SCTP, struct.pack(">HHII", a[1], b[1], tag, 0) + b"".join(chunks))
        steps = [(">", 0, init(1, here)), ("<", here, init(2, there)), (">", there, chunk(10, b"ck")),
                 ("<", here, chunk(11)), (">", there, chunk(0, bytes(16))), ("<", here, chunk(3, bytes(12))),
                 (">", there, chunk(7, bytes(4))), ("<", here, chunk(8)), (">", there, chunk(14))]
        if rng.random() < 0.3:
            steps = [(">", there, chunk(4, b"hb")), ("<", here, chunk(5, b"hb")), (">", there, chunk(0, bytes(16)))]
        for step in steps[:rng.randrange(len(steps) + 1)]:
            say(*step)
        for _ in range(rng.randrange(1, 7)):
            way, kind = rng.choice("><"), rng.choice(kinds)
            right, wrong = (there, here) if way == ">" else (here, there)
            tag = rng.choice((right,) * 4 + (wrong, 0, 7))
            tag = rng.choice((0, 0, tag)) if kind == 1 else tag
            flags = rng.choice((0, 0, 0, 1))
            chunks = [init(kind, rng.choice((here, there, 9))) if kind in (1, 2) else chunk(kind, bytes(4), flags)]
            if rng.random() < 0.15:
                chunks.append(chunk(rng.choice((0, 3, 4, 7, 11, 10, 1)), bytes(4)))
            say(way, tag, *chunks)


@scenes(**{str(seed): seed for seed in range(3)})
def tcp_walk(t, seed):
    """Short flows, each opened in one way or another, then segments near and far from what should come."""
    rng = random.Random(seed)
    offers = (b"", mss(1460) + SACK_OK + NOP + wscale(7), mss(1460) + NOP + wscale(3), SACK_OK)
    flags = ("A", "A", "A", "PA", "PA", "FA", "S", "S", "SA", "SA", "RA", "R", "R", "SEC", "PAU", 0)

    def off():
        return rng.choice((0,) * 8 + (1, -1, -1, rng.randrange(-3000, 3000), rng.randrange(-2**31, 2**31)))
    for n in range(30):
        f = Tcp(t, (C, 20000 + n), (S, 80), iss=rng.choice((1000, 0xFFFFFFF0)), irs=rng.getrandbits(32),
                win=rng.choice((65535, 1000, 0)))
        how = rng.random()
        if how < 0.6:
            f.open(rng.choice(offers), rng.choice(offers))
        elif how < 0.8:
            f.seg("c", "S", options=rng.choice(offers))
        elif how < 0.9:
            f.seg("c", "S").seg("s", "S")
        for _ in range(rng.randrange(1, 12)):
            what, who, near = rng.choice(flags), rng.choice("cs"), off()
            data = bytes(rng.choice((0, 1, 20, 1460))) if what in ("A", "PA", "FA", "PAU", "S") else b""
            f.seg(who, what, data, dseq=near, dack=off(), move=near == 0, win=rng.choice((None, None, None, 0, 100)),
                  options=rng.choice(offers) if "S" in str(what) else b"")


# --- fragments ----------------------------------------------------------------------------------------

def whole(c, s, size=1000, sport=5000):
    return ip(c, s, UDP, udp_segment(sport, 53, bytes(n & 0xFF for n in range(size))), ident=sport & 0xFFFF)


@scenes(v4=(C, S), v6=(C6, S6))
def fragment_orders(t, ends):
    """In order, backwards, shuffled, twice, a hole filled late, answered whole, two datagrams interleaved."""
    c, s = ends
    head = 20 if "." in c else 40
    orders = [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 0, 3, 1], [0, 0, 1, 1, 2, 2, 3, 3], [0, 1, 3], [2],
              [0, 3, 1, 2, 0, 1, 2, 3]]
    for n, order in enumerate(orders):
        parts = numbered(whole(c, s, sport=5000 + n), 256, 100 + n)
        for k in order:
            t.add(parts[k])
        t.udp((s, 53), (c, 5000 + n))
    a, b = numbered(whole(c, s, sport=6000), 256, 200), numbered(whole(c, s, sport=6001), 256, 201)
    for x, y in zip(a, b):
        t.add(x)
        t.add(y)
    f = Tcp(t, (c, 6002), (s, 80)).open()
    segment = tcp_segment(6002, 80, "PA", f.seq["c"], f.seq["s"], b"z" * 600)
    for part in numbered(ip(c, s, TCP, segment), 200, 300):
        t.add(part)
    f.seq["c"] += 600
    f.seg("s", "A").close()
    kind = (ICMP, 8) if head == 20 else (ICMP6, 128)
    for part in numbered(ip(c, s, kind[0], echo_message(kind[1], 50, 1, b"e" * 700)), 160, 301):
        t.add(part)
    t.ping(s, c, 50, 1, reply=True)


def numbered(packet, size, ident, overlap=0):
    """Fragments with an identification of their own."""
    out = []
    for part in fragments(packet, size, overlap):
        p = bytearray(part)
        if p[0] >> 4 == 4:
            p[4:6] = struct.pack(">H", ident)
            p[10:12] = bytes(2)
            p[10:12] = checksum(bytes(p[:20]))
        else:
            p[44:48] = struct.pack(">I", ident)
        out.append(bytes(p))
    return out


@scenes(v4=(C, S), v6=(C6, S6))
def fragment_overlaps(t, ends):
    """Overlaps of each kind: equal, partly, covering, conflicting ends, a last fragment too early."""
    c, s = ends
    for n, (size, overlap) in enumerate(((256, 8), (256, 128), (256, 248))):
        for part in numbered(whole(c, s, sport=5000 + n), size, 400 + n, overlap):
            t.add(part)
    a = numbered(whole(c, s, sport=5010), 256, 410)
    b = numbered(whole(c, s, sport=5010, size=992), 128, 410)
    for part in (a[0], b[1], a[1], a[2], a[3]):
        t.add(part)
    a = numbered(whole(c, s, sport=5011), 256, 411)
    short = numbered(whole(c, s, sport=5011, size=500), 256, 411)
    for part in (a[0], short[-1], a[1], a[2], a[3]):                  # two different ends
        t.add(part)
    a = numbered(whole(c, s, sport=5012), 256, 412)
    for part in (a[3], a[0], numbered(whole(c, s, size=2000, sport=5012), 256, 412)[5], a[1], a[2]):    # beyond the end
        t.add(part)
    a = numbered(whole(c, s, sport=5013), 256, 413)
    for part in (a[0], a[0][:-1] + b"!", a[1], a[2], a[3]):            # the same range, other bytes
        t.add(part)
    # the same identification from another host and for another protocol is another datagram
    for part in numbered(whole(c, s, sport=5014), 512, 414)[:1] + \
            numbered(ip(c, s, 253, bytes(1000)), 512, 414)[1:] + numbered(whole(c, s, sport=5014), 512, 414)[1:]:
        t.add(part)


@scene
def fragment_odd4(t):
    """IPv4 fragments: tiny, of odd length, beyond 65535, empty, with DF, with options, a lone last one."""
    w = whole(C, S, sport=5000)

    def part(at, data, more, ident, flags=0, **kw):
        t.add(ip(C, S, UDP, data, frag=flags | (0x2000 if more else 0) | at // 8, ident=ident, **kw))
    body = w[20:]
    part(0, body[:8], True, 1)
    part(8, body[8:16], True, 1)
    part(16, body[16:], False, 1)
    part(0, body[:13], True, 2)                         # not a multiple of 8
    part(8, body[8:], False, 2)
    part(0, body[:512], True, 3)
    part(65528, body[:100], False, 3)                   # ends beyond 65535
    part(0, b"", True, 4)
    part(0, body[:512], True, 5, flags=0x4000)          # DF
    part(512, body[512:], False, 5, flags=0x4000)
    part(0, body[:512], True, 6, options=b"\x94\4\0\0")
    part(512, body[512:], False, 6, options=b"\x94\4\0\0")
    part(512, body[512:], False, 7)                     # its first never comes
    part(0, body[:4], True, 8)                          # not even the ports
    part(0, tcp_segment(1, 2, "S", 1)[:8], True, 9)
    big = ip(C, S, UDP, udp_segment(5001, 53, bytes(60000)))
    for p in numbered(big, 1480, 10):
        t.add(p)
    t.add(ip(C, S, UDP, body, ident=11, frag=0x8000))


@scene
def fragment_odd6(t):
    """IPv6 fragments: atomic, tiny, of odd length, behind other headers, without a transport header."""
    def head(next_header):
        return ip(C6, S6, next_header, b"")[:40]
    body = with_checksum(C6, S6, UDP, udp_segment(5000, 53, bytes(1000)))
    t.add(fragment6(head(UDP), UDP, 0, False, body, 1))                    # atomic (RFC 6946)
    t.add(fragment6(head(UDP), UDP, 0, True, body[:8], 2))
    t.add(fragment6(head(UDP), UDP, 8, True, body[8:16], 2))
    t.add(fragment6(head(UDP), UDP, 16, False, body[16:], 2))
    t.add(fragment6(head(UDP), UDP, 0, True, body[:13], 3))                # not a multiple of 8
    t.add(fragment6(head(UDP), UDP, 65528, False, body[:100], 4))
    t.add(fragment6(head(UDP), UDP, 0, True, b"", 5))
    t.add(fragment6(head(UDP), UDP, 0, False, b"", 6))
    chain = extension(UDP, b"\1\4\0\0\0\0") + body                         # the chain goes on behind
    t.add(fragment6(head(DEST), DEST, 0, True, chain[:512], 7))
    t.add(fragment6(head(DEST), DEST, 512, False, chain[512:], 7))
    t.add(fragment6(head(DEST), DEST, 0, True, chain[:8], 8))              # the transport header comes later
    t.add(fragment6(head(DEST), DEST, 8, False, chain[8:], 8))
    frag = fragment6(head(UDP), UDP, 0, True, body[:512], 9)[40:]
    t.ip(C6, S6, HOP, extension(FRAGMENT, b"\1\4\0\0\0\0") + frag, good=False)
    frag = fragment6(head(UDP), UDP, 512, False, body[512:], 9)[40:]
    t.ip(C6, S6, HOP, extension(FRAGMENT, b"\1\4\0\0\0\0") + frag, good=False)
    t.ip(C6, S6, FRAGMENT, b"\x11\0\0", good=False)                        # header cut short
    t.add(fragment6(head(UDP), FRAGMENT, 0, False, fragment6(head(UDP), UDP, 0, False, body, 11)[40:], 10))
    t.add(fragment6(head(UDP), NONE, 0, True, bytes(8), 12))
    t.add(fragment6(head(UDP), NONE, 8, False, bytes(8), 12))


@scene
def fragment_inner6(t):
    """IPv6 fragment headers within fragments; datagrams whose first fragment has not all headers."""
    def frag(next_header, offset, more, ident, body):
        return struct.pack(">BBHI", next_header, 0, offset | more, ident) + body
    def put(next_header, body):
        t.ip(C6, S6, next_header, body, good=False)
    pad = b"\1\4\0\0\0\0"
    body = with_checksum(C6, S6, UDP, udp_segment(5000, 53, bytes(16)))
    inner = [frag(UDP, offset, more, 100, tail) for offset in (0, 8) for more in (0, 1)
             for tail in (body, b"", body[:4])] + [frag(NONE, 0, 1, 100, b""), b"\x11\0\0"]
    for n, one in enumerate(inner):
        put(FRAGMENT, frag(FRAGMENT, 0, 0, n, one))                        # atomic, another right behind
        put(FRAGMENT, frag(DEST, 0, 0, 50 + n, extension(FRAGMENT, pad) + one))
    for more in (0, 1):
        put(FRAGMENT, frag(FRAGMENT, 0, 1, 200 + more, frag(UDP, 0, more, 3, body[:8])))
        put(FRAGMENT, frag(FRAGMENT, 16, 0, 200 + more, body[8:]))
    put(FRAGMENT, frag(NONE, 0, 0, 300, b""))                              # of nothing
    for n, proto in enumerate((UDP, 140)):
        chain = extension(DEST, pad) + extension(proto, b"\1\x0c" + bytes(12)) + body
        for at in range(0, len(chain), 8):
            put(FRAGMENT, frag(DEST, at, int(at + 8 < len(chain)), 400 + n, chain[at:at + 8]))


# --- many at once -----------------------------------------------------------------------------------

@scene
def clashes(t):
    """Many inside hosts with the same source port to one server: under NAT the ports must differ."""
    for n in range(2, 12):
        a = "10.0.0.%d" % n
        t.udp((a, 5000), (S, 53))
        t.udp((S, 53), (a, 5000))
        t.udp((a, 500), (S, 500))
        t.udp((a, 700), (S, 53))
        t.ping(a, S, 7, 1)
        t.ping(S, a, 7, 1, reply=True)
        Tcp(t, (a, 40000), (S, 80)).open().c(b"from %d" % n).s(b"to %d" % n).close()
        t.udp((a, 5000), (OTHER, 53))
        t.udp((OTHER, 53), (a, 5000))


@scene
def unasked(t):
    """From outside, unasked: each protocol, to the client."""
    t.udp((C, 1), (S, 1))
    t.udp((OTHER, 53), (C, 5000))
    Tcp(t, (OTHER, 5000), (C, 22)).seg("c", "S").seg("c", "S", dseq=-1)
    t.tcp((OTHER, 5001), (C, 22), "A", 5, 6)
    t.tcp((OTHER, 5001), (C, 22), "SA", 5, 6)
    t.ping(OTHER, C, 1, 1)
    t.ping(OTHER, C, 1, 1, reply=True)
    t.ip(OTHER, C, GRE, bytes(8))


# --- FTP dialogues from text ---------------------------------------------------------------------------

def unescape(text):
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def dialogues(path):
    """(name, lines) of each dialogue of ftp-dialogues.txt."""
    name, lines = None, []
    with open(path, encoding="utf-8") as f:
        for line in f:
            line = line.rstrip("\n")
            if line.startswith("== "):
                if name:
                    yield name, lines
                name, lines = line[3:], []
            elif line and not line.startswith("#") and name:
                lines.append(line)
    if name:
        yield name, lines


def play(t, lines):
    """One dialogue. What the letters mean stands at the top of ftp-dialogues.txt."""
    hosts, port, start, greeting = (C, S, OTHER), 21, True, True
    control, number = None, itertools.count(45000)
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "ipv6":
            hosts = (C6, S6, OTHER6)
            continue
        if word == "port":
            port = int(rest)
            continue
        if word in ("bare", "middle"):
            start, greeting = word == "bare", False
            continue
        client, server, other = hosts
        if control is None:
            control = Tcp(t, (client, 40000), (server, port), iss=1000, irs=5000)
            if start:
                control.open()
            if greeting:
                control.s(b"220 ready\r\n").c(b"USER x\r\n").s(b"230 in\r\n")
        if word in ("c", "s"):
            control.send(word, unescape(rest))
        elif word in ("c!", "s!"):                          # not acknowledged
            control.seg(word[0], "PA", unescape(rest))
        elif word in ("c=", "s="):                          # the same bytes again
            data = unescape(rest)
            control.seg(word[0], "PA", data, dseq=-len(data), move=False)
            control.seg("s" if word == "c=" else "c", "A")
        elif word == "fin":
            control.close(rest)
        elif word == "<":
            data_connection(t, (server, 20), (client, int(rest)))
        elif word == ">":
            data_connection(t, (client, next(number)), (server, int(rest)))
        elif word == "x":
            data_connection(t, (other, 20), (client, int(rest)))
        elif word == "y":
            data_connection(t, (client, next(number)), (other, int(rest)))
        else:
            raise ValueError("ftp-dialogues.txt: %r" % line)


def data_connection(t, a, b):
    Tcp(t, a, b, iss=90000, irs=70000).open().c(b"some data\r\n").close()


# --- fuzz ---------------------------------------------------------------------------------------------

def fuzz(t, seed, packets=500):
    """Random packets among a few flows: mostly plausible, since nonsense alone never gets far."""
    rng = random.Random(seed)
    family = rng.choice(((C, S, OTHER), (C6, S6, OTHER6)))
    flows = [Tcp(t, (family[0], 20000 + n), (family[1 + n % 2], rng.choice((21, 80))), iss=rng.getrandbits(32),
                 irs=rng.getrandbits(32)) for n in range(6)]
    for f in flows[:4]:
        f.open(mss(1460) + SACK_OK + wscale(rng.randrange(15)), mss(1460) + SACK_OK + wscale(rng.randrange(15)))
    words = (b"PORT 10,0,0,2,200,%d\r\n" % rng.randrange(256), b"PASV\r\n", b"USER x\r\n", b"EPSV\r\n",
             b"227 Entering Passive Mode (198,51,100,7,200,%d)\r\n" % rng.randrange(256),
             b"229 Entering (|||5120%d|)\r\n" % rng.randrange(10), b"226 done\r\n")
    recent = []
    for _ in range(packets):
        what = rng.random()
        f, who = rng.choice(flows), rng.choice("cs")
        if what < 0.55:
            flags = rng.choice(("A", "PA", "PA", "A", "FA", "S", "SA", "RA", "R", rng.randrange(64)))
            data = rng.choice(words) if f.end["s"][1] == 21 else bytes(rng.randrange(100)) if "P" in str(flags) else b""
            near = rng.choice((0, 0, 0, 0, 0, 0, 1, -1, rng.randrange(-3000, 3000), rng.randrange(-2**31, 2**31)))
            late = rng.choice((0, 0, 0, 0, 0, 0, 1, -1, rng.randrange(-3000, 3000), rng.randrange(-2**31, 2**31)))
            f.seg(who, flags, data if flags in ("PA", "A", "FA") and rng.random() < 0.7 else b"", dseq=near, dack=late,
                  move=near == 0 and rng.random() < 0.95, win=rng.choice((65535, 65535, 1000, 100, 0)))
        elif what < 0.70:
            a, b = (family[0], 6000 + rng.randrange(4)), (family[1], 53)
            t.udp(*((a, b) if rng.random() < 0.5 else (b, a)), bytes(rng.randrange(60)))
        elif what < 0.80:
            reply = rng.random() < 0.5
            a, b = family[:2] if rng.random() < 0.6 else family[1::-1]
            t.ping(a, b, rng.randrange(4), 1, reply)
        elif what < 0.88 and recent:
            quoted = rng.choice(recent)
            size = 4 if quoted[0] >> 4 == 4 else 16
            at = 12 if size == 4 else 8
            back = str(ipaddress.ip_address(bytes(quoted[at:at + size])))
            kind = rng.choice((3, 11, 12, 4, 5) if size == 4 else (1, 2, 3, 4))
            t.icmp(rng.choice(family[1:] if back == family[0] else family[:1]), back, kind, rng.randrange(5),
                   struct.pack(">I", 1280), quoted[:rng.choice((28, 48, 60, len(quoted)))])
        elif what < 0.93:
            w = whole(family[0], family[1], rng.randrange(200, 1200), 7000 + rng.randrange(3))
            parts = numbered(w, rng.choice((104, 256, 512)), rng.getrandbits(16), rng.choice((0, 0, 0, 8)))
            rng.shuffle(parts)
            for p in parts[:rng.choice((len(parts), len(parts), 1))]:
                t.add(p)
        elif what < 0.97 and recent:
            broken = bytearray(rng.choice(recent))
            at = rng.randrange(len(broken))
            if at not in range(8, 24 if broken[0] >> 4 == 6 else 20) and at > 0:   # the addresses stay
                broken[at] ^= 1 << rng.randrange(8)
            if broken[0] >> 4 == 4 and rng.random() < 0.9:
                broken[10:12] = bytes(2)
                broken[10:12] = checksum(bytes(broken[:20]))
            t.add(broken)
        elif recent:
            t.add(rng.choice(recent))                                       # the same once more
        recent = [p for _, p in t.packets[-40:]]


for _seed in range(40):
    SCENES["fuzz-%02d" % _seed] = lambda t, seed=_seed: fuzz(t, seed)


@scene
def amanda(t):
    """Amanda's datagrams as its sources write them, and the streams they announce."""
    for client, server in ((("10.1.0.2", 850), ("192.0.2.10", 10080)),
                           (("2001:db8:1::2", 851), ("2001:db8:2::10", 10080))):
        head = b"HANDLE 000-00000001 SEQ 1700000001\n"
        t.udp(client, server, b"Amanda 2.6 REQ " + head + b"SECURITY USER backup\nSERVICE sendbackup\n"
              b"OPTIONS features=ffff;hostname=s;\nGNUTAR sda1  0 1970:1:1:0:0:0 OPTIONS |;auth=BSD;\n")
        t.udp(server, client, b"Amanda 2.6 ACK " + head)
        t.udp(server, client, b"Amanda 2.6 REP " + head + b"CONNECT DATA 50011 MESG 50012 INDEX 50013\n"
              b"OPTIONS features=ffff;\n")
        t.udp(client, server, b"Amanda 2.6 ACK " + head)
        for i, port in enumerate((50011, 50012, 50013)):
            Tcp(t, (client[0], 20000 + i), (server[0], port)).open().s(b"data").close()
        t.udp(server, client, b"Amanda 2.6 REP HANDLE 000-00000001 SEQ 1700000002\n"
              b"CONNECT DATA 50021 MESG 50022 STATE 50024\n")


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    for name, lines in dialogues(os.path.join(here, "ftp-dialogues.txt")):
        SCENES["talk-" + name] = lambda t, lines=lines: play(t, lines)
    if sys.argv[1:] == ["--list"]:
        print("\n".join(SCENES))
        return
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    out, pattern = sys.argv[1], (sys.argv[2:] + [""])[0]
    only = sys.argv[3:] if pattern == "--only" else None
    os.makedirs(out, exist_ok=True)
    for name, function in SCENES.items():
        if name in only if only is not None else pattern in name:
            t = Trace()
            function(t)
            t.save(os.path.join(out, name + ".pcap"))


if __name__ == "__main__":
    main()
