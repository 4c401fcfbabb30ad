#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Broadcast and groups to and from the gateway itself, which input and output chains see as in the kernel; and
an interface without Ethernet headers (a TUN device of a program stands for PPP). The drawing is in lib.py.
"""
import struct

from lib import *

# Listens on a port; joins the groups that are named (argv: port, then group@interface). Prints what came, and from where.
HEAR = """
import select, socket, struct, sys
port = int(sys.argv[1])
s6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
s6.bind(('::', port))
s4 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s4.bind(('', port))
for word in sys.argv[2:]:
    group, dev = word.split('@')
    index = socket.if_nametoindex(dev)
    if ':' in group:
        s6.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + struct.pack('@I', index))
    else:
        s4.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack('@4s4si', socket.inet_aton(group), bytes(4), index))
print('up', flush=True)
while True:
    for s in select.select([s4, s6], [], [])[0]:
        d, a = s.recvfrom(2000)
        print(d.decode(), a[0], flush=True)
"""

# Says words: argv: destination, port, interface, word.
SAY = """
import socket, struct, sys
to, port, dev, word = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
s = socket.socket(socket.AF_INET6 if ':' in to else socket.AF_INET, socket.SOCK_DGRAM)
index = socket.if_nametoindex(dev)
if ':' in to:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
else:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack('@4s4si', bytes(4), bytes(4), index))
    if to == '255.255.255.255':
        s.setsockopt(socket.SOL_SOCKET, 25, dev.encode())
s.sendto(word.encode(), (to, port))
"""

GROUP4, GROUP6 = "239.1.2.3", "ff02::1:7"
CASTS_IN = ("10.9.0.255", "255.255.255.255", GROUP4, GROUP6)


def ear(ns, dev, port):
    child = ns.spawn_python(HEAR, port, GROUP4 + "@" + dev, GROUP6 + "@" + dev)
    wait_until(lambda: "up" in heard(child), "a listener")
    return child


def heard(child):
    with open(child.log) as f:
        return f.read()


def to_the_gateway():
    """Allowed ones arrive as if nothing were between; others are dropped by the input chain, with a reason."""
    with Net() as net:
        net.sluice(rules="""
            table inet filter {
                chain input { type filter hook input priority filter; policy drop;
                    iifname "in0" meta pkttype { broadcast, multicast } udp dport 5353 accept
                }
            }""")
        open_ear, closed = ear(net.gateway, "in0", 5353), ear(net.gateway, "in0", 5354)
        for i, to in enumerate(CASTS_IN):
            net.client.python(SAY, to, 5354, "c0", "closed%d" % i)
            net.client.python(SAY, to, 5353, "c0", "open%d" % i)
        for i in range(len(CASTS_IN)):
            wait_until(lambda: "open%d " % i in heard(open_ear), "what is allowed: " + CASTS_IN[i])
        check("open0 " + C4 in heard(open_ear), heard(open_ear))
        check(heard(open_ear).count("open") == len(CASTS_IN), "each of them once: " + heard(open_ear))
        check("closed" not in heard(closed), "what is not allowed: " + heard(closed))
        check(net.stats()["reasons"].get("policy-drop", 0) >= len(CASTS_IN), net.stats()["reasons"])
        net.stop_sluice()


def from_the_gateway():
    with Net() as net:
        net.sluice(rules="""
            table inet filter {
                chain output { type filter hook output priority filter;
                    udp dport 5354 drop
                }
            }""")
        ears = [ear(net.client, "c0", port) for port in (5353, 5354)]
        for i, to in enumerate(CASTS_IN):
            for port in (5354, 5353):
                net.gateway.python(SAY, to, port, "in0", "word%d" % i)
        for i in range(len(CASTS_IN)):
            wait_until(lambda: "word%d " % i in heard(ears[0]), "what is allowed: " + CASTS_IN[i])
        check("word0 " + G4 in heard(ears[0]), heard(ears[0]))
        # The same address on both links: the program's choice of interface counts.
        for dev in ("in0", "out0"):
            net.gateway.ip("addr", "flush", "dev", dev, "scope", "link")
            net.gateway.ip("addr", "add", "fe80::77/64", "dev", dev, "nodad")
        outside = ear(net.server, "s0", 5353)
        for dev, there, word in (("in0", ears[0], "towards-inside"), ("out0", outside, "towards-outside")):
            net.gateway.python(SAY, GROUP6, 5353, dev, word)
            wait_until(lambda: word + " fe80::77" in heard(there), word)
        check("inside" not in heard(outside) and "outside" not in heard(ears[0]), heard(outside) + heard(ears[0]))
        check(heard(ears[0]).count("word") == len(CASTS_IN), "each of them once: " + heard(ears[0]))
        check("word" not in heard(ears[1]), "what is not allowed: " + heard(ears[1]))
        net.stop_sluice()


def asks_for_an_address():
    """DHCP: from nobody to everybody; and the answer to somebody who has no address yet."""
    with Net() as net:
        net.sluice(rules="""
            table inet filter {
                chain input { type filter hook input priority filter; policy drop;
                    iifname "in0" udp dport 67 accept
                }
            }""")
        server = ear(net.gateway, "in0", 67)

        def ask():
            udp = struct.pack(">HHHH", 68, 67, 8 + 8, 0) + b"discover"
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + bytes(4) + b"\xff" * 4
            ip = ip[:10] + struct.pack(">H", 0xffff - int.from_bytes(ip, "big") % 0xffff) + ip[12:]
            s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            s.bind(("c0", 0))
            s.send(b"\xff" * 6 + b"\x02" + bytes(4) + b"\x01" + b"\x08\0" + ip + udp)
            s.close()
        net.client.enter(ask)
        wait_until(lambda: "discover 0.0.0.0" in heard(server), "a question from nobody")
        client = ear(net.client, "c0", 68)
        net.gateway.python(SAY, "255.255.255.255", 68, "in0", "offer")
        wait_until(lambda: "offer " + G4 in heard(client), "the answer to everybody")
        net.stop_sluice()


# A TUN device in each of two namespaces, and what one gets goes to the other: a link without Ethernet.
WIRE = """
import ctypes, fcntl, os, select, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
fds = []
for word in sys.argv[1:]:
    ns, name = word.split(':')
    fd = os.open('/run/netns/' + ns, os.O_RDONLY)
    assert libc.setns(fd, 0x40000000) == 0
    os.close(fd)
    tun = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tun, 0x400454ca, struct.pack('16sH22x', name.encode(), 0x1001))
    fds.append(tun)
