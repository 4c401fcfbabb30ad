#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Several inside and outside interfaces, one of them a bridge: all ways, a kill and the next start, policy
routing by source, a route that changes, an MTU that shrinks, a bridge that goes and comes back.

    client  c0 -- in0  +---------+ out0 -- s0  server     192.0.2.10,    9.9.9.9
                       | gateway |
    near    c0 -- in1 -- br0     | out1 -- s0  far        198.51.100.10, 9.9.9.9
            10.8.0.2   +---------+
"""
from lib import *

NEAR4, NEAR6, FAR4, FAR6 = "10.8.0.2", "fd08::2", "198.51.100.10", "2001:db8:1::10"
RULES = """
table inet g { chain post { type nat hook postrouting priority srcnat;
    oifname { "out0", "out1" } masquerade
}
}
"""


def ping(ns, address, *more):
    return ns.run("ping", "-c", "1", "-W", "1", *more, address, check=False).returncode == 0


class Wide(Net):
    def __enter__(self):
        super().__enter__()
        self.near, self.far = self.namespace("n"), self.namespace("f")
        self.link(self.near, "c0", self.gateway, "in1")
        self.link(self.gateway, "out1", self.far, "s0")
        self.bridge()
        self.address(self.near, "c0", NEAR4 + "/24", NEAR6 + "/64")
        self.address(self.gateway, "out1", "198.51.100.1/24", "2001:db8:1::1/64")
        self.address(self.far, "s0", FAR4 + "/24", FAR6 + "/64")
        self.near.ip("route", "add", "default", "via", "10.8.0.1")
        self.near.ip("-6", "route", "add", "default", "via", "fd08::1")
        for ns in (self.server, self.far):
            ns.ip("addr", "add", "9.9.9.9/32", "dev", "lo")
        return self

    def bridge(self):
        for words in ("link add br0 type bridge", "link set in1 master br0", "link set br0 up"):
            self.gateway.ip(*words.split())
        self.address(self.gateway, "br0", "10.8.0.1/24", "fd08::1/64")

    def start(self):
        self.sluice("--inside", "in0", "--inside", "br0", "--outside", "out0", "--outside", "out1", rules=RULES)

    def ways(self):
        return [ping(ns, a) for ns in (self.client, self.near) for a in (S4, S6, FAR4, FAR6)]


def all_ways():
    with Wide() as net:
        net.start()
        check(all(net.ways()), "all ways")
        check(ping(net.client, NEAR4) and ping(net.near, C6), "from inside to inside")
        net.stop_sluice(signal.SIGKILL)
        wait_until(lambda: ping(net.near, "10.8.0.1"), "the gateway itself is reached")
        check(not ping(net.client, FAR4) and not ping(net.near, S6), "nothing is forwarded")
        net.start()
        check(all(net.ways()), "all ways, after the next start")
        net.gateway.ip("link", "del", "br0")
        wait_until(lambda: "interface-gone" in net.sluice_errors(), "it is told")
        check(ping(net.client, S4) and not ping(net.near, S4), "without the bridge")
        net.bridge()
        wait_until(lambda: ping(net.near, S4), "the bridge is back")
        check(all(net.ways()), "all ways, with the new bridge")
        net.stop_sluice()
        for dev in ("br0", "in1", "out1"):
            check("clsact" not in net.gateway.run("tc", "qdisc", "show", "dev", dev).stdout, "clsact is left on " + dev)


def routes():
    with Wide() as net:
        net.start()
        net.gateway.run("sysctl", "-qw", "net.ipv4.conf.br0.forwarding=1")  # for the kernel to answer by source
        for words in ("rule add from 10.8.0.0/24 table 77", "route add default via %s table 77" % FAR4,
                      "route add default via %s" % S4):
            net.gateway.ip(*words.split())
        out = lambda ns: [r["reply"]["dst"] for r in net.rows("list", "-p", "icmp", "-d", "9.9.9.9", "-s", ns)]
        wait_until(lambda: ping(net.client, "9.9.9.9") and ping(net.near, "9.9.9.9"), "both get there")
        check(set(out(C4)) == {OUT4} and set(out(NEAR4)) == {"198.51.100.1"}, "each its way: %s %s" % (out(C4), out(NEAR4)))
        net.ask("flush")
        net.gateway.ip("route", "replace", "default", "via", FAR4)
        wait_until(lambda: ping(net.client, "9.9.9.9") and "198.51.100.1" in out(C4), "the other way")
        for ns, dev in ((net.server, "s0"), (net.gateway, "out0")):
            ns.ip("link", "set", dev, "mtu", "1300")
        for family, server in (("-4", S4), ("-6", S6)):
            tried = lambda: net.client.run("ping", family, "-c", "1", "-M", "do", "-s", "1350", "-W", "1", server,
                                           check=False)
            wait_until(lambda: "1300" in tried().stdout + tried().stderr, "the new MTU is told")
            check(ping(net.client, server, "-s", "1350"), "and what fits, or may be cut, comes through")
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("ping", "tc")
    main(all_ways, routes)
