#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The control socket of a running gateway: list, events, flush, stats, helpers, reload, explain; who
may ask, who is slow, and what a killed gateway leaves. The drawing is in lib.py.
"""
import re
import stat

from lib import *

HOLD = """
import socket, sys, time
made = []
for port in sys.argv[2:]:
    made.append(socket.create_connection((sys.argv[1], int(port)), timeout=5))
print('up', flush=True)
time.sleep(60)
"""


def held(net, server, *ports):
    child = net.client.spawn_python(HOLD, server, *ports, stdout=subprocess.PIPE)
    check(child.stdout.readline() == b"up\n", "connections are up")
    return child


def sinks(net, *ports):
    for port in ports:
        for server in (S4, S6):
            net.server.spawn_python(SINK, server, port)
        net.server.listening(port)


def listing():
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        sinks(net, 5001, 5002)
        held(net, S4, 5001, 5002)
        held(net, S6, 5001)
        net.client.run("ping", "-c", "1", S4)
        lines = net.ask("list").stdout.splitlines()
        check(len(lines) == 4, "four connections:\n" + "\n".join(lines))
        tcp = [l for l in lines if "dport=5001" in l and S4 in l]
        check(len(tcp) == 1 and re.fullmatch(
            r"tcp      6 \d+ ESTABLISHED src=10\.9\.0\.2 dst=192\.0\.2\.10 sport=(\d+) dport=5001 "
            r"packets=\d+ bytes=\d+ src=192\.0\.2\.10 dst=192\.0\.2\.1 sport=5001 dport=\1 "
            r"packets=\d+ bytes=\d+ \[(ASSURED|OFFLOAD)\] mark=0 use=1", tcp[0]), "as conntrack prints it: %s" % tcp)
        for words, n in ((["-p", "tcp"], 3), (["-p", "icmp"], 1), (["-f", "ipv6"], 1), (["-d", S4], 3),
                         (["-d", "192.0.2.0/24", "--dport", "5002"], 1), (["-s", "10.0.0.0/9"], 3),
                         (["-r", S6], 1), (["-q", OUT4], 3), (["--src-nat"], 4), (["--dst-nat"], 0),
                         (["--state", "ESTABLISHED"], 3), (["-u", "ASSURED"], 3), (["--sport", "1"], 0),
                         (["-m", "0"], 4), (["-m", "1"], 0), (["-p", "udp"], 0)):
            got = net.rows("list", *words)
            check(len(got) == n, "list %s: %d, not %d" % (words, len(got), n))
        row = net.rows("list", "--dport", "5002")[0]
        check(row["reply"]["dst"] == OUT4 and row["state"] == "ESTABLISHED" and "SRC_NAT" in row["status"], row)
        done = net.ask("list", "--nonsense", check=False)
        check(done.returncode == 1 and "--nonsense" in done.stderr, "a wrong option: " + done.stderr)
        check(net.stats()["connections"] == 4, "stats")
        net.stop_sluice()
        check(net.ask("list", check=False).returncode == 1, "nobody answers any more")
        check(not os.path.exists(net.dir + "/control.sock"), "the socket is gone")


def flushing():
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        sinks(net, 5001, 5002)
        held(net, S4, 5001, 5002)
        listener = net.listen("events", "-j")
        done = net.ask("flush", "--dport", "5001")
        check("1 flow entries" in done.stderr, done.stderr)
        check([r["orig"]["dport"] for r in net.rows("list")] == [5002], "the other one stays")
        wait_until(lambda: "DESTROY" in net.heard(listener), "the end is told")
        row = json.loads(net.heard(listener).splitlines()[-1])
        check(row["event"] == "DESTROY" and row["reason"].startswith("flushed"), row)
        net.ask("flush")
        check(net.rows("list") == [], "all are gone")
        net.stop_sluice()


def events_and_expectations():
    with Net() as net:
        net.sluice(rules=MASQUERADE + HELPER_FTP)
        vsftpd(net)
        with open(net.dir + "/ftp/file", "wb") as f:
            f.write(b"x" * 1000)
        text, rows = net.listen("events"), net.listen("events", "all", "-j")
        expects = net.listen("events", "expect")
        net.client.run("curl", "-sS", "--max-time", "10", "-P", "-", "-o", "/dev/null", "ftp://%s/file" % S4)
        wait_until(lambda: net.heard(text).count("[NEW]") == 2, "two connections")
        lines = net.heard(text).splitlines()
        check(re.match(r"    \[NEW\] tcp      6 120 SYN_SENT src=10\.9\.0\.2 dst=192\.0\.2\.10 sport=\d+ dport=21 "
                       r"\[UNREPLIED\] src=192\.0\.2\.10 dst=192\.0\.2\.1 sport=21 dport=\d+ helper=ftp$",
                       lines[0]), "as conntrack -E: " + lines[0])
        check(re.match(r" \[UPDATE\] tcp      6 60 SYN_RECV ", lines[1]), lines[1])
        wait_until(lambda: "[DESTROY]" in net.heard(expects), "the expectation was met")
        check(re.match(r"    \[NEW\] 300 proto=6 src=192\.0\.2\.10 dst=\d.* mask-src=255\.255\.255\.255 "
                       r".*master-src=10\.9\.0\.2 .*class=0 helper=ftp$", net.heard(expects).splitlines()[0]),
              "as conntrack -E expect: " + net.heard(expects))
        kinds = [json.loads(l)["event"] for l in net.heard(rows).splitlines()]
        check("EXPECT_NEW" in kinds and "EXPECT_DESTROY" in kinds, kinds)
        helpers = [h for h in net.rows("helpers") if h["helper"] == "ftp"]
        check(helpers and helpers[0]["match"][0]["port"] == 21 and helpers[0]["connections"] >= 1, helpers)
        net.stop_sluice()


def reloading():
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        sinks(net, 5001, 5002)
        held(net, S4, 5001)
        closed = net.file("closed.nft", MASQUERADE + """
            table inet filter { chain forward { type filter hook forward priority filter; policy drop;
                ct state established accept
                tcp dport 5001 log prefix "seen " accept
            } }""".replace("} }", "}\n}"))
        net.ask("reload", closed)
        check([r["orig"]["dport"] for r in net.rows("list")] == [5001], "connections stay")
        got = net.client.python(SEND, S4, 5001, 100).stdout
        check(OUT4 in got, "what is allowed")
        done = net.client.python(SEND.replace("timeout=20", "timeout=1"), S4, 5002, 100, check=False)
        check("timed out" in done.stderr, "what is not allowed: " + done.stderr)
        check(net.stats()["reasons"].get("policy-drop", 0) > 0, "the reason is counted")
        bad = net.file("bad.nft", "table inet t {\n chain c {\n  tcp dport 1 acept\n }\n}\n")
        done = net.ask("reload", bad, check=False)
        check(done.returncode == 1 and "bad.nft:3" in done.stderr, "a bad file is told: " + done.stderr)
        check(OUT4 in net.client.python(SEND, S4, 5001, 100).stdout, "and changes nothing")
        net.ask("reload")
        check(OUT4 in net.client.python(SEND, S4, 5002, 100).stdout, "the first file again")
        net.stop_sluice()


def explaining():
    with Net() as net:
        net.sluice(rules=MASQUERADE + """
            table inet filter { chain forward { type filter hook forward priority filter;
                tcp dport 5002 drop
            }
            }""")
        sinks(net, 5001, 5002)
        drops, flow = net.listen("explain"), net.listen("explain", "--all", "--dport", "5001")
        net.client.python(SEND.replace("timeout=20", "timeout=1"), S4, 5002, 100, check=False)
        net.client.python(SEND, S4, 5001, 100)
        wait_until(lambda: "policy-drop" in net.heard(drops), "why it was dropped")
        check("5001" not in net.heard(drops), "only what was dropped: " + net.heard(drops))
        check("verdict" in net.heard(flow) and "5002" not in net.heard(flow), net.heard(flow))
        net.stop_sluice()


def who_may_ask():
    with Net() as net:
        net.sluice("--masquerade", "--control-mode", "0600")
        mode = stat.S_IMODE(os.stat(net.dir + "/control.sock").st_mode)
        check(mode == 0o600, "mode %o" % mode)
        second = net.gateway.run(sluice_program(), "run", "--inside", "in0", "--control",
                                 net.dir + "/control.sock", check=False)
        check(second.returncode == 1 and "another sluice run" in second.stderr, second.stderr)
        check(net.client.run("ping", "-c", "1", S4).returncode == 0, "the first one goes on")
        net.stop_sluice(signal.SIGKILL)
        net.sluice("--masquerade")  # the dead one's socket is no obstacle
        check(net.rows("list") == [], "and answers")
        net.stop_sluice()


def slow_readers():
    """Who does not read is dropped; meanwhile packets flow and others are answered."""
    with Net() as net:
        net.sluice("--masquerade")
        net.server.spawn_python(ECHO, S4, 5002)
        net.server.listening(5002, "udp")
        slow = socket.socket(socket.AF_UNIX)
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(net.dir + "/control.sock")
        words = b"events\0-j\0"
        slow.sendall(len(words).to_bytes(4, "big") + words)
        wait_until(lambda: net.stats()["readers"] == 1, "the reader")
        flood = """
