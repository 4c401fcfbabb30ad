#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""`sluice replay` from outside: its files, its exit status, the far side, and an FTP command
that comes in two segments, cut at every byte.

replay.py SLUICE CAPTURES FOO.so"""
import json
import os
import struct
import subprocess
import sys
import tempfile

SLUICE, CAPTURES, FOO = sys.argv[1:4]
DEMO = os.path.join(CAPTURES, "ftp-demo.pcapng")
CLIENT, SERVER, PUBLIC = "10.0.0.2", "198.51.100.7", "203.0.113.1"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
failures = 0


def check(ok, what):
    global failures
    if not ok:
        failures += 1
        print("FAILED: " + what)


def sluice(*args, stdin=None):
    return subprocess.run([SLUICE] + list(args), input=stdin, capture_output=True, timeout=60)


def replay(capture, *args):
    """Run it with -o; (result, {file: rows})."""
    with tempfile.TemporaryDirectory() as d:
        out = os.path.join(d, "a", "b")
        result = sluice("replay", "-q", "-o", out, *args, capture)
        rows = {}
        for name in ("events", "packets", "final"):
            with open(os.path.join(out, name + ".jsonl")) as f:
                rows[name] = [json.loads(line) for line in f]
        with open(os.path.join(out, "summary.json")) as f:
            rows["summary"] = json.load(f)
        for name in ("in0.pcap", "out0.pcap", "annotated.pcapng"):
            with open(os.path.join(out, name), "rb") as f:
                rows[name] = f.read()
        return result, rows


def totals(result):
    last = result.stdout.decode().strip().split("\n")[-1]
    return {k: int(v) for k, v in (w.split("=") for w in last.split())}


# ---- packets made here ------------------------------------------------------------------------

def checksum(data):
    data += b"\0" * (len(data) & 1)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def raw(text):
    return bytes(int(x) for x in text.split("."))


def ip(src, dst, proto, body):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0, raw(src), raw(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def tcp(src, sport, dst, dport, flags, seq, ack, body=b""):
    seg = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 65000, 0, 0) + body
    pseudo = raw(src) + raw(dst) + struct.pack(">HH", 6, len(seg))
    return ip(src, dst, 6, seg[:16] + struct.pack(">H", checksum(pseudo + seg)) + seg[18:])


def udp(src, sport, dst, dport, body):
    seg = struct.pack(">HHHH", sport, dport, 8 + len(body), 0) + body
    return ip(src, dst, 17, seg)


def pcap(packets, step=1000):
    out = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 101)
    for i, p in enumerate(packets):
        out += struct.pack("<IIII", 1700000000, i * step, len(p), len(p)) + p
    return out


def read_pcap(data):
    at, out, order = 24, [], "<" if data[0] == 0x4D else ">"
    while at < len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        out.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return out


class Session:
    """A TCP connection as seen on the client's side of the gateway."""

    def __init__(self, sport=40000, dport=21):
        self.ends = (CLIENT, sport), (SERVER, dport)
        self.seq = [1000, 5000]
        self.packets = []
        self.send(0, b"", SYN)
        self.send(1, b"", SYN | ACK)
        self.send(0, b"", ACK)

    def send(self, side, body, flags=PSH | ACK):
        (src, sport), (dst, dport) = self.ends[side], self.ends[not side]
        ack = self.seq[not side] if flags & ACK else 0
        self.packets.append(tcp(src, sport, dst, dport, flags, self.seq[side], ack, body))
        self.seq[side] = self.seq[side] + len(body) + bool(flags & (SYN | FIN)) & 0xFFFFFFFF

    def ack(self, side):
        self.send(side, b"", ACK)


def stream(packets, dst):
    """The payload bytes that went to dst:port 21, by sequence number."""
    got = {}
    for p in packets:
        if p[9] != 6 or p[16:20] != raw(dst) or struct.unpack_from(">H", p, 22)[0] != 21:
            continue
        seq, body = struct.unpack_from(">I", p, 24)[0], p[20 + (p[32] >> 4) * 4:]
        for i, b in enumerate(body):
            got.setdefault(seq + i, b)
    return bytes(got[k] for k in sorted(got))


