#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rulesets and packets for compare.c: those written by hand, and random ones from a seed.

A random rule is made of matches, each a text and a way to make a packet fit it; so packets that
hit every rule can be made, and others that miss by one member. Rules, sets, chains and hooks are
drawn so that most rules can be reached. Half of the rulesets count in every rule; the others do
not, so that what evaluation remembers of connections is exercised too.

A file written by hand says in comments what is put through it, one flow a line:

    # flow: proto=udp dport=53 src=10.0.0.5 length=short n=3

members are those of packets.Flow; n repeats it with other source ports, `error=11,0` adds an ICMP
error about it, `wait=500` lets milliseconds pass before it. `# ftp: mode=pasv` is an FTP session
with one transfer (port, eprt, pasv, epsv), `# tftp:` one of TFTP. `# as: docker0=in0` has the interface
docker0 of the file be in0.

usage: corpus.py OUTPUT SEED COUNT [FILE.nft ...]
"""
import ipaddress
import os
import random
import re
import shutil
import sys

import packets
from packets import (ACK, ICMP, ICMP6, IN, LOCAL, OUT, PSH, RST, SCTP, SYN, TCP, UDP, UDPLITE, FIN, Flow, Steps)

OWN = {4: ("203.0.113.1", "192.168.0.1"), 6: ("2001:db8:ffff::1", "fd00:1::1")}
NAMES = {TCP: "tcp", UDP: "udp", SCTP: "sctp", ICMP: "icmp", ICMP6: "icmpv6", UDPLITE: "udplite", packets.DCCP: "dccp",
         packets.GRE: "gre", packets.ESP: "esp"}


class Maker:
    """One random ruleset."""

    def __init__(self, seed):
        self.R = random.Random(seed)
        self.fields = random.Random("fields %s" % seed)
        self.raws = random.Random("raws %s" % seed)
        R = self.R
        self.family = R.choice(["ip", "ip", "ip6", "inet", "inet", "inet"])
        self.counted = R.random() < 0.6
        self.sets, self.names, self.rules, self.sport = [], 0, [], 20000
        self.nat = R.random() < 0.35
        self.objects = []

    # -- values --

    def l3(self):
        return {"ip": 4, "ip6": 6}.get(self.family) or self.R.choice([4, 4, 6])

    def inside(self, l3):
        R = self.R
        return "10.%d.%d.%d" % (R.randrange(3), R.randrange(3), R.randrange(1, 30)) if l3 == 4 else \
            "fd00::%x:%x" % (R.randrange(3), R.randrange(1, 30))

    def outside(self, l3):
        R = self.R
        return R.choice(["198.51.100.%d", "192.0.2.%d"]) % R.randrange(1, 30) if l3 == 4 else \
            "2001:db8:%x::%x" % (R.randrange(3), R.randrange(1, 30))

    def prefix(self, a):
        ip = ipaddress.ip_address(a)
        size = self.R.randrange(14, 33) if ip.version == 4 else self.R.randrange(40, 129)
        return str(ipaddress.ip_network((ip, size), strict=False))

    def span(self, a, wide=20):
        ip = ipaddress.ip_address(a)
        lo, hi = ip - self.R.randrange(wide), ip + self.R.randrange(1, wide)
        return "%s-%s" % (lo, hi)

    def name(self, kind):
        self.names += 1
        return "%s%d" % (kind, self.names)

    def several(self, fit, others, spans=False, named=True):
        """A set that holds `fit` and some others: anonymous or named."""
        R = self.R
        return fit, sorted(set(others) - {fit})

    # -- matches: each returns (members of the flow it speaks of, text, how to fit) --

    def address(self, l3, what, flow):
        """Of the flow's own address, so that it fits."""
        R = self.R
        a = getattr(flow, what)
        word = "%s %s " % ("ip" if l3 == 4 else "ip6", what[0] + "addr")
        make = self.inside if what == "src" else self.outside
        kind = R.randrange(8)
        if kind == 0:
            return word + a
        if kind == 1:
            return word + self.prefix(a)
        if kind == 2:
            return word + self.span(a)
        if kind == 3:
            other = make(l3)
            return word + "!= " + (other if other != a else ("0.0.0.7" if l3 == 4 else "::7"))
        if kind == 4:
            return word + "{ %s }" % ", ".join(sorted({a} | {make(l3) for _ in range(R.randrange(1, 6))}))
        if kind == 5:
            mask = R.choice(["255.255.255.0", "255.255.0.255", "0.0.0.15"]) if l3 == 4 else "ffff::ff"
            value = ipaddress.ip_address(int(ipaddress.ip_address(a)) & int(ipaddress.ip_address(mask))) if l3 == 4 else \
                ipaddress.IPv6Address(int(ipaddress.ip_address(a)) & int(ipaddress.ip_address(mask)))
            return word + "& %s == %s" % (mask, value)
        kind = "ipv4_addr" if l3 == 4 else "ipv6_addr"
        name = self.name("set")
        if R.random() < 0.5:
            self.sets.append("set %s { type %s; flags interval; auto-merge; elements = { %s }; }" % (
                name, kind, ", ".join([self.prefix(a)] + [self.prefix(make(l3)) for _ in range(R.randrange(4))])))
        else:
            self.sets.append("set %s { type %s; elements = { %s }; }" % (
                name, kind, ", ".join(sorted({a} | {make(l3) for _ in range(R.randrange(1, 30))}))))
        return word + "@" + name

    def number(self, word, value, most, tokens=None):
        """A number of a header, compared in some way that fits."""
        R = self.R
        kind = R.randrange(7)
        if kind == 0:
            return "%s %d" % (word, value)
        if kind == 1 and value < most:
            return "%s %d-%d" % (word, max(0, value - R.randrange(1, 9)), min(most, value + R.randrange(1, 9)))
        if kind == 2:
            return "%s != %d" % (word, (value + 1 + R.randrange(5)) % (most + 1))
        if kind == 3 and value > 0:
            return "%s > %d" % (word, value - 1)
        if kind == 4 and value < most:
            return "%s <= %d" % (word, value)
        if kind == 5:
            return "%s { %s }" % (word, ", ".join(str(x) for x in sorted({value} | {R.randrange(most + 1) for _ in range(3)})))
        return "%s %d" % (word, value)

    def ports(self, flow):
        R = self.R
        group = R.choice([NAMES[flow.proto], NAMES[flow.proto], "th"]) if flow.proto in (TCP, UDP, SCTP) else NAMES[flow.proto]
        what = R.choice(["dport", "dport", "dport", "sport"])
        if what == "sport":
            flow.sport = R.randrange(1000, 19000)
            flow.fixed_sport = True
            flow.length = "single" if flow.length == "full" else flow.length
        text = self.number("%s %s" % (group, what), getattr(flow, what), 65535)
        return ("meta l4proto %s " % NAMES[flow.proto] if group == "th" else "") + text

    def concat(self, l3, flow):
        R = self.R
        word = "ip" if l3 == 4 else "ip6"
        kind = "ipv4_addr" if l3 == 4 else "ipv6_addr"
        proto = NAMES[flow.proto]
        if R.random() < 0.4:
            items = {"%s . %d" % (flow.src, flow.dport)} | {"%s . %d" % (self.inside(l3), R.randrange(1, 2000)) for _ in range(5)}
            return "%s saddr . %s dport { %s }" % (word, proto, ", ".join(sorted(items)))
        name = self.name("set")
        items = ["%s . %s . %d-%d" % (self.prefix(flow.src), proto, max(1, flow.dport - R.randrange(9)), flow.dport + R.randrange(9))]
        for i in range(R.randrange(8)):
            items.append("%s . %s . %d-%d" % (self.prefix(self.outside(l3)), R.choice(["tcp", "udp"]), 3000 + 20 * i, 3005 + 20 * i))
        self.sets.append("set %s { type %s . inet_proto . inet_service; flags interval; elements = { %s }; }" % (name, kind, ", ".join(items)))
        return "%s saddr . meta l4proto . th dport @%s" % (word, name) if l3 == 4 or R.random() < 0.5 else \
            "%s saddr . %s nexthdr . th dport @%s" % (word, word, name)

    def header(self, l3, flow):
        R = self.R
        if l3 == 4:
            pick = R.randrange(8)
            if pick == 0:
                flow.ttl = R.randrange(2, 255)
                # what rules see in postrouting is one less
                return self.number("ip ttl", flow.ttl, 255) if flow.hook in ("prerouting", "input") else "ip ttl %d-%d" % (flow.ttl - 1, flow.ttl)
            if pick == 1:
                flow.tos = R.randrange(1, 64) << 2 | flow.tos & 3
                return self.number("ip dscp", flow.tos >> 2, 63)
            if pick == 2:
                flow.tos = flow.tos & 0xfc | R.randrange(4)
                return "ip ecn " + ["not-ect", "ect1", "ect0", "ce"][flow.tos & 3]
            if pick == 3:
                flow.ip_id = R.randrange(1, 65535)
                return self.number("ip id", flow.ip_id, 65535)
            if pick == 4:
                return R.choice(["ip frag-off & 0x1fff == 0", "ip frag-off & 0x4000 != 0", "ip version 4", "ip hdrlength 5",
                                 "ip frag-off & 0x1fff != 1", "ip checksum != 7"])
            if pick == 5:
                return "ip protocol " + R.choice(["%s" % NAMES[flow.proto], "{ %s, 77 }" % NAMES[flow.proto], "!= 99"])
            if pick == 6:
                return R.choice(["ip length >= 20", "ip length < 2000", "ip length != 1"])
            return "meta l4proto " + R.choice([NAMES[flow.proto], "!= 99"])
        pick = R.randrange(5)
        if pick == 0:
            flow.ttl = R.randrange(2, 255)
            return "ip6 hoplimit %d-%d" % (flow.ttl - 1, flow.ttl)
        if pick == 1:
            flow.tos = R.randrange(1, 64) << 2
            return self.number("ip6 dscp", flow.tos >> 2, 63)
        if pick == 2:
            flow.label = R.randrange(1 << 20)
            return self.number("ip6 flowlabel", flow.label, (1 << 20) - 1)
        if pick == 3:
            return "ip6 nexthdr " + R.choice([NAMES[flow.proto], "!= 99"])
        return R.choice(["ip6 length > 4", "ip6 version 6", "ip6 length < 3000"])

    def raw(self, l3, flow, translated):
        """Options, extension headers, bits by their place; of a random order of their own."""
        R = self.raws
        choices = ["@nh,0,4 %d" % l3, "@nh,0,4 != 0", "@nh,%d,8 & 0xf0 != 0xf0" % (64 if l3 == 4 else 56)]
        if not translated:
            choices += ["@nh,96,32 0x%08x" % int(ipaddress.ip_address(flow.src)), "@nh,104,24 { 0x%06x, 1 }" % (int(ipaddress.ip_address(flow.src)) & 0xffffff)] \
                if l3 == 4 else ["@nh,64,128 0x%032x" % int(ipaddress.ip_address(flow.src)), "@nh,64,48 0x%012x" % (int(ipaddress.ip_address(flow.src)) >> 80)]
            if flow.proto in (TCP, UDP):
                choices += ["@th,16,16 %d" % flow.dport, "@th,17,15 < 0x7fff", "@th,0,8 . @th,16,16 != { 1 . 2 }"]
        if flow.proto == UDP:
            flow.size = max(flow.size, 4)
            choices += ["@ih,0,32 0x79797979", "@ih,3,7 != 0", "@th,64,16 0x7979"]
        if flow.proto == TCP:
            kind, data, exact = R.choice([("timestamp", "0101080a000000%02x00000001" % R.randrange(1, 200), None), ("sack-perm", "04020101", None),
                                          ("window", "03030%x01" % R.randrange(15), None), ("mptcp", "1e041022", "mptcp subtype 1"),
                                          ("md5sig", "01011312" + "00" * 16, "md5sig length 18"), ("253", "fd04abcd", "@253,16,8 0xab")])
            if flow.tcpopts in ("", data):
                flow.tcpopts = data
                choices += ["tcp option %s exists" % kind, "tcp option %s != missing" % kind, "tcp option " + (exact or kind + " length > 1")] * 2
            choices += ["tcp option fastopen missing", "tcp option sack missing"]
        if l3 == 6 and flow.proto in (UDP, ICMP6, SCTP) and flow.length == "single":
            flow.ext = R.choice(["dest", "hop", "hop,dest"])
            choices += ["exthdr hbh exists", "hbh hdrlength 0"] * 2 if flow.ext[0] == "h" else ["exthdr hbh missing"]
            choices += ["exthdr dst exists", "dst hdrlength < 4"] * 2 if flow.ext[-1] == "t" else ["exthdr dst missing"]
        if l3 == 6:
            choices += ["exthdr rt missing", "exthdr mh missing"]
        if l3 == 4 and flow.proto in (UDP, ICMP) and flow.length == "single":
            flow.ipopts = R.choice(["94040000", "0101010194040000"])
            choices += ["ip option ra exists", "ip option ra value 0", "ip option rr missing"]
        if l3 == 4:
            choices += ["ip option lsrr missing"]
        return R.choice(choices)

    def transport(self, l3, flow):
        R = self.R
        if flow.proto == TCP:
            pick = R.randrange(6)
            if pick == 0:
                return "tcp flags " + R.choice(["syn", "syn / syn,ack", "& (fin|syn|rst|ack) == syn", "! fin", "!= ack", "& syn == syn",
                                                "syn / fin,syn,rst,ack", "& (syn | ack) != ack"])
            if pick == 1:
                flow.flags, flow.length = R.choice([(ACK, "ack"), (RST, "rst"), (SYN | FIN, "syn,fin"), (FIN | PSH | 32, "fin,psh,urg"), (0, "0x0"),
                                                    (SYN | ACK, "syn,ack"), (RST | ACK, "rst,ack")])
                return "tcp flags == " + flow.length if R.random() < 0.5 or "0" in flow.length else "tcp flags " + flow.length
            if pick == 2:
                flow.mss = R.choice([536, 1300, 1460, 9000])
                return self.number("tcp option maxseg size", flow.mss, 65535)
            if pick == 3:
                flow.window = R.randrange(65536)
                return self.number("tcp window", flow.window, 65535)
            return R.choice(["tcp sequence 1000", "tcp ackseq < 5000", "tcp doff 5-6", "tcp urgptr 0", "tcp sequence > 5", "tcp flags & (fin|syn|rst) != rst"])
        if flow.proto in (ICMP, ICMP6):
            pick = R.randrange(4)
            word = NAMES[flow.proto]
            if pick == 0:
                return word + " type " + R.choice(["echo-request", "{ echo-request, echo-reply }", "!= echo-reply"])
            if pick == 1:
                flow.ident = R.randrange(65536)
                return self.number(word + " id", flow.ident, 65535)
            if pick == 2:
                flow.sequence = R.randrange(65536)
                return self.number(word + " sequence", flow.sequence, 65535)
            return word + " code " + R.choice(["0", "!= 3", "< 2"])
        if flow.proto == UDP:
            return R.choice(["udp length %d-%d" % (8, 8 + 2 * flow.size + 8), "udp length != 7"])
        if flow.proto == SCTP:
            return R.choice(["sctp vtag 0", "sctp vtag < 9"])
        return self.ports(flow)

    def meta(self, l3, flow):
        R = self.R
        hook = flow.hook
        choices = ["meta pkttype host", "meta length > 20", "meta length < 3000", "meta mark %s" % ("0x6f72" if flow.side == LOCAL else "0"),
                   "meta mark != 99", "meta mark & 0x100 == 0"] if hook == "prerouting" else ["meta length 20-3000"]
        if self.family == "inet":
            choices += ["meta nfproto ipv%d" % l3, "meta protocol ip%s" % ("" if l3 == 4 else "6")]
        side = {IN: "in0", OUT: "out0"}
        if flow.side != LOCAL and hook != "postrouting":
            choices += ['iifname "%s"' % side[flow.side], 'iifname "%s*"' % side[flow.side][:2], 'iif "%s"' % side[flow.side],
                        'iifname != "lo"', 'iifname { "%s", "eth7" }' % side[flow.side]]
        if hook in ("forward", "postrouting") and flow.side != LOCAL:
            choices += ['oifname "%s"' % side[1 - flow.side], 'oifname != "eth*"', 'oif "%s"' % side[1 - flow.side]]
        if hook == "prerouting" and flow.side != LOCAL:
            choices += ["fib daddr type unicast", "fib saddr type != local", "fib daddr type { unicast, local }",
                        "fib saddr . iif oif exists" if flow.side == IN else "fib saddr . iif oif missing" if flow.dst in OWN[l3] and False else "fib saddr oif exists",
                        "fib saddr . iif oif != 0" if False else "fib saddr type unicast"]
        if hook == "input":
            choices += ["fib daddr type local", "fib daddr type != unicast"]
        return R.choice(choices)

    def tracking(self, l3, flow):
        R = self.R
        word = "ip" if l3 == 4 else "ip6"
        choices = ["ct state new", "ct state new,established", "ct state != invalid", "ct direction original", "ct mark 0", "ct mark != 5",
                   "ct status ! assured", "ct zone 0", "ct original packets < 9", "ct bytes < 100000", "ct packets < 40", "ct avgpkt < 2000",
                   "ct state { new, established, related }", "ct status != expected", "ct mark & 0xff == 0"]
        if self.family == "inet":
            choices += ["ct original protocol %s" % NAMES[flow.proto], "ct l3proto ipv%d" % l3, "ct original %s saddr %s" % (word, flow.src)]
        else:
            choices += ["ct original saddr %s" % flow.src, "ct original saddr %s" % self.prefix(flow.src)]
        if flow.length == "full" and flow.flags == SYN and not (flow.proto == TCP and flow.picked):
            choices += ["ct state established", "ct status seen-reply", "ct packets > 2", "ct status seen-reply,assured"] * 2
        if flow.length == "full" and flow.flags == SYN and not flow.picked:
            choices += ["ct state established", "ct state established ct expiration > 1s", "ct status seen-reply", "ct direction reply", "ct reply packets > 0", "ct state established,related",
                        "ct packets > 2", "ct reply bytes > 10", "ct status seen-reply,assured"] * 2
        if flow.proto in (TCP, UDP):
            choices += ["meta l4proto %s ct original proto-dst %d" % (NAMES[flow.proto], flow.dport)] if not self.nat else []
        return R.choice(choices)

    def stateful(self, l3, flow):
        R = self.R
        word = "ip" if l3 == 4 else "ip6"
        burst = R.randrange(1, 6)
        choices = ["limit rate 1/week burst %d packets" % burst, "limit rate over 1/week burst %d packets" % burst,
                   "limit rate 1 bytes/week burst %d bytes" % R.randrange(300, 900), "quota %d bytes" % R.randrange(200, 600),
                   "quota over %d bytes" % R.randrange(50, 150), "numgen inc mod 2 0", "numgen inc mod 3 < 2",
                   "jhash %s saddr mod 16 seed 0x%x < 15" % (word, R.randrange(1, 1 << 31)),
                   "jhash %s saddr . %s daddr mod 16 seed 0x%x != %d" % (word, word, R.randrange(1, 1 << 31), R.randrange(16))]
        flow.repeat = 3
        return R.choice(choices)

    # -- rules --

    def flow(self, hook, l3):
        R = self.R
        f = Flow(hook=hook, repeat=1, fixed_sport=False, picked=False)
        f.proto = R.choice([TCP, TCP, TCP, UDP, UDP, ICMP if l3 == 4 else ICMP6, SCTP, UDPLITE])
        f.src, f.dst, f.side = self.inside(l3), self.outside(l3), IN
        if hook != "output" and R.random() < 0.25:
            f.src, f.dst, f.side = f.dst, f.src, OUT
        if hook == "input":
            f.dst = R.choice(OWN[l3])
            if f.proto == TCP:
                f.length = "single"
        if hook == "output":
            f.src, f.side = R.choice(OWN[l3]), LOCAL
        f.dport = R.randrange(1, 2000)
        f.size = R.randrange(0, 60)
        f.length = R.choice(["full", "full", "short", "single"])
        if f.proto == SCTP:     # one packet says nothing of its states
            f.length = "single"
        return f

    @staticmethod
    def ends(action):
        return re.search(r"accept|drop|return|reject|goto|[sd]nat|masquerade|redirect", action) is not None

    def exactly(self, l3, f, translated):
        """A match that few other packets fit."""
        word = "ip" if l3 == 4 else "ip6"
        if translated or f.side == LOCAL and f.dst in OWN[l3]:
            if f.tos < 4:
                f.tos = self.R.randrange(1, 64) << 2
            return "%s dscp %d" % (word, f.tos >> 2)
        if f.dst in OWN[l3] or f.side != LOCAL and self.R.random() < 0.5:
            return "%s saddr %s" % (word, f.src)
        return "%s daddr %s" % (word, f.dst)

    def rule(self, chain, last=False):
        R = self.R
        l3 = self.l3()
        f = self.flow(chain["hook"], l3)
        early = chain["priority"] < -200
        translated = self.nat and chain["hook"] in ("forward", "postrouting", "input")
        broad = [lambda: self.header(l3, f), lambda: self.meta(l3, f)]
        if not early and not chain.get("nat"):
            broad.append(lambda: self.tracking(l3, f))
        narrow = [lambda: self.transport(l3, f)]
        if not translated:      # what is left of addresses and ports is not known
            narrow += [lambda: self.address(l3, "src", f), lambda: self.address(l3, "dst", f)]
            if f.proto in (TCP, UDP, SCTP, UDPLITE):
                narrow.append(lambda: self.ports(f))
            if f.proto in (TCP, UDP):
                narrow.append(lambda: self.concat(l3, f))
        if chain.get("nat"):
            f.length = "full"
        picked = [pick() for pick in R.sample(narrow, R.randrange(1, min(3, len(narrow) + 1)))] if R.random() < 0.8 else []
        f.picked = bool(picked)
        texts = picked + [pick() for pick in R.sample(broad, R.randrange(0 if picked else 1, 3))]
        R.shuffle(texts)
        if self.raws.random() < 0.2:
            texts.insert(self.raws.randrange(len(texts) + 1), self.raw(l3, f, translated))
        action = self.action(chain, l3, f, last)
        if action.startswith(("jump", "goto")):
            for target in chain["targets"]:
                target["used"] |= target["name"] == action.split()[1]
        if action.startswith("jump") and not last:     # what it leads to is to be reached
            texts = [t for t in texts[:1] if t.startswith(("meta length", "ct state new", "iif", "oif"))]
        elif self.ends(action):                        # what comes behind is to be reached
            texts.append(self.exactly(l3, f, translated))
        if R.random() < 0.2:
            texts.append(self.stateful(l3, f))
        if self.counted:
            texts.append("counter")
        texts.append(action)
        self.rules.append((chain, f))
        return " ".join(texts)

    def verdict(self, chain):
        R = self.R
        choice = ["accept", "accept", "continue", ""]
        if not chain.get("nat"):
            choice += ["drop"]
        if chain["name"].startswith("reg"):
            choice += ["return", "return"]
        return R.choice(choice)

    def action(self, chain, l3, f, last=False):
        R = self.R
        if chain.get("nat"):
            return self.translation(chain, l3, f)
        choices = [self.verdict(chain)] * 4 + ["log prefix \"x\" " + self.verdict(chain), "meta mark set 0x%x" % R.randrange(1, 200),
                   "meta mark set meta mark | 0x%x" % R.randrange(1, 200)]
        if chain["priority"] < -200:
            choices += ["notrack"] * 2 + ["ct zone set %d" % R.randrange(1, 9)]
        else:
            choices += ["ct mark set 0x%x" % R.randrange(1, 200), "ct mark set meta mark", "meta mark set ct mark"]
        if chain["hook"] in ("input", "forward", "output"):
            reject = ["reject", "reject", "reject with icmpx host-unreachable" if self.family == "inet" else "reject"]
            if f.proto == TCP:
                reject += ["reject with tcp reset"] * 2 if self.family != "inet" or True else []
            if l3 == 4:
                reject += ["reject with icmp " + R.choice(["host-prohibited", "admin-prohibited", "net-unreachable", "prot-unreachable"])]
            else:
                reject += ["reject with icmpv6 " + R.choice(["no-route", "admin-prohibited", "addr-unreachable"])]
            choices += [R.choice(reject)]
        if f.proto in (TCP, UDP):
            choices.append("%s dport vmap { %d : accept, %d-%d : continue }" % (NAMES[f.proto], f.dport, f.dport + 1, f.dport + 9))
            choices.append("meta mark set %s dport map { %d : 0x11, %d-%d : 0x22 }" % (NAMES[f.proto], f.dport, f.dport + 1, f.dport + 9))
        if chain["targets"]:
            target = R.choice(chain["targets"])
            choices += ["jump " + target["name"]] * 3
            if last:
                choices += ["goto " + target["name"]] * 2
        if f.proto == TCP and chain["hook"] in ("forward", "postrouting"):
            choices.append("tcp option maxseg size set %d" % R.randrange(500, 1500))
        word = "ip" if l3 == 4 else "ip6"
        if R.random() < 0.15:
            name = self.name("dyn")
            self.sets.append("set %s { type ipv%d_addr; flags dynamic; size 128; timeout 1h; }" % (name, l3))
            f.repeat = 2
            choices = ["add @%s { %s saddr }" % (name, word), "update @%s { %s saddr timeout 2m }" % (name, word),
                       "%s saddr @%s drop" % (word, name), "add @%s { %s daddr } %s saddr != @%s accept" % (name, word, word, name)]
        chosen = R.choice(choices)
        if self.raws.random() < 0.08 and f.dst not in OWN[l3] and f.side != LOCAL:
            return self.rewritten(l3, f)
        return self.field_set(l3) if self.fields.random() < 0.1 else chosen

    def rewritten(self, l3, f):
        """Addresses, ports and the like, written without tracking's knowledge."""
        R, word, name = self.raws, "ip" if l3 == 4 else "ip6", NAMES.get(f.proto)
        there = "198.51.100.%d" if l3 == 4 else "2001:db8::%x"
        choices = ["%s daddr set " % word + there % R.randrange(1, 30)] if f.side == IN else []
        if f.side == IN and f.hook == "postrouting":     # a refusal would go to who did not ask
            choices += ["%s saddr set " % word + there % R.randrange(100, 130)]
        if f.proto in (TCP, UDP, SCTP):     # of UDP-Lite nft forgets the checksum
            choices += ["%s dport set %d" % (name, R.randrange(1, 2000)), "%s sport set %d" % (name, R.randrange(20000, 30000))][:1 if self.nat else 2]
        if f.proto == TCP:
            choices += ["tcp window set %d" % R.randrange(65536), "tcp urgptr set 3", "reset tcp option timestamp", "reset tcp option sack-perm",
                        "tcp option maxseg size set %d" % R.randrange(500, 1500)]
        if f.proto == ICMP:
            choices += ["icmp id set %d" % R.randrange(65536)]
        if l3 == 4:
            choices += ["ip id set %d" % R.randrange(65536)]
        return R.choice(choices or ["continue"])

    def field_set(self, l3):
        R = self.fields
        if l3 == 4:
            return R.choice(["ip dscp set af%d1" % R.randrange(1, 5), "ip ecn set ect0", "ip ttl set %d" % R.randrange(60, 256)])
        return R.choice(["ip6 dscp set cs%d" % R.randrange(8), "ip6 ecn set ce", "ip6 hoplimit set %d" % R.randrange(60, 256),
                         "ip6 flowlabel set %d" % R.randrange(1 << 20)])

    def translation(self, chain, l3, f):
        R = self.R
        to = " ip6" if l3 == 6 and self.family == "inet" else " ip" if self.family == "inet" else ""
        port = f.proto in (TCP, UDP)
        if chain["hook"] in ("postrouting", "input"):
            source = OWN[l3][0] if R.random() < 0.5 else "192.0.2.200" if l3 == 4 else "2001:db8:77::1"
            choices = ["snat%s to %s" % (to, source)]
            if chain["hook"] == "postrouting":
                choices += ["masquerade", "masquerade"]
            if chain["hook"] == "postrouting" and f.side != OUT:
                choices.append("snat%s prefix to %s" % (to, "172.16.0.0/12" if l3 == 4 else "2001:db8:88::/48"))
            return R.choice(choices)
        target = "192.0.2.201" if l3 == 4 else "2001:db8:99::1"
        bracket = target if l3 == 4 else "[%s]" % target
        choices = ["dnat%s to %s" % (to, target)]
        proto = "meta l4proto %s " % NAMES[f.proto]
        if port:
            choices.append(proto + "dnat%s to %s:%d" % (to, bracket, R.randrange(1, 65535)))
            if chain["hook"] == "prerouting":
                choices += [proto + "redirect to :%d" % R.randrange(1, 65535), "redirect"]
            choices.append("dnat%s to %s dport map { %d : %s }" % (to, NAMES[f.proto], f.dport, target))
        return R.choice(choices)

    # -- chains --

    def hook_line(self, c):
        return "type %s hook %s priority %d; policy %s;" % (c.get("type", "filter"), c["hook"], c["priority"], c["policy"])

    def make(self):
        R = self.R
        hooks = R.sample(["forward", "forward", "prerouting", "postrouting", "input", "output"], R.randrange(1, 4))
        chains = []
        for hook in dict.fromkeys(hooks):
            priority = R.choice([0, 0, 0, -150, 10, 150])
            if hook in ("prerouting", "output") and R.random() < 0.3:
                priority = -300
            if hook == "postrouting" and R.random() < 0.3:
                priority = 310
            regular = [{"name": "reg%d%s" % (i, hook), "hook": hook, "priority": priority, "targets": [], "used": False} for i in range(R.randrange(3))]
            if len(regular) == 2 and R.random() < 0.5:
                regular[0]["targets"] = [regular[1]]
            chains += regular[::-1]
            chains.append({"name": "c" + hook, "hook": hook, "priority": priority, "base": True, "targets": regular[:1] or [],
                           # a policy that drops leaves nothing for later hooks
                           "policy": R.choice(["accept", "drop"]) if hook == "postrouting" or hook in ("input", "forward", "output") and
                           "postrouting" not in hooks and not self.nat else "accept"})
        if self.nat:
            for hook in R.sample(["prerouting", "postrouting", "output"], R.randrange(1, 3)):
                chains.append({"name": "nat" + hook, "hook": hook, "priority": 100 if hook == "postrouting" else -100, "type": "nat", "base": True,
                               "nat": True, "targets": [], "policy": "accept"})
        bodies = {}
        for c in reversed(chains):      # base chains first: they say which others are used
            if not c.get("base") and not c.get("used"):
                continue
            bodies[c["name"]] = [self.rule(c, i == 0) for i in range(R.randrange(2, 7))][::-1]
        lines = ["table %s t {" % self.family] + self.sets
        for c in chains:
            if c["name"] in bodies:
                lines += ["chain %s {" % c["name"]] + ([self.hook_line(c)] if c.get("base") else []) + bodies[c["name"]] + ["}"]
        return "\n".join(lines + ["}"]) + "\n"

    def steps(self):
        """For every rule flows that fit it, some changed in one member, in a random order."""
        R = self.R
        flows = []
        for _, f in self.rules:
            for _ in range(4 + 2 * f.repeat):
                flows.append(Flow(**f.__dict__))
            for _ in range(1):
                near = Flow(**f.__dict__)
                change = R.randrange(6)
                if change == 0 and not near.fixed_sport and near.ident == 77:
                    near.src = (self.inside, self.outside, lambda _: near.src)[near.side](6 if ":" in near.src else 4)
                elif change == 1:
                    near.dport = R.randrange(1, 2000)
                elif change == 2:
                    near.ttl, near.tos = R.randrange(2, 256), R.randrange(256)
                elif change == 3 and near.proto != SCTP:
                    near.length = R.choice(["single", "full", "reset", "open"])
                elif change == 4 and near.proto in (TCP, UDP):
                    near.proto = TCP + UDP - near.proto
                else:
                    near.size = R.randrange(200)
                flows.append(near)
        R.shuffle(flows)
        steps = Steps()
        for f in flows:
            if not f.fixed_sport or R.random() < 0.2:
                self.sport += 1
                f.sport = self.sport
                if f.proto in (ICMP, ICMP6) and f.ident == 77:
                    f.ident = self.sport
            else:
                f.size += 1
            steps.play(f)
            if R.random() < 0.05 and f.length != "reset":
                steps.error(*((3, 1) if ":" not in f.src else (1, 4)))
        return steps


