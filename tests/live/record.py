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
    main(a_run, without_rules, damaged)