import socket, sys
for i in range(20000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b'x', (sys.argv[1], 5002))
    s.close()
"""
        net.client.python(flood, S4)
        wait_until(lambda: net.stats()["readers_dropped"] == 1, "the reader is dropped", 30)
        check(net.client.run("ping", "-c", "1", S4).returncode == 0, "packets flow")
        check(len(net.rows("list", "-p", "udp")) > 1000, "others are answered")
        slow.close()
        net.stop_sluice()


def metrics():
    with Net() as net:
        net.sluice("--masquerade", "--metrics", "9100")
        net.client.run("ping", "-c", "3", "-i", "0.2", S4)
        text = net.gateway.run("curl", "-sS", "http://127.0.0.1:9100/metrics").stdout
        values = dict(l.rsplit(" ", 1) for l in text.splitlines() if not l.startswith("#"))
        check(int(values["sluice_packets_total"]) >= 6, "packets: " + text)
        check(values["sluice_connections"] == "1", "connections: " + text)
        check('sluice_reasons_total{reason="tcp-seq-under"}' in values, "reasons are labels")
        check(int(values["sluice_connections_max"]) == 262144 and int(values["sluice_connections"]) >= 1, "how full it is")
        check("sluice_uptime_seconds" in values and 'sluice_build_info{version=' in text, "units, and the version")
        for name in values:  # each has its words
            name = name.split("{")[0]
            check(text.count("# HELP %s " % name) == 1 and text.count("# TYPE %s " % name) == 1, "words for " + name)
        if find_program("promtool"):
            lint = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            check(lint.returncode == 0 and not lint.stdout, lint.stdout)
        for more, answer in ((["-X", "POST"], "405"), ([], "200"), (["-I"], "200")):
            got = net.gateway.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *more, "http://127.0.0.1:9100/metrics")
            check(got.stdout == answer, "%s: %s" % (more, got.stdout))
        check(int(values['sluice_verdicts_total{verdict="accepted"}']) >= 6, "verdicts")
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "ping")
    main(listing, flushing, events_and_expectations, reloading, explaining, who_may_ask, slow_readers, metrics)
