#!/usr/bin/python3
"""What a replay decided, as text with one line a decision, and the comparison of two such texts.

    decisions.py DIR                      print the decisions in DIR (events.jsonl, packets.jsonl, final.jsonl)
    decisions.py --test SLUICE CAPTURES   replay each capture as the files in track-only/, snat/ and dnat/ beside
                                          this script ask, and compare with what the Linux kernel decided
    decisions.py --record SLUICE-OR-KERNEL-OUTPUT-DIR NAME RULES [SERVER4=... SERVER6=... --inside=...]
                                          write RULES/NAME.txt from a folder that holds a run's output

The .txt files were recorded from Linux 6.18: the same captures, put through its connection tracking
and NAT in a network namespace, written in the same formats as `sluice replay -o` writes them. A capture
that CAPTURES does not hold lies in captures/ beside this script (made from seeds, for this test alone), or
is a scene of CAPTURES' generate.py. A first line "# NAME=VALUE --inside=PREFIX ..." has
the variables of the ruleset, and who is inside.

What is chance is taken out: flow numbers count by appearance, a port that was chosen because the
wanted one was taken is '*', and a timeout is the usual one that it is at most 5 s under.
Lines at packets where sluice says that it knowingly does otherwise (`beyond`) are left out on both sides.
"""
import difflib
import json
import os
import re
import subprocess
import sys
import tempfile

NUMBERS = {"esp": "50", "ah": "51", "igmp": "2"}     # what some name and others number
HERE = os.path.dirname(os.path.realpath(__file__))
RULES = {"track-only": [], "snat": ["--masquerade"], "dnat": ["-r", os.path.join(HERE, "dnat.nft")]}
# Options that a capture needs without a ruleset, by the beginning of its name; the longest first.
OPTIONS = {"h323": ["--set", "h323_callforward_filter=0"], "ftp-port2121": ["--helper", "ftp", "--helper", "ftp=2121"], "sip-": ["--helper", "sip"]}
USUAL = (3, 10, 30, 60, 120, 180, 210, 240, 300, 600, 3600, 432000)


def rows(folder, name):
    with open(os.path.join(folder, name + ".jsonl")) as f:
        return [json.loads(line) for line in f]


def timeout(seconds):
    return next((u for u in USUAL if -1 <= u - seconds <= 5), seconds)    # they run down while a run lasts


def chosen_ports(events):
    """(proto, address, port) of translated ends whose port could not be kept."""
    out = set()
    for e in events:
        if e["event"] == "NEW":
            for field in ("sport", "id"):
                there = "dport" if field == "sport" else "id"
                if field in e["orig"] and e["orig"][field] != e["reply"].get(there):
                    out.add((e["proto"], e["reply"]["dst"], e["reply"].get(there)))
        nat = e.get("nat", {}).get("tuple", {})
        if e["event"] == "EXPECT_NEW" and "dport" in e["tuple"] and nat.get("sport") not in (None, 0, e["tuple"]["dport"]):
            out.add((e["proto"], e["tuple"]["dst"], e["tuple"]["dport"]))
    return out


def tuple_text(proto, t, chosen):
    ends = []
    for addr, port in (("src", "sport"), ("dst", "dport")):
        value = t.get(port, t.get("id", t.get(port.replace("sport", "srckey").replace("dport", "dstkey"), "-")))
        ends.append("%s:%s" % (t.get(addr), "*" if (proto, t.get(addr), value) in chosen else value))
    return ">".join(ends) + ("/%s.%s" % (t["type"], t["code"]) if "type" in t else "")


def row_text(e, numbers, chosen):
    kind = "flow" if "flow" in e else "expect"
    if e.get("event") in ("NEW", "EXPECT_NEW"):
        numbers.pop((kind, e[kind]), None)
    number = numbers.setdefault((kind, e[kind]), len(numbers) + 1)
    words = [e.get("event", "FINAL"), "%s#%d" % (kind, number), NUMBERS.get(e["proto"], e["proto"])]
    if kind == "flow":
        words += [e.get("state", "-"), tuple_text(e["proto"], e["orig"], chosen), "|",
                  tuple_text(e["proto"], e["reply"], chosen), ",".join(sorted(e["status"]))]
        for name in ("counters_orig", "counters_reply"):
            if name in e:
                words.append("%(packets)d/%(bytes)d" % e[name])
    else:
        words += [tuple_text(e["proto"], e["tuple"], chosen), "mask", tuple_text(e["proto"], e["mask"], chosen),
                  "class=%s" % e.get("class", 0), "flags=%s" % ",".join(e.get("flags", []))]
    for name in ("helper",):
        if name in e:
            words.append("%s=%s" % (name, e[name]))
    if "master" in e:
        words.append("master=" + tuple_text(e["master"].get("proto"), e["master"], chosen))
    if "timeout" in e:
        words.append("t=%d" % timeout(e["timeout"]))
    return " ".join(words)


