#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Captures through one engine and through three and five, which must give the same: shards.py SLUICE CAPTURES.

The ports that NAT chose may differ: a shard gives out its own slices. About 20 seconds.

tests/captures: with source NAT, without, and by a ruleset with destination NAT and hairpin."""
import json
import os
import re
import subprocess
import sys
import tempfile

RULES = """
table inet t {
	chain d {
		type nat hook prerouting priority dstnat; policy accept;
		ip daddr 203.0.113.1 tcp dport { 21, 80 } dnat ip to 10.0.0.2
	}
	chain s {
		type nat hook postrouting priority srcnat; policy accept;
		oifname "out0" masquerade
	}
}
"""
PUBLIC = ("203.0.113.1", "2001:db8:ffff::1")


def endpoint(t):
    """A port that NAT chose is any port; so is an ICMP id, and a call id."""
    for end, port in (("src", "sport"), ("dst", "dport"), ("src", "srckey"), ("dst", "dstkey")):
        if t.get(end) in PUBLIC and isinstance(t.get(port), int) and t[port] not in (21, 80):
            t[port] = "any"
    if "id" in t and (t.get("dst") in PUBLIC or t.get("src") in PUBLIC):
        t["id"] = "any"


def text(s):
    """The same; what the payload says of it may be shorter or longer, which moves what follows."""
    if not any(a in s for a in PUBLIC):
        return s
    s = re.sub(r"(203\.0\.113\.1|\[2001:db8:ffff::1\]):(?!(?:21|80)\b)\d+", r"\1:any", s)
    return re.sub(r"(seq|ack|len) \d+", r"\1", s)


def clean(value):
    if isinstance(value, dict):
        endpoint(value)
        if value.get("beyond") == "transport-address":    # H.323: so it is where the port is another one
            del value["beyond"]
        return {k: clean(v) for k, v in value.items()}
    if isinstance(value, list):
        return [clean(v) for v in value]
    return text(value) if isinstance(value, str) else value


def flows(folder):
    """Everything that is said of each flow and expectation, in order."""
    out = []
    for line in open(os.path.join(folder, "events.jsonl")):
        out.append(json.loads(line))
    return out


def packets(folder):
    return [json.loads(line) for line in open(os.path.join(folder, "packets.jsonl"))]


def compare(what, one, many):
    for name, rows in (("packet", (packets(one), packets(many))), ("event", (flows(one), flows(many)))):
        if len(rows[0]) != len(rows[1]):
            return "%s: %d %ss and %d" % (what, len(rows[0]), name, len(rows[1]))
        for a, b in zip(*rows):
            for row in (a, b):
                row.pop("payload_changed", None)
                if row.get("what", "").endswith("fragment"): # which of them is the last one may differ
                    row.pop("ct")
            a, b = clean(a), clean(b)
            if a != b:
                return "%s: %s differs\none:  %s\nmany: %s" % (what, name, json.dumps(a), json.dumps(b))
    return None


def run(sluice, capture, out, shards, more):
    subprocess.run([sluice, "replay", capture, "-q", "-o", out, "--shards", str(shards)] + more,
                   check=True, stdout=subprocess.DEVNULL)


def main():
    sluice, folder = sys.argv[1:3]
    captures = sorted(f for f in os.listdir(folder) if f.endswith((".pcap", ".pcapng")))
    bad = 0
    with tempfile.TemporaryDirectory() as tmp:
        rules = os.path.join(tmp, "rules.nft")
        with open(rules, "w") as f:
            f.write(RULES)
        for name in captures:
            capture = os.path.join(folder, name)
            ways = [("tracked", []), ("masqueraded", ["--masquerade"]), ("by rules", ["-r", rules])]
            if name in ("fragments.pcap", "traceroute.pcap"):   # the far side of a replay cannot translate their ports
                ways = ways[:1]
            for how, more in ways:
                if name == "ftp-port2121.pcap":
                    more = more + ["--helper", "ftp=2121"]
                if name.startswith("sip-"):
                    more = more + ["--helper", "sip"]
                run(sluice, capture, os.path.join(tmp, "1"), 1, more)
                for shards in (3, 5):
                    run(sluice, capture, os.path.join(tmp, "n"), shards, more)
                    why = compare("%s, %s, %d shards" % (name, how, shards), os.path.join(tmp, "1"),
                                  os.path.join(tmp, "n"))
                    if why:
                        bad += 1
                        print(why)
    print("%d captures, %d differ" % (len(captures), bad))
    sys.exit(bad != 0 or len(captures) < 10)


main()