# ---- written by hand ----

def told(text):
    """The flows that a file asks for."""
    steps, sport = Steps(), 30000
    names = {v: k for k, v in NAMES.items()}
    for what, line in re.findall(r"^# (flow|ftp|tftp): *(.*)$", text, re.M):
        given, count, after, mode = {"ftp": {"dport": 21}, "tftp": {"dport": 69, "proto": UDP}}.get(what, {}), 1, [], "port"
        for word in line.split():
            key, value = word.split("=", 1)
            if key == "n":
                count = int(value)
            elif key == "wait":
                steps.wait(int(value))
            elif key == "error":
                after.append(tuple(int(x) for x in value.split(",")))
            elif key == "proto":
                given[key] = names.get(value) or int(value)
            elif key == "side":
                given[key] = {"in": IN, "out": OUT, "local": LOCAL}[value]
            elif key == "flags":
                given[key] = sum(getattr(packets, x.upper()) for x in value.split(",") if x != "none")
            elif key == "mode":
                mode = value
            elif key in ("src", "dst", "length", "order", "tcpopts", "ipopts", "ext", "data"):
                given[key] = value
            else:
                given[key] = int(value, 0)
        for _ in range(count):
            sport += 1
            f = Flow(**given)
            if "sport" not in given:
                f.sport = sport
            if "ident" not in given:
                f.ident = sport
            if what == "ftp":
                steps.play_ftp(f, mode, sport + 20000)
                sport += 1      # that of a passive data connection
            elif what == "tftp":
                steps.play_tftp(f, sport + 20000)
            else:
                steps.play(f)
            for e in after:
                steps.error(*e)
    return steps


def main():
    out, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    for path in sys.argv[4:]:
        with open(path) as f:
            text = f.read()
        name = os.path.basename(path)[:-4]
        for there, here in re.findall(r"^# as: (\S+)=(\S+)$", text, re.M):
            text = text.replace('"%s"' % there, '"%s"' % here)
        with open("%s/%s.nft" % (out, name), "w") as f:
            f.write(text)
        told(text).save("%s/%s.steps" % (out, name))
    for i in range(count):
        m = Maker(seed * 100000 + i)
        text = m.make()
        name = "random-%05d" % i
        with open("%s/%s.nft" % (out, name), "w") as f:
            f.write("# seed %d, number %d\n" % (seed, i) + text)
        m.steps().save("%s/%s.steps" % (out, name))


main()