# ---- the tests --------------------------------------------------------------------------------

def test_demo():
    result, rows = replay(DEMO, "--masquerade")
    t = totals(result)
    check(result.returncode == 0, "the demo ends with 0")
    check(t["frames"] == t["forwarded"] == 216, "every frame of the demo is forwarded")
    check(t["expectations"] == t["expectations_met"] == 7, "each announced connection comes")
    check(t["payload_changed"] == 4, "two PORT forms and EPRT are rewritten")
    check(t["wrong_delivery"] == 0, "everything arrives as captured")
    check(all(rows["summary"][k] == v for k, v in t.items()), "summary.json has the same totals")
    ports = [p for p in read_pcap(rows["out0.pcap"]) if b"PORT " in p or b"EPRT " in p]
    check(len(ports) == 4, "the commands leave by out0")
    check(not any(b"10,1,0,2" in p or b"2001:db8:1::2" in p for p in ports),
          "no inside address in what leaves")
    met = [r for r in rows["events"] if r["event"] == "EXPECT_DESTROY"]
    check(all(r["reason"].startswith("met") for r in met), "expectations end by being met")
    related = [r for r in rows["packets"] if r["ct"] == "RELATED original"]
    check(len(related) == 7, "seven connections begin RELATED")
    check([r["flow"] for r in rows["final"]] == list(range(1, 13)), "the table is in order")


def test_again():
    """Same capture, same choices; and what is written can be read."""
    first, second = replay(DEMO, "--masquerade")[1], replay(DEMO, "--masquerade")[1]
    check(first == second, "a second run writes the same")
    with tempfile.NamedTemporaryFile(suffix=".pcapng") as f:
        f.write(first["annotated.pcapng"])
        f.flush()
        third = replay(f.name, "--masquerade")[1]
    check(third["events"] == first["events"], "annotated.pcapng replays as its original")
    with open(DEMO, "rb") as f:
        piped = sluice("replay", "-q", "-", stdin=f.read())
    check(totals(piped) == totals(sluice("replay", "-q", DEMO)), "a pipe is as good as a file")


def test_status():
    with open(DEMO, "rb") as f:
        cut = sluice("replay", "-q", "-", stdin=f.read(5000))
    check(cut.returncode == 2 and b"byte" in cut.stderr, "a capture cut short: 2, and where")
    check(totals(cut)["frames"] > 0, "what was read is kept")
    for bad in (["replay"], ["replay", "/nonexistent"], ["replay", os.path.abspath(__file__)],
                ["replay", "--set", "nf_conntrack_nonsense=1", DEMO],
                ["replay", "--set", "nf_conntrack_max", DEMO], ["replay", "--inside", "x", DEMO],
                ["replay", "--helper", "nobody", DEMO], ["replay", "--helper", "ftp=0", DEMO],
                ["replay", "--public", "1.2.3", DEMO], ["replay", "--time", "soon", DEMO],
                ["replay", "--limit", "-1", DEMO], ["replay", "--module", "/dev/null", DEMO],
                ["replay", "-o", "/dev/null/x", DEMO], ["nonsense"], []):
        result = sluice(*bad)
        check(result.returncode == 1 and result.stderr, "refused: " + " ".join(bad))
    check(totals(sluice("replay", "-q", "--limit", "10", DEMO))["frames"] == 10, "--limit")