print('up', flush=True)
while True:
    for fd in select.select(fds, [], [])[0]:
        packet = os.read(fd, 70000)
        try:
            os.write(fds[1] if fd == fds[0] else fds[0], packet)
        except OSError:
            pass
"""


class PointToPoint(Net):
    """out0 and s0 are a point-to-point link without Ethernet headers, and without resolving neighbours."""

    def link(self, a, dev_a, b, dev_b):
        if dev_a != "out0":
            return super().link(a, dev_a, b, dev_b)
        child = a.spawn_python(WIRE, "%s:%s" % (a.name, dev_a), "%s:%s" % (b.name, dev_b), stdout=subprocess.PIPE)
        check(child.stdout.readline() == b"up\n", "the wire")
        for ns, dev in ((a, dev_a), (b, dev_b)):
            ns.ip("link", "set", dev, "up")


def without_ethernet():
    with PointToPoint() as net:
        net.sluice(rules=MASQUERADE + HELPER_FTP + """
            table inet filter {
                chain input { type filter hook input priority filter; policy drop;
                    ct state established accept
                    meta l4proto { icmp, ipv6-icmp } accept
                    tcp dport 5001 accept
                }
                chain pre { type nat hook prerouting priority dstnat;
                    iifname "out0" tcp dport 8080 dnat ip to 10.9.0.2:5001
                }
            }""")
        vsftpd(net)
        with open(net.dir + "/ftp/file", "wb") as f:
            f.write(os.urandom(100000))
        for server, seen in ((S4, OUT4), (S6, OUT6)):
            net.client.run("ping", "-c", "1", "-W", "5", server)
            net.server.spawn_python(SINK, server, 5001)
            net.server.listening(5001)
            got, n, peer, sent = net.client.python(SEND, server, 5001, 1000000).stdout.split()
            check(got == sent and peer == seen, "TCP through it, both ways: %s" % peer)
            net.server.spawn_python(ECHO, server, 5002)
            net.server.listening(5002, "udp")
            check(net.client.python(ASK, server, 5002).stdout.strip() == seen, "UDP, fragments among it")
            name = "[%s]" % server if ":" in server else server
            for mode in ([], ["-P", "-"]):
                net.client.run("curl", "-sS", "--max-time", "30", *mode, "-o", "/dev/null", "ftp://%s/file" % name)
            check(any("OFFLOAD" in r["status"] or r["proto"] == "tcp" for r in net.rows("list")), "connections")
        # To the gateway, from it, and through it from outside.
        net.server.run("ping", "-c", "1", "-W", "5", OUT4)
        net.gateway.spawn_python(SINK, OUT4, 5001)
        net.gateway.listening(5001)
        check(net.server.python(SEND, OUT4, 5001, 100000).stdout.split()[2] == S4, "to the gateway")
        check(net.gateway.python(SEND, S4, 5001, 100000).stdout.split()[2] == OUT4, "from the gateway")
        net.client.spawn_python(SINK, C4, 5001)
        net.client.listening(5001)
        check(net.server.python(SEND, OUT4, 8080, 100000).stdout.split()[2] == S4, "destination NAT")
        # The fast path, over it and back.
        talk = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect((sys.argv[1], 5002))
for i in range(40):
    s.send(b'x' * 100)
    s.recv(1000)
    time.sleep(0.1)
"""
        net.client.python(talk, S4)
        rows = [r for r in net.rows("list", "-p", "udp", "-d", S4) if "OFFLOAD" in r["status"]]
        check(rows and rows[0]["counters_reply"]["packets"] == 40, "handed down: %s" % rows)
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "ping")
    main(to_the_gateway, from_the_gateway, asks_for_an_address, without_ethernet)
