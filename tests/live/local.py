#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Traffic to and from the gateway itself: input and output chains and the nat hooks mean what they
mean in the kernel. The drawing is in lib.py.
"""
from lib import *

CONNECT = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET)
s.settimeout(float(sys.argv[3]))
if len(sys.argv) > 4:
    s.bind(('', int(sys.argv[4])))
try:
    s.connect((sys.argv[1], int(sys.argv[2])))
    s.shutdown(socket.SHUT_WR)
    print(s.recv(4096).decode().split()[2])
except OSError as e:
    print('no:', e)
"""

INPUT = """
table inet filter {
    chain input {
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
        tcp dport 5001 accept
    }
}
"""


def reach(ns, address, port, seconds=1, *more):
    return ns.python(CONNECT, address, port, seconds, *more).stdout.strip()


def input_chain():
    with Net() as net:
        net.sluice(rules=INPUT)
        for port in (5001, 5002):
            for address in (OUT4, OUT6):
                net.gateway.spawn_python(SINK, address, port)
            net.gateway.listening(port)
        for server, seen in ((OUT4, S4), (OUT6, S6)):
            net.server.run("ping", "-c", "1", "-W", "2", server)
            check(reach(net.server, server, 5001) == seen, "the open port %s" % server)
            check("timed out" in reach(net.server, server, 5002), "the closed port %s" % server)
        # What the gateway itself begins comes back.
        net.server.spawn_python(SINK, S4, 6001)
        net.server.listening(6001)
        check(reach(net.gateway, S4, 6001) == OUT4, "from the gateway to the server")
        net.kernel_conntrack_empty()
        net.stop_sluice()
        net.nothing_left()


def output_chain():
    with Net() as net:
        net.sluice(rules="""
            table inet filter {
                chain output { type filter hook output priority filter;
                    tcp dport 6002 drop
                }
            }
            table ip nat {
                chain output { type nat hook output priority -100;
                    tcp dport 8000 dnat to 192.0.2.10:6001
                }
            }""")
        # The first hop must be there: it is resolved before the packet can be looked at.
        net.gateway.ip("route", "add", "198.51.100.0/24", "via", S4)
        for port in (6001, 6002):
            net.server.spawn_python(SINK, S4, port)
            net.server.listening(port)
        check(reach(net.gateway, S4, 6001) == OUT4, "what may leave")
        check("timed out" in reach(net.gateway, S4, 6002), "what may not leave")
        check(reach(net.gateway, "198.51.100.7", 8000) == OUT4, "destination NAT of local packets")
        net.stop_sluice()


def redirect():
    with Net() as net:
        net.sluice(rules="""
            table inet nat {
                chain pre { type nat hook prerouting priority dstnat;
                    iifname "in0" tcp dport 80 redirect to :3128
                }
            }""")
        for address in (G4, G6):
            net.gateway.spawn_python(SINK, address, 3128)
        net.gateway.listening(3128)
        check(reach(net.client, S4, 80) == C4, "redirect, IPv4")
        check(reach(net.client, S6, 80) == C6, "redirect, IPv6")
        net.stop_sluice()


def destination_nat():
    with Net() as net:
        net.sluice(rules=MASQUERADE + """
            table inet translate {
                chain pre { type nat hook prerouting priority dstnat;
                    iifname "out0" tcp dport 8080 dnat ip to 10.9.0.2:5001
                    iifname "out0" tcp dport 8080 dnat ip6 to [fd09::2]:5001
                }
            }""")
        for address in (C4, C6):
            net.client.spawn_python(SINK, address, 5001)
        net.client.listening(5001)
        check(reach(net.server, OUT4, 8080) == S4, "destination NAT, IPv4")
        check(reach(net.server, OUT6, 8080) == S6, "destination NAT, IPv6")
        net.stop_sluice()


def policy_routing():
    """A rule by mark counts always; one by source where the kernel's forwarding is on."""
    with Net() as net:
        net.gateway.run("sysctl", "-qw", "net.ipv4.conf.in0.forwarding=1")
        net.client.ip("addr", "add", "10.9.0.77/24", "dev", "c0")
        net.gateway.ip("rule", "add", "from", "10.9.0.77", "lookup", "100")
        net.gateway.ip("route", "add", "prohibit", "default", "table", "100")
        net.gateway.ip("rule", "add", "fwmark", "7", "lookup", "101")
        net.gateway.ip("route", "add", "unreachable", "default", "table", "101")
        net.sluice(rules=MASQUERADE + """
            table inet m { chain pre { type filter hook prerouting priority mangle;
                tcp dport 5003 meta mark set 7
            }
            }""")
        net.server.spawn_python(SINK, S4, 5001)
        net.server.listening(5001)
        check(reach(net.client, S4, 5001) == OUT4, "as ever")
        ping = lambda source: net.client.run("ping", "-c", "1", "-W", "2", "-I", source, S4, check=False).stdout
        check("1 received" in ping(C4), "as ever")
        check("Packet filtered" in ping("10.9.0.77"), "by source: " + ping("10.9.0.77"))
        check("No route to host" in reach(net.client, S4, 5003), "by mark")
        net.gateway.ip("rule", "del", "from", "10.9.0.77", "lookup", "100")
        wait_until(lambda: "1 received" in ping("10.9.0.77"), "rules may go")
        net.stop_sluice()


HOLD = """
import socket, sys, time
s = socket.socket()
s.bind(('', int(sys.argv[3])))
s.connect((sys.argv[1], int(sys.argv[2])))
print('up', flush=True)
time.sleep(60)
"""


def ports_do_not_collide():
    """A local connection and a masqueraded one, from the same port to the same server."""
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        net.server.spawn_python(SINK, S4, 6001)
        net.server.listening(6001)
        held = net.gateway.spawn_python(HOLD, S4, 6001, 40000, stdout=subprocess.PIPE)
        check(held.stdout.readline() == b"up\n", "the gateway's own connection")
        done = net.client.python(CONNECT.replace("print(", "print(s.getsockname()[1], "), S4, 6001, 5, 40000)
        check(done.stdout.split()[-1] == OUT4, "the client's connection: " + done.stdout)
        ports = net.server.run("ss", "-Htn", "state", "established", "sport = :6001").stdout
        check(":40000" in ports, "the gateway's own connection lives: " + ports)
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("ping")
    main(input_chain, output_chain, redirect, destination_nat, policy_routing, ports_do_not_collide)