def test_cut_everywhere():
    """PORT in two segments, the server acknowledging each: it leaves whole and translated."""
    command = b"PORT 10,0,0,2,200,10\r\n"
    wanted = b"PORT 203,0,113,1,200,10\r\nNOOP\r\n"
    for cut in range(1, len(command)):
        s = Session()
        for part in (command[:cut], command[cut:]):
            s.send(0, part)
            s.ack(1)
        s.send(1, b"200 fine\r\n")
        s.send(0, b"NOOP\r\n")
        s.send(1, b"200 fine\r\n")
        s.packets.append(tcp(SERVER, 20, CLIENT, 51210, SYN, 7000, 0))
        with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
            f.write(pcap(s.packets))
            f.flush()
            result, rows = replay(f.name, "--masquerade")
        out = stream(read_pcap(rows["out0.pcap"]), SERVER)
        check(out == wanted, "cut at %d: what the server reads is %r" % (cut, out))
        last = rows["packets"][-1]
        check(last["ct"] == "RELATED original", "cut at %d: the data connection is RELATED" % cut)
        wrong = [r["wrong_delivery"] for r in rows["packets"] if "wrong_delivery" in r]
        check(not wrong, "cut at %d: wrong delivery: %s" % (cut, wrong[:1]))
        changed = [r["payload_changed"] for r in rows["packets"] if "payload_changed" in r]
        check(len(changed) == 1 and changed[0][1] - changed[0][0] == 3,
              "cut at %d: payload_changed is %s" % (cut, changed))


def test_unasked():
    """What nobody asked for ends at the gateway, whose host answers it."""
    packets = [udp(CLIENT, 5000, SERVER, 53, b"question"), udp(SERVER, 53, CLIENT, 5000, b"answer"),
               tcp(SERVER, 9999, CLIENT, 80, SYN, 1, 0), udp(SERVER, 9999, CLIENT, 9, b"x")]
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(pcap(packets))
        f.flush()
        rows = replay(f.name, "--masquerade", "--inside", "10.0.0.0/8")[1]
        plain = replay(f.name, "--inside", "10.0.0.0/8")[1]
    verdicts = [r["verdict"] for r in rows["packets"]]
    check(verdicts == ["forwarded", "forwarded", "local", "local"], "verdicts: %s" % verdicts)
    check(rows["packets"][1]["sent_as"].endswith("> 203.0.113.1:5000"), "the answer is sent to NAT")
    check(" AR " in rows["packets"][2]["generated"][0], "a reset answers the SYN")
    check(rows["packets"][3]["generated"][0].startswith("icmp"), "an ICMP error answers UDP")
    check([r["event"] for r in rows["events"]][-3:] == ["NEW", "DESTROY", "NEW"],
          "the reset ends its connection")
    check(all(r["verdict"] == "forwarded" for r in plain["packets"]), "without NAT all pass")


def test_module():
    """FOO on port 111: built in it is attached on request only; as a module it is."""
    s = Session(dport=111)
    s.send(0, b"HERE 10.0.0.2 5010\r\n")
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(pcap(s.packets))
        f.flush()
        runs = {"": [], "--module": ["--module", FOO], "--helper": ["--helper", "foo"]}
        rows = {name: replay(f.name, "--masquerade", *args)[1] for name, args in runs.items()}
    expects = {name: [r["event"] for r in r["events"]].count("EXPECT_NEW") for name, r in rows.items()}
    check(expects == {"": 0, "--module": 1, "--helper": 1}, "foo: %s" % expects)
    check(rows["--module"]["events"] == rows["--helper"]["events"], "a module does the same")


def test_check_tells_all():
    """One run shows every mistake of a ruleset; all helpers that Linux has are there."""
    text = (b"table ip t {\n"
            b" ct helper h { type \"RAS\" protocol udp; }\n"
            b" chain c {\n  tcp dprt 22 accept\n  queue num 1\n  jump nowhere\n }\n"
            b" chain a { jump b; }\n chain b { jump a; }\n}\n")
    said = sluice("check", "/dev/stdin", stdin=text)
    places = [l.split(":")[1] + l.split(":")[3] for l in said.stderr.decode().splitlines() if l.startswith("/dev/stdin:")]
    check(said.returncode == 1 and sorted(places) == ["4 Error", "5 Error", "6 Error", "9 Error"],
          "all mistakes: %s" % places)


