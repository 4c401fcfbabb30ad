#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The live gateway against the kernel's own masquerade: same namespaces, same load, one run.

    client --- c0 | in0   gateway   out0 | s0 --- server        (tests/live/lib.py)

`kernel` is nft's masquerade with the kernel's forwarding; `none` its forwarding alone, without
connection tracking; `sluice` is `sluice run` with the same ruleset. Packets that arrive are
counted at s0. Receive steering (RPS) is set on in0 and out0 for all of them, so that the kernel
can use a second core, too.

    bench/live.py [SECONDS [on|off]]    how long each load lasts (default 2); only with, or only
                                        without offloads (default: both, about four minutes)

From the environment: KINDS (of gateways), LOADS (of bulk, udp1, udp1000, udp100000, connects, pings),
ROUNDS (each kind in turn, so many times; medians are printed), RULES (a file of rules instead of the masquerade
alone, for the kernel and for sluice: bench/firewall.nft, bench/counted.nft).
"""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/live"))
from lib import *  # noqa

HERE = os.path.dirname(os.path.abspath(__file__))
LOAD = os.environ.get("LIVE_LOAD") or os.path.join(HERE, "../build-bench/bench/live-load")
RULES = open(os.environ["RULES"]).read() if "RULES" in os.environ else MASQUERADE
WARM = 40000  # packets a second while connections are made
KINDS = os.environ.get("KINDS", "none kernel sluice").split()
LOADS = os.environ.get("LOADS", "bulk udp1 udp1000 udp100000 connects pings").split()
ROUNDS = int(os.environ.get("ROUNDS", 1))


class Bench(Net):
    def __enter__(self):
        super().__enter__()
        for seen in self.checksums:  # who reads along in Python takes a core from what is measured
            seen.stop()
        self.checksums = []
        for i in range(1, 4):
            self.client.ip("addr", "add", "10.9.0.%d/24" % (2 + i), "dev", "c0")
        for ns, dev in ((self.gateway, "in0"), (self.gateway, "out0")):
            ns.run("sh", "-c", "echo %x > /sys/class/net/%s/queues/rx-0/rps_cpus" % (
                (1 << os.cpu_count()) - 1, dev), check=False)
        for mode in (("drain", 5001, 5002, 5003, 5004), ("sink", 6001), ("sink", 6003, "close"), ("echo", 6002)):
            self.server.spawn(LOAD, *mode)
        self.server.listening(6003)
        self.server.listening(6002, "udp")
        return self

    def load(self, *args):
        return [float(x) for x in self.client.run(LOAD, *args, timeout=120).stdout.split()]

    def received(self):
        return int(self.server.run("cat", "/sys/class/net/s0/statistics/rx_packets").stdout)

    def flood(self, flows, seconds):
        mac = self.gateway.run("cat", "/sys/class/net/in0/address").stdout.strip()
        args = ["flood", "c0", mac, C4, S4, flows]
        # Connections are made and answered, three times, over two seconds: streams, to conntrack. Not as fast as
        # it goes: how long it takes to make them is another question (TCP connections/s).
        once = max(flows / WARM, 0.1)
        for _ in range(3):
            self.load(*args, once, 61, WARM)
            time.sleep(max(2.2 - once, 0.1))
        before, begin = self.received(), time.monotonic()
        self.load(*args, seconds)
        took = time.monotonic() - begin
        return (self.received() - before) / took

    def measure(self, seconds):
        self.client.run("ping", "-c", "1", S4)
        if "bulk" in LOADS:
            yield "TCP bulk, Gbit/s", self.load("bulk", S4, 6001, seconds)[0] * 8 / seconds / 1e9
        for flows in (1, 1000, 100000):
            if "udp%d" % flows in LOADS:
                yield "UDP, %d flows, Mpps" % flows, self.flood(flows, seconds) / 1e6
        if "connects" in LOADS:
            yield "TCP connections/s", self.load("connects", S4, 6003, seconds)[0] / seconds
        if "pings" in LOADS:
            self.load("pings", S4, 6002, 2.5)
            n, median, p99 = self.load("pings", S4, 6002, seconds)
            yield "round trip, median, us", median
            yield "round trip, 99 %, us", p99


def with_kernel(net, masquerade):
    net.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    if masquerade:
        net.gateway.run("nft", "-f", net.file("kernel.nft", RULES))
        net.gateway.run("sysctl", "-qw", "net.netfilter.nf_conntrack_max=1000000", check=False)
    else:
        net.server.ip("route", "add", "10.9.0.0/24", "via", OUT4)


def run(kind, seconds, offload=True):
    with Bench(offload=offload) as net:
        if kind == "sluice":
            net.sluice("--table-max", "1000000", "--fast-path", "200000", rules=RULES)
        else:
            with_kernel(net, kind == "kernel")
        return dict(net.measure(seconds))


def medians(rounds):
    """Of the same rows, measured several times."""
    return {name: statistics.median(r[name] for r in rounds) for name in rounds[0]}


def show(results):
    print("%-24s" % "" + "".join("%12s" % k for k in KINDS) + "   sluice/kernel")
    for name in results[KINDS[0]]:
        row = [results[k][name] for k in KINDS]
        line = "%-24s" % name + "".join("%12.3f" % x if x < 100 else "%12.0f" % x for x in row)
        if "kernel" in KINDS and "sluice" in KINDS:
            line += "   %.2f" % (results["sluice"][name] / results["kernel"][name])
        print(line)
    print(flush=True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2
    halves = {"on": (True,), "off": (False,)}.get(sys.argv[2] if len(sys.argv) > 2 else "", (True, False))
    for offload in halves:
        rounds = [{kind: run(kind, seconds, offload) for kind in KINDS} for _ in range(ROUNDS)]
        print("offloads %s" % ("on" if offload else "off"))
        show({kind: medians([r[kind] for r in rounds]) for kind in KINDS})


if __name__ == "__main__":
    skip_unless_possible("nft")
    main()
