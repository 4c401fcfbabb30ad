#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Connections that have just begun: BPF lets pass what is next in order and tells the engine (bpf/opening.bpf.h).
Whatever the engine would not have let through does not pass either, and what it says of a connection is what it
says without. So most here is done twice, with `--fast-path 0` too. The drawing is in lib.py.
"""
import struct

from lib import *

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ISN, ANSWER = 1000000, 5000000  # of the client and the server

# Many short connections, one after the other.
SHORT = """
import socket, sys
for i in range(int(sys.argv[3])):
    c = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
    c.sendall(b'x' * 1000)
    c.shutdown(socket.SHUT_WR)
    while c.recv(4096):
        pass
    c.close()
"""


def story(net, listener, n):
    """What happened to each connection, in short, when all n have come to an end; and how long it took."""
    done = lambda: net.heard(listener).count("TIME_WAIT") >= n
    wait_until(done, "the end of all connections")
    stories = {}
    for line in net.heard(listener).splitlines():
        row = json.loads(line)
        stories.setdefault(row["flow"], []).append((row["event"], row["state"], "ASSURED" in row["status"]))
    return sorted(map(str, stories.values()))


def short_connections(offload, n=20):
    stories = []
    for options in (("--fast-path", "0"), (), ("--queues", "2")):
        with Net(offload=offload) as net:
            net.sluice(*options, rules=MASQUERADE)
            listener = net.listen("events", "conntrack", "-j")
            for server in (S4, S6):
                net.server.spawn_python(SINK, server, 5001)
                net.server.listening(5001)
                before = net.stats()["told"]
                net.client.python(SHORT, server, 5001, n)
                told = net.stats()["told"] - before  # of ten packets each; some may be late, or out of order
                check(told == 0 if "--fast-path" in options else told > 3 * n, "%s: %d told" % (server, told))
            stories.append(story(net, listener, 2 * n))
            listener.terminate()
            net.stop_sluice()
    for told in stories[1:]:
        check(len(told) == len(stories[0]) and set(told) & set(stories[0]), stories)
    for told in stories[1] + stories[2]:
        check(told.startswith("[('NEW', 'SYN_SENT', False), ('UPDATE', 'SYN_RECV', False), "
                              "('UPDATE', 'ESTABLISHED', True)"), told)


def with_offloads():
    short_connections(True)


def without_offloads():
    short_connections(False)


# ---- segment by segment


def total(data):
    return sum(struct.unpack("!%dH" % (len(data) // 2), data))


def folded(value):
    while value >> 16:
        value = (value & 0xffff) + (value >> 16)
    return value ^ 0xffff


def segment(src, dst, sport, dport, flags, seq, ack, payload=b"", spoil=0):
    tcp = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 20000, 0, 0) + payload
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack("!H", folded(total(pseudo + tcp)) ^ spoil) + tcp[18:]
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + pseudo[:8]
    return ip[:10] + struct.pack("!H", folded(total(ip))) + ip[12:] + tcp


class End:
    """A packet socket at one end, instead of its kernel."""

    def __init__(self, net, ns, dev, gateway_dev):
        mac = net.gateway.run("cat", "/sys/class/net/%s/address" % gateway_dev).stdout.strip()
        self.head = bytes.fromhex(mac.replace(":", "")) + b"\x02\0\0\0\0\x09\x08\0"
        self.socket = ns.enter(self.open, dev)
        ns.run("nft", "-f", net.file("quiet.nft", "table ip quiet {\n chain o {\n type filter hook output "
                                                  "priority 0\n tcp flags & rst == rst drop\n }\n }\n"))

    def open(self, dev):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        s.bind((dev, 0x0800))
        return s

    def send(self, *args, **more):
        self.socket.send(self.head + segment(*args, **more))

    def mark(self, src, dst, sport, dport):
        """What comes behind everything else: an empty UDP packet."""
        udp = struct.pack("!HHHH", sport, dport, 8, 0)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + socket.inet_aton(src) + socket.inet_aton(dst)
        self.socket.send(self.head + ip[:10] + struct.pack("!H", folded(total(ip))) + ip[12:] + udp)

    def take(self, patience):
        """
        The next packet that came: protocol, source port; of TCP also flags, seq, ack, bytes of payload.
        None: none does.
        """
        self.socket.settimeout(patience)
        try:
            while True:
                frame, address = self.socket.recvfrom(65536)
                if address[2] == 0 and frame[23] in (6, 17):  # for this host
                    sport, _, seq, ack, _, flags = struct.unpack("!HHIIBB", (frame + b"\0" * 12)[34:48])
                    return frame[23], sport, flags, seq, ack, int.from_bytes(frame[16:18], "big") - 40
        except socket.timeout:
            return None

    def all(self):
        """What came, up to the mark and a little behind it (cores work beside each other); the mark's source port."""
        rows, marked = [], None
        while True:
            row = self.take(0.05 if marked else 20)
            if not row:
                check(marked, "the mark")
                return sorted(rows), marked
            if row[0] == 17:
                marked = row[1]
            else:
                rows.append(row[2:])


