#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Load and malice: half-open connections, malformed packets at full speed, FTP under loss, reloads
under load, checksums verified outside. The drawing is in lib.py.

    soak.py              the short forms, as the test run does
    SOAK=1 soak.py       a minute of malformed packets, all loss rates
"""
import random
import struct

from lib import *

LONG = bool(os.environ.get("SOAK"))

# Puts frames on the wire as they are: argv: interface, destination MAC, seed, seconds, own address.
STORM = """
import random, socket, struct, sys, time
dev, mac, seed, seconds, src, dst = sys.argv[1:7]
r = random.Random(int(seed))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((dev, 0))
head = bytes.fromhex(mac.replace(':', '')) + b'\\x02\\0\\0\\0\\0\\1'
src, dst = socket.inet_aton(src), socket.inet_aton(dst)

def csum(b):
    if len(b) % 2:
        b += b'\\0'
    t = sum(struct.unpack('>%dH' % (len(b) // 2), b))
    t = (t & 0xffff) + (t >> 16)
    return ~((t & 0xffff) + (t >> 16)) & 0xffff

def ipv4(proto, body, frag=0, options=b''):
    h = struct.pack('>BBHHHBBH4s4s', 0x45 + len(options) // 4, 0, 20 + len(options) + len(body),
                    r.getrandbits(16), frag, 64, proto, 0, src, dst) + options
    return h[:10] + struct.pack('>H', csum(h)) + h[12:] + body

def ipv6(next, body):
    return struct.pack('>IHBB', 6 << 28, len(body), next, 64) + b'\\xfd\\x09' + bytes(13) + b'\\2' + \\
        bytes.fromhex('20010db8') + bytes(11) + b'\\x10' + body

def packet():
    body = r.randbytes(r.randrange(0, 200))
    k = r.randrange(10)
    if k == 0:
        return 0x0800, r.randbytes(r.randrange(0, 100))
    if k == 1:
        return 0x0800, ipv4(r.choice((1, 6, 17, 47, 132, r.randrange(256))), body)
    if k == 2:
        return 0x0800, ipv4(17, body, r.getrandbits(16))
    if k == 3:
        return 0x0800, ipv4(6, body, options=r.randbytes(4 * r.randrange(0, 10)))
    if k == 4:
        return 0x86dd, ipv6(r.choice((0, 6, 17, 43, 44, 58, 60, r.randrange(256))), body)
    if k == 5:
        return 0x86dd, ipv6(0, bytes([r.choice((43, 44, 60, 58)), r.randrange(4)]) + body)
    p = bytearray(ipv4(6, struct.pack('>HHIIBBHHH', r.randrange(65536), r.choice((21, 80, 5001)), r.getrandbits(32),
                       r.getrandbits(32), r.randrange(256), r.randrange(256), 1000, 0, 0) + body))
    for _ in range(r.randrange(4)):
        p[r.randrange(len(p))] = r.randrange(256)
    if k == 9:
        p = p[:r.randrange(len(p))]
    return 0x0800, bytes(p)

end = time.monotonic() + float(seconds)
n = 0
while time.monotonic() < end:
    for _ in range(200):
        type, p = packet()
        try:
            s.send(head + struct.pack('>H', type) + p[:1500])
        except OSError:
            pass
        n += 1
print(n)
"""


def mac_of(ns, dev):
    return ns.run("cat", "/sys/class/net/%s/address" % dev).stdout.strip()


def malformed_packets():
    seconds, seed = (60 if LONG else 4), os.environ.get("SEED", "1")
    with Net(wrong_checksums=True) as net:
        net.sluice("--table-max", "3000", rules=MASQUERADE + HELPER_FTP)
        net.server.spawn_python(ECHO, S4, 5002)
        net.server.listening(5002, "udp")
        storms = [net.client.spawn_python(STORM, "c0", mac_of(net.gateway, "in0"), seed, seconds, C4, S4,
                                          stdout=subprocess.PIPE),
                  net.server.spawn_python(STORM, "s0", mac_of(net.gateway, "out0"), seed + "1", seconds, S4, OUT4,
                                          stdout=subprocess.PIPE)]
        asked = 0
        while storms[0].poll() is None:  # whoever asks is answered meanwhile
            check(net.stats()["packets"] >= 0 and net.ask("list", "-p", "udp").returncode == 0, "an answer")
            asked += 1
        check(asked > 0, "asked under load")
        sent = [int(s.stdout.readline()) for s in storms]
        check(min(sent) > 100, "packets were sent: %s" % sent)
        check(net.client.python(ASK, S4, 5002).stdout.strip() == OUT4, "it goes on")
        stats = net.stats()
        check(stats["packets"] > 100 and stats["reasons"], "they were looked at")
        net.kernel_conntrack_empty()
        net.stop_sluice()
        net.nothing_left()


def half_open():
    """A port scan's worth of SYNs that nobody answers; then a real connection."""
    with Net() as net:
        net.sluice("--table-max", "2000", rules=MASQUERADE)
        net.server.run("nft", "-f", net.file("silent.nft", """
            table ip t { chain i { type filter hook input priority 0
                tcp dport 10000-20000 drop
            }
            }"""))
        net.server.spawn_python(SINK, S4, 5001)
        net.server.listening(5001)
        net.client.python("""
import socket, sys
made = []
for port in range(10000, 14000):
    s = socket.socket()
    s.setblocking(False)
    s.connect_ex((sys.argv[1], port))
    s.close()
""", S4)
        got, n, peer, sent = net.client.python(SEND, S4, 5001, 100000).stdout.split()
        check(got == sent and peer == OUT4, "a real connection comes through")
        stats = net.stats()
        check(stats["connections"] <= 2000 and stats["connections_evicted"] > 0, stats)
        net.stop_sluice()


def reload_under_load():
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        for port in (5001, 5003):
            net.server.spawn_python(SINK, S4, port)
            net.server.listening(port)
        files = [net.file("%d.nft" % i, MASQUERADE + HELPER_FTP * (i % 2)) for i in range(2)]
        load = net.client.spawn_python(SEND, S4, 5001, 60000000, stdout=subprocess.PIPE)
        for i in range(20):
            net.ask("reload", files[i % 2])
            net.client.python(SEND, S4, 5003, 1000)
        got, n, peer, sent = load.stdout.read().decode().split()
        check(got == sent, "the data are whole")
        net.stop_sluice()


def killed_under_load():
    """Killed and started again in the middle of a connection: it is picked up, with the same translation."""
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        net.server.spawn_python(SINK, S4, 5001)
        net.server.listening(5001)
        slow = SEND.replace("c.sendall(data)", "[(c.sendall(data[i:i + 200000]), time.sleep(0.05)) for i in "
                            "range(0, len(data), 200000)]").replace("import socket", "import time, socket")
        load = net.client.spawn_python(slow, S4, 5001, 12000000, stdout=subprocess.PIPE)
        for _ in range(3):
            wait_until(lambda: any(r["counters_orig"]["bytes"] > 1000000 for r in net.rows("list", "-p", "tcp")),
                       "data on their way")
            net.stop_sluice(signal.SIGKILL)
            net.sluice(rules=MASQUERADE)
        got, n, peer, sent = load.stdout.read().decode().split()
        check(got == sent and peer == OUT4, "the data are whole")
        net.stop_sluice()


# ---- loss, re-ordering, duplication: a relay between the server's wire and the server

# argv: interface, interface, seed, loss, duplicated, delayed (each of 1000)
RELAY = """
import random, select, socket, sys, time
a, b, seed, loss, twice, late = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
r = random.Random(seed)
socks = {}
for name, other in ((a, b), (b, a)):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((name, 3))
    s.setsockopt(263, 23, 1) if False else None
    socks[name] = s
print('up', flush=True)
waiting = []
while True:
    now = time.monotonic()
    for entry in [e for e in waiting if e[0] <= now]:
        waiting.remove(entry)
        entry[1].send(entry[2])
    ready, _, _ = select.select(list(socks.values()), [], [], 0.002 if waiting else 1)
    for s in ready:
        frame, address = s.recvfrom(65536)
        if address[2] == 4:  # what we sent ourselves
            continue
        out = socks[b] if s is socks[a] else socks[a]
        ip = frame[12:14] in (b'\\x08\\x00', b'\\x86\\xdd')
        x = r.randrange(1000)
        if ip and x < loss:
            continue
        if ip and x < loss + late:
            waiting.append((now + r.random() * 0.005, out, frame))
            continue
        try:
            out.send(frame)
            if ip and x >= 1000 - twice:
                out.send(frame)
        except OSError:
            pass
"""


class LossyNet(Net):
    """A relay stands between the gateway and the server, in a namespace of its own."""

    def __init__(self, seed, loss, twice, late, **more):
        super().__init__(offload=False, **more)
        self.harm = (seed, loss, twice, late)

    def link(self, a, dev_a, b, dev_b):
        if dev_a != "out0":
            return super().link(a, dev_a, b, dev_b)
        self.relay = self.namespace("r")
        super().link(a, dev_a, self.relay, "r0")
        super().link(self.relay, "r1", b, dev_b)
        for dev in ("r0", "r1"):
            self.relay.ip("link", "set", dev, "promisc", "on")
        child = self.relay.spawn_python(RELAY, "r0", "r1", *self.harm, stdout=subprocess.PIPE)
        check(child.stdout.readline() == b"up\n", "the relay")


def ftp_under_loss():
    rates = ((20, 20, 50),) if not LONG else ((0, 0, 300), (20, 20, 50), (50, 50, 200), (100, 0, 0))
    for seed, (loss, twice, late) in enumerate(rates):
        with LossyNet(seed, loss, twice, late) as net:
            net.sluice(rules=MASQUERADE + HELPER_FTP)
            vsftpd(net)
            data = os.urandom(60000)
            with open(net.dir + "/ftp/file", "wb") as f:
                f.write(data)
            for server in (S4, "[%s]" % S6):
                for mode in ([], ["-P", "-"]):
                    out = net.dir + "/got"
                    net.client.run("curl", "-sS", "--max-time", "50", *mode, "-o", out,
                                   "ftp://%s/file" % server, timeout=60)
                    with open(out, "rb") as f:
                        check(f.read() == data, "%s %s" % (mode, server))
            net.stop_sluice()


# ---- checksums, seen from outside

def checksums():
    """Everything with offloads off: each packet that leaves the gateway has a right checksum."""
    with Net(offload=False) as net:
        net.sluice(rules=MASQUERADE + HELPER_FTP)
        vsftpd(net)
        with open(net.dir + "/ftp/file", "wb") as f:
            f.write(os.urandom(100000))
        net.server.spawn_python(ECHO, S4, 5002)
        net.server.spawn_python(ECHO, S6, 5002)
        net.server.listening(5002, "udp")
        for server, name in ((S4, S4), (S6, "[%s]" % S6)):
            for mode in ([], ["-P", "-"], ["--disable-epsv"], ["-P", "-", "--disable-eprt"]):
                net.client.run("curl", "-sS", "--max-time", "30", *mode, "-o", "/dev/null", "ftp://%s/file" % name)
            net.client.python(ASK, server, 5002)
            net.client.run("ping", "-c", "2", "-i", "0.2", server)
            net.client.run("ping", "-c", "1", "-W", "1", "-s", "4000", server)
        outside = net.checksums[1]
        wait_until(lambda: outside.right > 100, "frames with right checksums")
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "ping", "nft")
    main(checksums, half_open, reload_under_load, killed_under_load, malformed_packets, ftp_under_loss)
