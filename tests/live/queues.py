#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Several engines, a queue of the TAP device each (--queues): packets find the engine that has their
connection, and whoever asks at the control socket sees one gateway. The drawing is in lib.py; the
client has twenty addresses.
"""
from lib import *

CLIENTS4 = ["10.9.0.%d" % i for i in range(20, 40)]
CLIENTS6 = ["fd09::%d" % i for i in range(20, 40)]

# From each of these addresses: UDP there and back; prints the addresses that ECHO saw.
ASK_ALL = """
import socket, sys
for source in sys.argv[3:]:
    s = socket.socket(socket.AF_INET6 if ':' in source else socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(10)
    s.bind((source, 0))
    s.connect((sys.argv[1], int(sys.argv[2])))
    for i in range(5):
        s.send(b'x%d' % i)
        a = s.recv(65536)
        assert a.endswith(b' x%d' % i), a
    print(a.split()[0].decode())
"""


class ManyClients(Net):
    def __enter__(self):
        super().__enter__()
        for a in CLIENTS4:
            self.client.ip("addr", "add", a + "/24", "dev", "c0")
        for a in CLIENTS6:
            self.client.ip("addr", "add", a + "/64", "dev", "c0", "nodad")
        return self


def echoes(net):
    for server in (S4, S6):
        net.server.spawn_python(ECHO, server, 5002)
    net.server.listening(5002, "udp")


def masquerade():
    """Every engine has its part, and the device knows whose a packet is: none is handed over."""
    with ManyClients() as net:
        net.sluice("--queues", "3", rules=MASQUERADE)
        echoes(net)
        for server, seen, clients in ((S4, OUT4, CLIENTS4), (S6, OUT6, CLIENTS6)):
            got = net.client.python(ASK_ALL, server, 5002, *clients).stdout.split()
            check(got == [seen] * len(clients), got)
        stats = net.stats()
        check(len(stats["engines"]) == 3 and all(n >= 10 for n in stats["engines"]), stats["engines"])
        check(stats["verdicts"]["handed_over"] == 0, stats["verdicts"])
        for server in (S4, S6):
            net.server.spawn_python(SINK, server, 5001)
        net.server.listening(5001)
        for server, seen in ((S4, OUT4), (S6, OUT6)):
            got, n, peer, sent = net.client.python(SEND, server, 5001, 3000000).stdout.split()
            check(got == sent and peer == seen, "bulk data")
        check(net.stats()["verdicts"]["handed_over"] == 0, "all found their engine")
        net.stop_sluice()


def one_gateway():
    """list, events, flush, reload, explain and limits are about all engines."""
    with ManyClients() as net:
        net.sluice("--queues", "4", "--huge-pages", rules=MASQUERADE)
        echoes(net)
        events = net.listen("events")
        net.client.python(ASK_ALL, S4, 5002, *CLIENTS4)
        rows = net.rows("list", "-p", "udp")
        check(sorted(r["orig"]["src"] for r in rows) == CLIENTS4, "all are listed: %d" % len(rows))
        wait_until(lambda: net.heard(events).count("[NEW]") == len(CLIENTS4), "all are told")
        check(len(net.rows("list", "-s", CLIENTS4[3])) == 1, "one of them")
        done = net.ask("flush", "-s", "10.9.0.20/30")
        check("4 flow entries" in done.stderr, done.stderr)
        drops = net.listen("explain")
        net.ask("reload", net.file("closed.nft", MASQUERADE + """
            table inet f { chain forward { type filter hook forward priority filter; udp dport 5002 drop
            }
            }"""))
        done = net.client.python(ASK_ALL.replace("s.settimeout(10)", "s.settimeout(0.2)")
                                 .replace("a = s.recv(65536)", "\n        try: s.recv(65536); print('came')\n"
                                          "        except socket.timeout: pass\n        break")
                                 .replace("    print(a.split()[0].decode())", ""), S4, 5002, *CLIENTS4)
        check(done.stdout == "", "every engine has the new ruleset: " + done.stdout)
        told = lambda: [l for l in net.heard(drops).splitlines() if "verdict" in l and "policy-drop" in l]
        wait_until(lambda: len(told()) == len(CLIENTS4), "and explains why")
        bad = net.ask("reload", net.file("bad.nft", "table inet t { nonsense }\n"), check=False)
        check(bad.returncode == 1 and bad.stderr.count("bad.nft") == 1, "told once: " + bad.stderr)
        net.ask("flush")
        check(net.rows("list") == [] and net.stats()["connections"] == 0, "nothing is left")
        net.stop_sluice()


def ftp():
    """Data connections live where their control connection does."""
    with ManyClients() as net:
        net.sluice("--queues", "3", rules=MASQUERADE + HELPER_FTP)
        vsftpd(net)
        data = os.urandom(100000)
        with open(net.dir + "/ftp/file", "wb") as f:
            f.write(data)
        for server, clients in ((S4, CLIENTS4[:4]), ("[%s]" % S6, CLIENTS6[:4])):
            for client in clients:
                for mode in ([], ["-P", client]):
                    out = net.dir + "/got"
                    net.client.run("curl", "-sS", "--max-time", "30", "--interface", client, *mode,
                                   "-o", out, "ftp://%s/file" % server)
                    with open(out, "rb") as f:
                        check(f.read() == data, "%s %s" % (client, mode))
        net.stop_sluice()


def counted_once():
    """What the ruleset limits and remembers it does for all engines, and anew when it is reloaded."""
    rules = MASQUERADE + """
        table ip t { set knockers { type ipv4_addr; flags dynamic; }
            chain forward { type filter hook forward priority filter;
                udp dport 6000 limit rate over 8/hour burst 8 packets drop
                udp dport 6001 add @knockers { ip daddr } drop
                udp dport 5002 ip daddr @knockers drop
            }
        }"""
    send = """
import socket, sys
for source in sys.argv[3:]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, 0))
    s.sendto(b'x', (sys.argv[1], int(sys.argv[2])))
