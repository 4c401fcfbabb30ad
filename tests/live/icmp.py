#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What the gateway says itself, and what it passes back: traceroute, path MTU, unreachable, reject.
The drawing is in lib.py.
"""
from lib import *

TRY = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
s.settimeout(3)
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
    print('connected')
except OSError as e:
    print(e.strerror or e)
"""
PORT_UNREACHABLE = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((sys.argv[1], int(sys.argv[2])))
s.send(b'x')
try:
    s.recv(10)
except OSError as e:
    print(e.strerror or e)
"""


def traced():
    with Net() as net:
        net.sluice("--masquerade")
        for server, gateway in ((S4, G4), (S6, G6)):
            for how in ([], ["-I"], ["-T", "-p", "5001"]):
                hops = net.client.run("traceroute", "-n", "-q", "1", "-w", "2", "-m", "4", *how, server).stdout
                lines = [l.split() for l in hops.splitlines()[1:]]
                check([l[1] for l in lines[:2]] == [gateway, server], "traceroute %s: %s" % (how, hops))
        net.kernel_conntrack_empty()
        net.stop_sluice()


def path_mtu():
    for offload in (True, False):
        with Net(offload=offload) as net:
            net.gateway.ip("link", "set", "out0", "mtu", 1300)  # the server's side stays at 1500
            net.sluice("--masquerade")
            for server in (S4, S6):
                net.server.spawn_python(SINK, server, 5001)
                net.server.listening(5001)
            done = net.client.run("ping", "-c", "1", "-W", "2", "-M", "do", "-s", "1400", S4, check=False)
            check("mtu = 1300" in done.stdout or "mtu=1300" in done.stdout, "ping says: " + done.stdout + done.stderr)
            for server, seen in ((S4, OUT4), (S6, OUT6)):
                got, n, peer, sent = net.client.python(SEND, server, 5001, 3000000).stdout.split()
                check(got == sent and peer == seen, "TCP to %s" % server)
                route = net.client.run("ip", "route", "get", server).stdout
                check("mtu 1300" in route, "the client learned the MTU: " + route)
            net.stop_sluice()


def unreachable():
    with Net() as net:
        net.sluice("--masquerade")
        for server in (S4, S6):
            check("refused" in net.client.python(TRY, server, 9).stdout, "a closed TCP port: reset")
            check("refused" in net.client.python(PORT_UNREACHABLE, server, 9).stdout, "a closed UDP port")
        for nowhere in ("198.51.100.1", "2001:db8:9::1"):
            said = net.client.python(TRY, nowhere, 9).stdout
            check("unreachable" in said, "no route to %s: %s" % (nowhere, said))
        net.stop_sluice()


def rejected():
    with Net() as net:
        net.sluice(rules=MASQUERADE + """
            table inet filter { chain forward { type filter hook forward priority filter;
                tcp dport 9 reject with tcp reset
                tcp dport 10 reject
                tcp dport 11 reject with icmpx admin-prohibited
                udp dport 9 reject
            }
            }""")
        for server in (S4, S6):
            check("refused" in net.client.python(TRY, server, 9).stdout, "reset")
            check("refused" in net.client.python(TRY, server, 10).stdout, "port unreachable")
            said = net.client.python(TRY, server, 11).stdout
            check("No route" in said or "ermission" in said, "prohibited: " + said)
            check("refused" in net.client.python(PORT_UNREACHABLE, server, 9).stdout, "UDP")
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("traceroute", "ping")
    main(traced, path_mtu, unreachable, rejected)