HANDSHAKE = [("s", SYN | ACK, ANSWER, ISN + 1), ("c", ACK, ISN + 1, ANSWER + 1)]
# What follows the SYN: (who, flags, seq, ack, payload, spoiled checksum), and how many of these BPF lets through.
ROWS = {
    "handshake": (HANDSHAKE, 2),
    "an answer to another SYN": ([("s", SYN | ACK, ANSWER, ISN + 2)], 0),
    "two answers": (HANDSHAKE[:1] * 2, 1),
    "no answer": ([("c", ACK, ISN + 1, ANSWER + 1)], 0),
    "refused": ([("s", RST | ACK, 0, ISN + 1)], 0),
    "data both ways": (HANDSHAKE + [("c", PSH | ACK, ISN + 1, ANSWER + 1, 100), ("s", ACK, ANSWER + 1, ISN + 101),
                                    ("s", PSH | ACK, ANSWER + 1, ISN + 101, 1000)], 5),
    "the same again": (HANDSHAKE + [("c", PSH | ACK, ISN + 1, ANSWER + 1, 100)] * 2, 3),
    "beyond the window": (HANDSHAKE + [("c", ACK, ISN + 100001, ANSWER + 1)], 2),
    "a gap": (HANDSHAKE + [("c", PSH | ACK, ISN + 101, ANSWER + 1, 100)], 2),
    "acknowledges what was not sent": (HANDSHAKE + [("c", ACK, ISN + 1, ANSWER + 2)], 2),
    "acknowledges too little": (HANDSHAKE + [("c", ACK, ISN + 1, ANSWER + 1 - 100000)], 2),
    "the server closes": (HANDSHAKE + [("s", FIN | ACK, ANSWER + 1, ISN + 1), ("c", ACK, ISN + 1, ANSWER + 2),
                                       ("c", FIN | ACK, ISN + 1, ANSWER + 2), ("s", ACK, ANSWER + 2, ISN + 2)], 6),
    "a FIN elsewhere": (HANDSHAKE + [("s", FIN | ACK, ANSWER + 500, ISN + 1)], 2),
    "data behind a FIN": (HANDSHAKE + [("s", FIN | ACK, ANSWER + 1, ISN + 1),
                                       ("s", PSH | ACK, ANSWER + 2, ISN + 1, 10)], 3),
    "reset": (HANDSHAKE + [("c", RST | ACK, ISN + 1, ANSWER + 1)], 3),
    "a guessed reset": (HANDSHAKE + [("s", RST, ANSWER + 2, 0)], 2),
    "a guessed reset that acknowledges": (HANDSHAKE + [("s", RST | ACK, ANSWER + 200, ISN + 1)], 2),
    "a reset with a wrong checksum": (HANDSHAKE + [("s", RST | ACK, ANSWER + 1, ISN + 1, 0, 0x55)], 2),
    "behind a reset": (HANDSHAKE + [("c", RST | ACK, ISN + 1, ANSWER + 1), ("c", ACK, ISN + 1, ANSWER + 1)], 3),
    "all flags": (HANDSHAKE + [("c", 0x3f, ISN + 1, ANSWER + 1)], 2),
    "no flags": (HANDSHAKE + [("c", 0, ISN + 1, ANSWER + 1)], 2),
}
PROMPT = 0.03  # s: a connection is young for 50 ms; one that took longer to make says nothing, and is made again


def play(client, server, port, rows):
    """Returns whether it was quick enough, and what came to the client and to the server."""
    client.send(C4, S4, port, 7000, SYN, ISN, 0)
    begin = time.monotonic()
    syn = server.take(5)
    check(syn and syn[2] == SYN, "the SYN arrives: %s" % (syn,))
    for who, flags, seq, ack, *more in rows:
        payload, spoil = b"y" * (more[0] if more else 0), more[1] if len(more) > 1 else 0
        if who == "c":
            client.send(C4, S4, port, 7000, flags, seq, ack, payload, spoil)
        else:
            server.send(S4, OUT4, 7000, syn[1], flags, seq, ack, payload, spoil)
    prompt = time.monotonic() - begin < PROMPT
    return (prompt, *all_of(client, server, port))


