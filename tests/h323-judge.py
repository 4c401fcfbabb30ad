#!/usr/bin/python3
"""Is what the gateway makes of H.323's messages still H.323, and does it say the right addresses? tshark judges.

    h323-judge.py SLUICE CAPTURES

The captures h323 and h323-6 (by hand: CAPTURES/h323.py) are replayed behind source NAT and through destination NAT. What
left on either side is read by tshark, which has tables of its own: every message must be well-formed,
there must be as many as in the capture, and each address in them must be the one that was there, or
what it is translated to, where the ports are those that were expected. Also: the tables' messages
(tests/helpers/h323_messages.h) are what the encoder writes.
"""
import os
import shutil
import subprocess
import sys
import tempfile

FIELDS = ["frame.number", "ip.src", "ipv6.src", "_ws.malformed", "h225.ipV4", "h225.ipV4_port", "h225.ipV6", "h225.ipV6_port",
          "h245.ip4_network", "h245.ip6_network", "h245.tsapIdentifier", "_ws.col.Info"]
HOSTS = {"h323": ("10.0.0.2", "198.51.100.7", "203.0.113.1"),
         "h323-6": ("2001:db8:1::2", "2001:db8:2::7", "2001:db8:ffff::1")}
INSIDE = ["-D", "SERVER4=198.51.100.7", "-D", "SERVER6=2001:db8:2::7", "--inside", "198.51.100.0/24", "--inside", "2001:db8:2::/64"]
# Not translated: no address of the sender's, or of a call that is only reported (perCallInfo).
LEFT_ALONE = ("registration", "infoRequestResponse")


def told(capture):
    """(source, addresses, info) of each message of H.225.0 and H.245, in order."""
    run = subprocess.run(["tshark", "-n", "-r", capture, "-T", "fields", "-E", "separator=|"] +
                         [w for f in FIELDS for w in ("-e", f)] + ["-Y", "h225 or h245"],
                         capture_output=True, text=True)
    if run.returncode:
        sys.exit("tshark: " + run.stderr[:300])
    out = []
    for line in run.stdout.splitlines():
        f = dict(zip(FIELDS, line.split("|")))
        if f["_ws.malformed"]:
            out.append((None, None, "malformed: " + line))
            continue
        addresses = [a for name in ("h225.ipV4", "h225.ipV6", "h245.ip4_network", "h245.ip6_network")
                     for a in f[name].split(",") if a]
        ports = [p for name in ("h225.ipV4_port", "h225.ipV6_port", "h245.tsapIdentifier")
                 for p in f[name].split(",") if p]
        out.append((f["ip.src"] or f["ipv6.src"], list(zip(addresses, ports)), f["_ws.col.Info"]))
    return out


def replay(sluice, capture, folder, options):
    subprocess.run([sluice, "replay", "-q", "--time", "none", "--set", "h323_callforward_filter=0", "-o", folder] +
                   options + [capture], check=True, capture_output=True)


def both(folder):
    """What left on either side, in one capture: the ports of H.245 are told in one and used in the other."""
    out = os.path.join(folder, "both.pcap")
    sides = [os.path.join(folder, side + ".pcap") for side in ("in0", "out0")]
    subprocess.run(["mergecap", "-F", "pcap", "-w", out] + sides, check=True, capture_output=True)
    return told(out)


def judge(what, before, after, own, public):
    """after: as `before`, with `public` for `own` where the sender is `own`."""
    wrong = []
    before = [m for m in before if m[0] is None or m[0] == own]
    after = [m for m in after if m[0] is None or m[0] == public]
    if len(before) != len(after):
        return ["%s: %d messages became %d" % (what, len(before), len(after))]
    changed = 0
    for (_, was, info), (_, now, text) in zip(before, after):
        if text.startswith("malformed"):
            if not info.startswith("malformed"):
                wrong.append("%s: %s" % (what, text))
            continue
        for (a, p), (b, q) in zip(was, now):
            good = b == a or (a == own and b == public) or ("facility" in info and b == public)    # forwarded
            good = good and (p == q or (a == own and "setup" in info))     # sourceCallSignalAddress
            if not good or len(was) != len(now) or info != text:
                wrong.append("%s: %s: %s:%s became %s:%s" % (what, info, a, p, b, q))
            changed += b != a
            if b == own and own != public and not any(w in info for w in LEFT_ALONE) and 1024 <= int(p):
                wrong.append("%s: %s: %s:%s is told outside" % (what, info, b, q))
    if changed < 5:
        wrong.append("%s: only %d addresses changed" % (what, changed))
    return wrong


def main():
    sluice, captures = sys.argv[1:]
    wrong = []
    made = subprocess.run([sys.executable, "-B", os.path.join(captures, "h323.py"), "--c"], capture_output=True,
                          text=True, check=True).stdout
    with open(os.path.join(captures, "..", "helpers", "h323_messages.h")) as f:
        if f.read() != made:
            wrong.append("tests/helpers/h323_messages.h is not what tests/captures/h323.py --c writes")
    if not shutil.which("tshark") or not shutil.which("mergecap"):
        print("\n".join(wrong) or "skipped: there is no tshark")
        return 1 if wrong else 77
    with tempfile.TemporaryDirectory() as folder:
        rules = os.path.join(captures, "..", "kernel", "dnat.nft")
        for name, (client, server, public) in HOSTS.items():
            capture = os.path.join(captures, name + ".pcap")
            before = told(capture)
            good = sum(1 for m in before if m[0])
            if good < 50 or good < len(before) - 2:
                wrong.append("%s: tshark understands only %d of %d" % (name, good, len(before)))
            out = os.path.join(folder, name + "-snat")
            replay(sluice, capture, out, ["--masquerade"])
            wrong += judge(name + ", source NAT", before, both(out), client, public)
            out = os.path.join(folder, name + "-dnat")
            replay(sluice, capture, out, ["-r", rules] + INSIDE)
            wrong += judge(name + ", destination NAT", before, both(out), server, public)
    print("\n".join(wrong) if wrong else "what left is H.323, with the addresses that must be there")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