"""
    with ManyClients() as net:
        net.sluice("--queues", "4", rules=rules)
        echoes(net)
        dropped = lambda: net.stats()["reasons"].get("policy-drop", 0)
        check(len(net.client.python(ASK_ALL, S4, 5002, *CLIENTS4).stdout.split()) == 20, "nobody knocked")
        for n in (12, 24):  # of twenty; the second time after a reload
            net.client.python(send, S4, 6000, *CLIENTS4)
            wait_until(lambda: dropped() == n, "a limit for all: %d, not %d" % (dropped(), n))
            net.ask("reload")
        net.client.python(send, S4, 6001, CLIENTS4[0])
        net.client.python(send, S4, 5002, *CLIENTS4)
        wait_until(lambda: dropped() == 45, "all know who knocked: %d" % dropped())
        net.stop_sluice()


def elsewhere():
    """
    What the device cannot know: a pool of addresses, destination NAT, ICMP errors, fragments. And local
    traffic. Packets are handed over, and come through.
    """
    with ManyClients() as net:
        net.sluice("--queues", "3", rules="""
            table ip t {
                chain post { type nat hook postrouting priority srcnat;
                    oifname "out0" ip saddr 10.9.0.0/24 snat to 192.0.2.77-192.0.2.79
                }
                chain pre { type nat hook prerouting priority dstnat;
                    iifname "out0" udp dport 7000 dnat to 10.9.0.25:5003
                    iifname "in0" udp dport 8000 dnat to 192.0.2.10:5002
                }
            }""")
        for i in (77, 78, 79):
            net.server.ip("route", "add", "192.0.2.%d" % i, "via", OUT4)
        echoes(net)
        net.client.spawn_python(ECHO, "10.9.0.25", 5003)
        net.client.listening(5003, "udp")
        got = net.client.python(ASK_ALL, S4, 5002, *CLIENTS4).stdout.split()
        check(len(got) == 20 and set(got) <= {"192.0.2.77", "192.0.2.78", "192.0.2.79"}, got)
        got = net.client.python(ASK_ALL, "198.51.100.7", 8000, *CLIENTS4).stdout.split()
        check(len(got) == 20, got)
        for _ in range(8):
            got = net.server.python(ASK, OUT4, 7000).stdout.strip()
            check(got == S4, "destination NAT: " + got)
        done = net.client.run("ping", "-c", "5", "-i", "0.2", "-W", "2", "-s", "3000", S4)
        check("5 received" in done.stdout, done.stdout)
        done = net.client.python("""
import socket, sys
n = 0
for source in sys.argv[2:]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.bind((source, 0))
    s.connect((sys.argv[1], 9))
    s.send(b'x')
    try:
        s.recv(1)
    except ConnectionRefusedError:
        n += 1
print(n)
""", S4, *CLIENTS4[:4])
        check(done.stdout.strip() == "4", "port unreachable, for each: " + done.stdout)
        for address in (G4, OUT4):
            net.gateway.spawn_python(SINK, address, 5001)
        net.gateway.listening(5001)
        check(net.client.python(SEND, G4, 5001, 10000).stdout.split()[2] == C4, "to the gateway itself")
        net.server.spawn_python(SINK, S4, 5001)
        net.server.listening(5001)
        for _ in range(5):
            check(net.gateway.python(SEND, S4, 5001, 10000).stdout.split()[2] == OUT4, "from the gateway")
        stats = net.stats()
        check(stats["verdicts"]["handed_over"] > 0 and stats["not_passed"] == 0, stats)
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "ping")
    main(masquerade, one_gateway, ftp, counted_once, elsewhere)