def decisions(folder):
    """(packet or None, line) of everything that was decided; and the packets marked beyond."""
    packets, events, final = (rows(folder, n) for n in ("packets", "events", "final"))
    chosen, numbers, out = chosen_ports(events), {}, []
    beyond = {r["packet"] for r in packets + events if r.get("beyond")}
    by_packet = {}
    for e in events:
        by_packet.setdefault(e["packet"], []).append(row_text(e, numbers, chosen))
    for p in packets:
        judged = p["verdict"] == "queued" and p.get("ct")      # it made a datagram whole, which went nowhere
        words = [str(p["packet"]), "dropped" if judged else p["verdict"], p.get("ct") or "-"]
        words += [n for n in ("altered", "wrong_delivery") if p.get(n)]
        if p.get("payload_changed"):
            words.append("payload %d>%d" % tuple(p["payload_changed"]))
        out.append((p["packet"], " ".join(words)))
        out += [(p["packet"], "%d   %s" % (p["packet"], text)) for text in by_packet.get(p["packet"], ())]
    ends = sorted((row_text(e, numbers, chosen), bool(e.get("beyond"))) for e in final)
    out += [(None, "end   " + text) for text, _ in ends]
    return out, beyond, {which(text) for text, other in ends if other}


def which(line):
    """What a row is about: its kind, protocol and first tuple. Its number counts what came before."""
    words = line.replace("end   ", "", 1).split()
    return words[1].split("#")[0], words[2], words[4] if words[1].startswith("flow") else words[3]


def plain(line):
    return re.sub(r"\b(flow|expect)#\d+", r"\1", line)


def lines(folder, without=()):
    return [text for packet, text in decisions(folder)[0] if packet not in without]


def comparable(lines, beyond, ends):
    """Without what is decided otherwise knowingly."""
    numbers = {str(n) for n in beyond}
    told = [plain(line) for line in lines if line.split(" ", 1)[0] not in numbers and not line.startswith("end ")]
    return told + sorted(plain(line) for line in lines if line.startswith("end ") and which(line) not in ends)


def begins_at(line, beyond):
    """Does the line tell of a connection or expectation that began at one of these packets?"""
    words = line.split()
    return len(words) > 2 and words[1] in ("NEW", "EXPECT_NEW") and words[0] in {str(n) for n in beyond}


def compare(sluice, capture, expected, options):
    """The differences as text, or None."""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run([sluice, "replay", "-q", "--time", "none", "-o", folder] + options + [capture],
                             capture_output=True, text=True)
        if run.returncode:
            return "sluice replay failed (%d): %s" % (run.returncode, run.stderr.strip())
        mine, beyond, ends = decisions(folder)
    with open(expected) as f:
        theirs = [line.rstrip("\n") for line in f if not line.startswith("#")]
    ends |= {which(line.split(None, 1)[1]) for line in theirs if begins_at(line, beyond)}
    mine = comparable([text for _, text in mine], beyond, ends)
    theirs = comparable(theirs, beyond, ends)
    diff = list(difflib.unified_diff(theirs, mine, "the kernel", "sluice", lineterm="", n=1))
    return "\n".join(diff[:40]) if diff else None


def variables(path):
    """What its first line says, as options: variables of the ruleset, prefixes inside."""
    with open(path) as f:
        first = f.readline()
    words = first[1:].split() if first.startswith("#") else []
    return [o for word in words for o in (word.split("=", 1) if word.startswith("--") else ("-D", word))]


def scenes(captures, names, folder):
    """Make those captures that are scenes of generate.py."""
    script = os.path.join(captures, "generate.py")
    subprocess.run([sys.executable, "-B", script, folder, "--only"] + sorted(names), check=True)


def test(sluice, captures):
    with tempfile.TemporaryDirectory() as made:
        return test_all(sluice, captures, made)


def test_all(sluice, captures, made):
    wrong = done = 0
    folders = (captures, os.path.join(HERE, "captures"), made)
    known = {os.path.splitext(name)[0] for folder in folders[:2] for name in os.listdir(folder)}
    asked = {name[:-len(".txt")] for rules in RULES for name in os.listdir(os.path.join(HERE, rules))}
    scenes(captures, asked - known, made)
    for rules, options in RULES.items():
        for name in sorted(os.listdir(os.path.join(HERE, rules))):
            stem = name[:-len(".txt")]
            capture = next(p for p in (os.path.join(d, stem + e) for d in folders
                                       for e in (".pcap", ".pcapng")) if os.path.exists(p))
            extra = variables(os.path.join(HERE, rules, name))
            if rules != "dnat":
                extra = next((o for begin, o in OPTIONS.items() if stem.startswith(begin)), [])
            difference = compare(sluice, capture, os.path.join(HERE, rules, name), options + extra)
            done += 1
            if difference:
                wrong += 1
                print("%s, %s:\n%s\n" % (stem, rules, difference))
    print("%d runs as the kernel decides, %d otherwise" % (done - wrong, wrong))
    return 1 if wrong or not done else 0


def main(argv):
    if len(argv) == 3 and argv[0] == "--test":
        return test(argv[1], argv[2])
    if len(argv) >= 4 and argv[0] == "--record":
        with open(os.path.join(HERE, argv[3], argv[2] + ".txt"), "w") as f:
            if argv[4:]:
                f.write("# " + " ".join(argv[4:]) + "\n")
            f.write("\n".join(lines(argv[1])) + "\n")
        return 0
    if len(argv) == 1 and not argv[0].startswith("-"):
        print("\n".join(lines(argv[0])))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