def all_of(client, server, port):
    client.mark(C4, S4, port, 9)
    came, mapped = server.all()
    server.mark(S4, OUT4, 9, mapped)
    return client.all()[0], came


def one_by_one(net, told):
    client, server = End(net, net.client, "c0", "in0"), End(net, net.server, "s0", "out0")
    port, came = 20000, {}
    for name, (rows, expected) in ROWS.items():
        for _ in range(50):
            port += 1
            before = net.stats()["told"]
            prompt, *heard = play(client, server, port, rows)
            if prompt:
                break
        check(prompt, "a quick moment")
        states = [r["state"] for r in net.rows("list", "-p", "tcp", "--sport", port)]
        came[name] = heard, states
        if told:
            n = net.stats()["told"] - before
            check(n == expected, "%s: %d let through, not %d; %s" % (name, n, expected, came[name]))
    return came


def compare(rules):
    came = []
    for options in ((), ("--fast-path", "0")):
        with Net(offload=True) as net:
            net.sluice(*options, rules=rules)
            net.client.run("ping", "-c", "1", S4)
            came.append(one_by_one(net, not options))
            net.stop_sluice()
    for name in ROWS:
        check(came[0][name] == came[1][name], "%s: %s, the engine alone: %s" % (name, came[0][name], came[1][name]))


def segments():
    compare(MASQUERADE)


def segments_through_chains():
    """A firewall, whose chains see what BPF lets through a little later, and count it."""
    compare(MASQUERADE + """
        table inet f { chain forward { type filter hook forward priority filter; policy drop;
            tcp flags & (fin|syn) == (fin|syn) drop
            ct state established,related counter accept
            ct state invalid counter drop
            iifname "in0" oifname "out0" tcp dport 7000 ct state new accept
            meta l4proto { icmp, udp } accept
        }
        }""")


def chains_that_mind():
    """What a chain wants to see, or does not let through, BPF leaves to the engine."""
    rules = MASQUERADE + """
        table inet f { chain forward { type filter hook forward priority filter; policy drop;
            %s
            iifname "in0" accept
            meta l4proto { icmp, udp } accept
        }
        }"""
    for rule, answered in (("ct state established limit rate 1000/second accept", True),
                           ("tcp flags syn tcp option maxseg size set 1200; ct state established accept", True),
                           ("iifname out0 tcp flags != syn,ack accept", False)):
        with Net(offload=True) as net:
            net.sluice(rules=rules % rule)
            client, server = End(net, net.client, "c0", "in0"), End(net, net.server, "s0", "out0")
            net.client.run("ping", "-c", "1", S4)
            came = play(client, server, 20000, HANDSHAKE)[1]
            check(len([r for r in came if r[0] & SYN]) == answered, "%s: %s" % (rule, came))
            check(net.stats()["told"] == 0, "none without the engine: %s" % rule)
            net.stop_sluice()


def ends_at_once():
    """A flush, and another ruleset, hold for connections that have just begun, too."""
    drop = MASQUERADE + """
        table inet f { chain forward { type filter hook forward priority filter; tcp dport 7000 drop
        }
        }"""
    for words in (("flush",), ("reload", "drop.nft")):
        with Net(offload=True) as net:
            net.sluice(rules=drop)
            net.ask("reload", net.file("masquerade.nft", MASQUERADE))
            net.file("drop.nft", drop)
            client, server = End(net, net.client, "c0", "in0"), End(net, net.server, "s0", "out0")
            net.client.run("ping", "-c", "1", S4)
            play(client, server, 20000, HANDSHAKE)
            play(client, server, 20001, [])
            net.ask(*(net.dir + "/" + w if "." in w else w for w in words))
            before = net.stats()["told"]
            client.send(C4, S4, 20001, 7000, ACK, ISN + 1, ANSWER + 1)
            client.send(C4, S4, 20000, 7000, FIN | ACK, ISN + 1, ANSWER + 1)
            came = all_of(client, server, 20002)[1] if words[0] == "flush" else server.take(0.5)
            check(words[0] == "flush" or not came, "nothing passes: %s" % came)
            check(net.stats()["told"] == before, "and nothing beside the engine")
            net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("nft")
    main(with_offloads, without_offloads, segments, segments_through_chains, chains_that_mind, ends_at_once)
