#!/usr/bin/env python3
"""Random rules through nft and through sluice: both must read them, or neither.

What sluice reads it must also print so that reading that again prints the same. Differences in
what is printed are shown, and are no failure: nft's order of some elements follows the kernel's.

usage: random_rules.py SLUICE SEED COUNT   (as root: it makes a network namespace of its own)
"""
import os
import random
import subprocess
import sys
import tempfile

if len(sys.argv) == 4:
    try:
        probe = subprocess.run(["unshare", "-n", "nft", "list", "ruleset"], capture_output=True)
        able = probe.returncode == 0
    except OSError:
        able = False
    if not able:
        print("SKIP random rules: they need root, nft and nf_tables")
        sys.exit(77)
    os.execvp("unshare", ["unshare", "-n", sys.executable] + sys.argv + ["inside"])

sluice, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
R = random.Random(seed)


def ip():
    return "10.%d.%d.%d" % (R.randrange(4), R.randrange(4), R.randrange(256))


def ip6():
    return "fd00::%x" % R.randrange(65536)


def port():
    return str(R.randrange(1, 2000))


def prefix():
    return "%s/%d" % (ip(), R.randrange(1, 33))


def interval(make):
    a, b = sorted([make(), make()], key=lambda x: [int(y) for y in x.split(".")])
    return a if a == b else a + "-" + b


def one(kind):
    if kind == "ip":
        return R.choice([ip, prefix, lambda: interval(ip)])()
    if kind == "port":
        return R.choice([port, lambda: interval(port)])()
    return R.choice([ip6, lambda: "%s/%d" % (ip6(), R.randrange(1, 129))])()


def several(make):
    return "{ %s }" % ", ".join(sorted({make() for _ in range(R.randrange(2, 5))}))


def match():
    no = R.choice(["", "", "!= "])
    pairs = "%s . %s, %s . %s" % (ip(), port(), ip(), port())
    return R.choice([
        "ip saddr " + no + one("ip"), "ip daddr " + no + several(ip),
        R.choice(["tcp", "udp"]) + " dport " + no + one("port"), "tcp sport " + no + several(port),
        "ct state " + no + R.choice(["new", "established,related", "invalid", "new,untracked"]),
        "iifname " + no + R.choice(['"eth0"', '"wlan*"', '{ "a", "b" }']),
        "meta mark " + R.choice(["5", "0x10-0x20", "and 0xff == 0x3", "!= 7"]),
        "tcp flags " + R.choice(["syn", "syn,ack", "syn / syn,ack", "! rst", "!= syn", "== ack",
                                 "& (fin|syn|rst|ack) == syn"]),
        "ip ttl " + R.choice(["< 5", "> 3", "64", "1-4", "!= 3"]),
        "ip dscp " + no + R.choice(["cs1", "ef", "0x3f", "af41"]), "ip6 saddr " + no + one("ip6"),
        "icmp type " + no + R.choice(["echo-request", "{ echo-request, echo-reply }", "5"]),
        "icmpv6 type " + no + R.choice(["echo-request", "nd-redirect", "{ 1, 2 }"]),
        "meta l4proto " + no + R.choice(["tcp", "udp", "132", "gre"]),
        "meta length " + R.choice(["> 100", "100-200", "!= 40"]),
        "ct status " + R.choice(["dnat", "snat,dnat", "! assured", "assured"]),
        "ct mark " + R.choice(["1", "!= 2", "& 0xf == 1", "| 0x1 == 3"]),
        "ct %s %s" % (R.choice(["original", "reply"]),
                      R.choice(["ip saddr " + ip(), "proto-dst " + port(), "packets > 5", "bytes 100-200"])),
        "ip saddr . tcp dport { %s }" % pairs,
        "limit rate " + R.choice(["5/second", "over 10/minute", "1 mbytes/second",
                                  "7/hour burst 10 packets", "300 bytes/second burst 100 bytes"]),
        "ip protocol " + no + R.choice(["tcp", "udp", "icmp"]),
        "meta nfproto " + R.choice(["ipv4", "ipv6"]),
    ])


def action():
    return R.choice([
        "accept", "drop", "return", "counter", 'log prefix "x: " accept', "jump other", "goto other",
        "reject", "reject with tcp reset", "reject with icmp host-unreachable", "meta mark set 5",
        "ct mark set meta mark", "notrack", "quota 5 kbytes drop", "",
        "tcp dport vmap { %s : accept, %d : drop }" % (port(), 2000 + R.randrange(9))])


def run(*command):
    return subprocess.run(command, capture_output=True, text=True)


failed = differ = 0
with tempfile.TemporaryDirectory() as work:
    path, back = work + "/rules.nft", work + "/back.nft"
    for i in range(count):
        rule = " ".join(match() for _ in range(R.randrange(1, 4))) + " " + action()
        with open(path, "w") as f:
            f.write("table %s t {\n chain other {\n counter\n }\n chain c {\n"
                    " type filter hook input priority 0\n %s\n }\n}\n" % (R.choice(["ip", "inet"]), rule))
        nft = run("sh", "-c", "nft -f %s && nft list ruleset; s=$?; nft flush ruleset; exit $s" % path)
        ours = run(sluice, "check", "-p", path)
        if (nft.returncode == 0) != (ours.returncode == 0):
            failed += 1
            print("FAIL %s\n%s%s" % (rule, nft.stderr, ours.stderr))
            continue
        if ours.returncode:
            continue
        with open(back, "w") as f:
            f.write(ours.stdout)
        again = run(sluice, "check", "-p", back)
        if again.stdout != ours.stdout:
            failed += 1
            print("FAIL printed differently the second time: %s\n%s" % (rule, again.stderr))
        differ += nft.stdout.split() != ours.stdout.split()
print("seed %d: %d rulesets, %d failures, %d printed otherwise than by nft" % (seed, count, failed, differ))
sys.exit(failed > 0)
