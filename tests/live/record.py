#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
A run with --record, replayed: the same verdicts, the same bytes, packet by packet. The drawing is
in lib.py.
"""
from lib import *

RULES = MASQUERADE + HELPER_FTP + """
table inet filter {
    chain forward {
        type filter hook forward priority filter;
        iifname "out0" ct state new drop
        tcp dport 5009 log prefix "closed " drop
        fib daddr type local accept
        limit rate 1000/second accept
    }
}
"""


def replayed(net, *options, good=True):
    done = subprocess.run([sluice_program(), "replay", *options, net.dir + "/recording"],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    totals = dict(w.split("=") for w in done.stdout.splitlines()[-1].split()) if done.stdout else {}
    check((done.returncode == 0) == good, "replay: exit %d\n%s%s" % (done.returncode, done.stdout, done.stderr))
    check(totals["identical"] == ("yes" if good else "no"), "replay: " + done.stdout + done.stderr)
    return done.stdout, totals


def work(net):
    vsftpd(net)
    with open(net.dir + "/ftp/file", "wb") as f:
        f.write(os.urandom(100000))
    for mode in ([], ["-P", "-"]):
        net.client.run("curl", "-sS", "--max-time", "10", *mode, "-o", "/dev/null", "ftp://%s/file" % S4)
    net.server.spawn_python(SINK, S6, 5001)
    net.server.listening(5001)
    net.client.python(SEND, S6, 5001, 300000)
    net.client.python(SEND.replace("timeout=20", "timeout=1"), S4, 5009, 10, check=False)
    net.client.run("ping", "-c", "2", "-i", "0.2", S4)
    net.client.run("ping", "-c", "1", "-t", "1", S4, check=False)


def a_run():
    with Net() as net:
        net.sluice("--record", net.dir + "/recording", rules=RULES)
        work(net)
        net.ask("flush", "-p", "icmp")
        net.ask("reload", net.file("next.nft", MASQUERADE))
        net.gateway.ip("addr", "add", "192.0.2.3/24", "dev", "out0")
        net.gateway.ip("addr", "del", OUT4 + "/24", "dev", "out0")
        net.gateway.ip("addr", "replace", "192.0.2.3/24", "dev", "out0")
        net.client.run("ping", "-c", "1", S4)
        stats = net.stats()
        net.stop_sluice()
        text, totals = replayed(net, "-o", net.dir + "/out")
        check(int(totals["packets"]) >= stats["packets"] > 50, (totals, stats))
        with open(net.dir + "/out/events.jsonl") as f:
            rows = [json.loads(line) for line in f]
        check(any(r["event"] == "EXPECT_NEW" for r in rows), "expectations are told")
        check(any(r.get("reason", "").startswith("address-gone") for r in rows), "the address that went")
        check(any(r.get("reason", "").startswith("flushed") for r in rows), "what was flushed")
        text, totals = replayed(net, "--explain")
        check("policy-drop" in text and "ttl-exceeded" in text.lower(), "explained")


def without_rules():
    with Net() as net:
        net.sluice("--masquerade", "--record", net.dir + "/recording", "--helper", "ftp=2121")
        work(net)
        net.stop_sluice()
        replayed(net)


SHARED = """
table ip t {
    set knockers { type ipv4_addr; flags dynamic; }
    chain pre { type nat hook prerouting priority dstnat;
        iifname "in0" udp dport 8000 dnat to 192.0.2.10:5002
        iifname "out0" udp dport 7000 dnat to 10.9.0.25:5003
    }
    chain post { type nat hook postrouting priority srcnat;
        oifname "out0" ip saddr 10.9.0.0/24 snat to 192.0.2.77-192.0.2.79
    }
    chain forward { type filter hook forward priority filter;
        udp dport 6000 limit rate over 5/hour burst 5 packets drop
        udp dport 6001 add @knockers { ip daddr } drop
        udp dport 5002 ip daddr != @knockers counter accept
        tcp dport 5001 ct state new ct count over 1 reject with tcp reset
    }
}
"""


def several_engines():
    """Engines take turns; what one handed over and what they count together is as it was then."""
    clients = ["10.9.0.%d" % i for i in range(20, 40)]
    with Net() as net:
        for a in clients:
            net.client.ip("addr", "add", a + "/24", "dev", "c0")
        for i in (77, 78, 79):
            net.server.ip("route", "add", "192.0.2.%d" % i, "via", OUT4)
        net.sluice("--queues", "3", "--record", net.dir + "/recording", rules=SHARED)
        net.server.spawn_python(ECHO, S4, 5002)
        net.server.listening(5002, "udp")
        net.client.spawn_python(ECHO, "10.9.0.25", 5003)
        net.client.listening(5003, "udp")
        for port in (6000, 8000):
            net.client.python("""
import socket, sys
for source in sys.argv[2:]:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((source, 0))
    for i in range(3):
        s.sendto(b'x', (%r, int(sys.argv[1])))
        if int(sys.argv[1]) == 8000:
            s.settimeout(10)
            s.recv(100)
""" % S4, port, *clients)
        net.server.run("ping", "-c", "1", "-W", "1", OUT4)
        for _ in range(4):
            net.server.python(ASK, OUT4, 7000)
        check(net.stats()["reasons"].get("policy-drop") == 55, "one limit for all: %s" % net.stats()["reasons"])
        net.ask("flush", "-s", clients[3])
        net.ask("reload", net.file("next.nft", SHARED + "# again\n"))
        net.client.run("ping", "-c", "2", "-i", "0.2", "-s", "3000", S4)
        net.server.spawn_python(SINK, S4, 5001)
        net.server.listening(5001)
        refused = net.client.python("""
import socket, sys, time
held = []
def connect(source):
    try:
        held.append(socket.create_connection((%r, 5001), 5, source_address=(source, 0)))
        return True
    except ConnectionRefusedError:
        return False
got = [connect(a) for a in sys.argv[1:6]]
assert got == [True] + [False] * 4, got
held.pop().close()
while not connect(sys.argv[3]):
    time.sleep(0.1)
print(sum(got))
""" % S4, *clients)
        check(refused.stdout == "1\n", "one at a time: " + refused.stdout)
        stats = net.stats()
        check(stats["verdicts"]["handed_over"] > 0, stats["verdicts"])
        net.stop_sluice()
        text, totals = replayed(net, "-o", net.dir + "/out")
        check(totals["engines"] == "3" and int(totals["handed_over"]) >= stats["verdicts"]["handed_over"], text)
        text, totals = replayed(net, "--explain")
        check(all("engine       %d" % i in text for i in range(3)) and "limit rate over" in text, "explained")


def damaged():
    """A byte that is not what it was is found; a cut is no harm; a bound is kept."""
    with Net() as net:
        net.sluice("--masquerade", "--record", net.dir + "/recording", "--record-max", "200000")
        work(net)
        check("recording-full" in net.sluice_errors(), "it is told")
        net.stop_sluice()
        with open(net.dir + "/recording", "rb") as f:
            bytes_ = bytearray(f.read())
        check(len(bytes_) <= 200100, "%d bytes" % len(bytes_))
        replayed(net)
        at = bytes_.rindex(b"226 ") if b"226 " in bytes_ else len(bytes_) - 2000
        bytes_[at] ^= 1
        with open(net.dir + "/recording", "wb") as f:
            f.write(bytes_)
        replayed(net, good=False)


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "ping")
    main(a_run, without_rules, several_engines, damaged)