def test_help():
    """Each subcommand that `sluice help` names has a help of its own."""
    text = sluice("help").stdout.decode()
    names = [l.split()[0] for l in text.splitlines() if l.startswith("  ")]
    check("replay" in names and "check" in names, "help names the subcommands: %s" % names)
    for name in set(names) - {"help", "version"}:
        said = sluice("help", name)
        text = said.stdout.decode()
        check(text.startswith("usage: sluice ") and name in text.split("\n\n")[0], "help %s: %s" % (name, text[:60]))
        asked = sluice(name, "--nonsense", "--help")
        check((asked.returncode, asked.stdout) == (0, said.stdout), "%s ... --help says the same" % name)
    check(sluice("help", "nonsense").returncode == 1, "help for what is not there")
    said = sluice("help", "tunables").stdout.decode().split()
    check("120" == said[said.index("nf_conntrack_udp_timeout_stream") + 1], "tunables have their defaults")


def explained(packet, *args):
    """The words and sentences that `--explain PACKET` tells, in order."""
    lines = sluice("replay", "--explain", str(packet), *args).stdout.decode().splitlines()
    return [tuple(l.split(None, 1)) for l in lines if l.startswith("    ")]


def test_explain_steps():
    """What each step came to, and each rule that matched, by file and line."""
    rules = os.path.join(CAPTURES, "..", "rules", "home-router.nft")
    syn = explained(1, "-r", rules, DEMO)
    check([step for step, _ in syn][:10] ==
          ["lookup", "tcp", "helper", "rule", "rule", "rule", "route", "rule", "rule", "rule"], "a SYN: %s" % syn)
    check(syn[3][1].endswith(':25 inet filter helpers: tcp dport 21 ct helper set "ftp"'), syn[3][1])
    check(syn[4][1] == "inet filter helpers: policy accept", syn[4][1])
    check(("nat", "source of this connection: 10.1.0.2:38610 > 192.0.2.10:21 becomes "
           "203.0.113.1:38610 > 192.0.2.10:21") in syn, "the translation: %s" % syn)
    data = dict(explained(55, "-r", rules, DEMO))
    check(data["expect-met"] == "#2 FTP data, from PORT", data["expect-met"])
    check(data["rule"].endswith("invalid : drop } -> accept"), data["rule"])
    check(data["nat"].endswith("becomes 192.0.2.10:20 > 10.1.0.2:41277"), data["nat"])
    reply = dict(explained(51, "-r", rules, DEMO))
    check(reply["lookup"] == "reply direction of a connection that is known, answered, assured (connection 3)",
          reply["lookup"])


def test_explain_near_miss():
    """A data connection to the port beside the announced one: what differed."""
    s = Session()
    s.send(0, b"PORT 10,0,0,2,200,70\r\n")
    s.packets.append(tcp(SERVER, 20, CLIENT, 51271, SYN, 1, 0))
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(pcap(s.packets))
        f.flush()
        told = dict(explained(5, "--inside", "10.0.0.0/8", f.name))
    check(told.get("expect-miss") == "#1 FTP data, from PORT waits for 198.51.100.7:* > 10.0.0.2:51270: "
          "destination port differs", "the near miss: %s" % told)


def test_explain():
    text = sluice("replay", "--masquerade", "--explain", "50", DEMO).stdout.decode()
    check(text.startswith("packet 50") and text.count("packet ") == 1, "--explain 50: that packet")
    check("EXPECT_NEW" in text and "verdict" in text, "--explain tells events and the verdict")
    text = sluice("replay", "--masquerade", DEMO).stdout.decode()
    check("fulfils expectation 2 of connection 3" in text, "the account names who came")
    check("after  PORT 203,0,113,1" in text, "the account shows the payload")


for test in (test_demo, test_again, test_status, test_cut_everywhere, test_unasked, test_module,
             test_explain, test_explain_steps, test_explain_near_miss, test_help, test_check_tells_all):
    test()
print("%d failures" % failures)
sys.exit(failures != 0)
