#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The fast path: which connections BPF forwards by itself, that the engine's word still counts at once,
and that what it forwards is right. The drawing is in lib.py.
"""
from lib import *

# argv: address, port, source port. A line on stdin: so many packets, each answered; prints how many were.
TALK = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(1)
s.bind(('', int(sys.argv[3])))
s.connect((sys.argv[1], int(sys.argv[2])))
for line in sys.stdin:
    n = 0
    for i in range(int(line)):
        s.send(b'x' * 100)
        try:
            s.recv(65536)
            n += 1
        except socket.timeout:
            pass
    print(n, flush=True)
"""


class Talk:
    def __init__(self, net, server, port=40000):
        self.child = net.client.spawn_python(TALK, server, 5002, port, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, n):
        self.child.stdin.write(b"%d\n" % n)
        self.child.stdin.flush()
        return int(self.child.stdout.readline())


def offloaded(net, *words):
    return [r for r in net.rows("list", *words) if "OFFLOAD" in r["status"]]


def talk_until_offloaded(net, server=S4):
    """A UDP stream is one when it is two seconds old."""
    talk = Talk(net, server, 40000 if server == S4 else 40002)
    wait_until(lambda: talk.say(2) == 2 and offloaded(net, "-p", "udp", "-d", server), "the connection is handed down")
    settled = lambda: engine_saw(net, lambda: talk.say(5)) == 0
    wait_until(settled, "its packets are no longer the engine's")
    return talk


def engine_saw(net, work):
    before = net.stats()["packets"]
    work()
    return net.stats()["packets"] - before


def echoes(net):
    for server in (S4, S6):
        net.server.spawn_python(ECHO, server, 5002)
    net.server.listening(5002, "udp")


def udp_both_families(*options):
    with Net() as net:
        net.sluice(*options, rules=None if options else MASQUERADE)
        echoes(net)
        for server in (S4, S6):
            talk = talk_until_offloaded(net, server)
            before, told = net.rows("list", "-p", "udp", "-d", server)[0], net.stats()
            check(engine_saw(net, lambda: check(talk.say(50) == 50, "answers")) == 0, "the engine sees none")
            after = net.rows("list", "-p", "udp", "-d", server)[0]
            for dir, length in (("counters_orig", 128 if server == S4 else 148), ):
                check(after[dir]["packets"] - before[dir]["packets"] == 50, (before, after))
                check(after[dir]["bytes"] - before[dir]["bytes"] == 50 * length, (before, after))
            wait_until(lambda: net.stats()["fast_packets"] >= told["fast_packets"] + 100, "stats know what BPF forwarded")
            check(net.stats()["fast_bytes"] >= told["fast_bytes"] + 100 * length, net.stats())
        net.stop_sluice()
        net.nothing_left()


def without_rules():
    """The built-in policy concerns new connections only."""
    udp_both_families("--masquerade")


def tcp_checksums_outside():
    for offload in (False, True):
        with Net(offload=offload) as net:
            net.sluice(rules=MASQUERADE)
            for server, seen in ((S4, OUT4), (S6, OUT6)):
                net.server.spawn_python(SINK, server, 5001)
                net.server.listening(5001)

                slow = SEND.replace("c.sendall(data)", "c.sendall(data[:1000]); import time; time.sleep(0.3); "
                                    "c.sendall(data[1000:])")
                got, n, peer, sent = net.client.python(slow, server, 5001, 3000000).stdout.split()
                check(got == sent and peer == seen, "data")
                if not offload:
                    wait_until(lambda: net.checksums[1].right > 1000, "frames with right checksums")
                    check(not net.checksums[1].wrong, "and none wrong")
                row = [r for r in net.rows("list", "-p", "tcp", "-d", server)][0]
                check(row["counters_orig"]["bytes"] > 3000000, row)
                check(row["state"] in ("TIME_WAIT", "CLOSE"), row)  # CLOSE: a late duplicate was answered by a reset
            check(net.stats()["packets"] < 1000, "most of it took the fast path: %d" % net.stats()["packets"])
            net.stop_sluice()


def rules_count_at_once():
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        echoes(net)
        talk = talk_until_offloaded(net)
        net.ask("reload", net.file("closed.nft", MASQUERADE + """
            table inet f { chain forward { type filter hook forward priority filter; udp dport 5002 drop
            }
            }"""))
        check(talk.say(1) == 0, "a new ruleset")
        net.ask("reload")
        check(talk.say(1) == 1, "the old one")
        talk_again = lambda: talk.say(5) == 5 and engine_saw(net, lambda: talk.say(5)) == 0
        wait_until(talk_again, "handed down again")
        net.ask("flush")
        check(engine_saw(net, lambda: talk.say(5)) > 0, "after a flush it is the engine's")
        net.stop_sluice()


def firewall():
    """A ruleset that lets through what is established hands it down, counted or not; a limit there keeps it."""
    rules = MASQUERADE + HELPER_FTP + """
        table inet f { chain forward { type filter hook forward priority filter; policy drop;
            ct state vmap { established : accept, related : accept, invalid : drop }
            iifname "in0" udp dport 5002 counter accept
        }
        }"""
    with Net() as net:
        net.sluice(rules=rules)
        echoes(net)
        talk = talk_until_offloaded(net)
        net.ask("reload", net.file("counted.nft", rules.replace("ct state vmap", "counter ct state vmap")))
        talk_again = lambda: talk.say(5) == 5 and engine_saw(net, lambda: talk.say(5)) == 0
        wait_until(talk_again, "handed down, and counted by what BPF counts")
        net.ask("reload", net.file("limited.nft", rules.replace(
            "ct state vmap", "limit rate over 100000/second drop\n ct state vmap")))
        check(engine_saw(net, lambda: check(talk.say(10) == 10, "answers")) == 20, "every packet is limited")
        check(not offloaded(net), "and none handed down")
        net.stop_sluice()


def addresses_and_death():
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        echoes(net)
        talk = talk_until_offloaded(net)
        explain = net.listen("explain", "--all", "-p", "udp")
        talk.say(1)
        wait_until(lambda: "verdict" in net.heard(explain), "who asks sees every packet")
        explain.terminate()
        wait_until(lambda: net.stats()["explainers"] == 0, "nobody asks any more")
        wait_until(lambda: engine_saw(net, lambda: talk.say(5)) == 0, "the fast path is in use again")
        net.gateway.ip("addr", "add", "192.0.2.3/24", "dev", "out0")
        net.gateway.ip("addr", "del", OUT4 + "/24", "dev", "out0")
        net.gateway.ip("addr", "replace", "192.0.2.3/24", "dev", "out0")
        wait_until(lambda: talk.say(1) == 1, "the next address")
        row = net.rows("list", "-p", "udp")[0]
        check(row["reply"]["dst"] == "192.0.2.3", row)
        wait_until(lambda: talk.say(5) == 5 and engine_saw(net, lambda: talk.say(5)) == 0, "handed down again")
        net.stop_sluice(signal.SIGKILL)
        wait_until(lambda: talk.say(1) == 0, "killed: nothing is forwarded")
        net.gateway.run(sluice_program(), "run", "--cleanup", "--inside", "in0", "--outside", "out0")
        net.nothing_left()


def timeouts_and_helpers():
    """What is forwarded below keeps its connection alive; what a helper watches is not handed down."""
    with Net() as net:
        net.sluice("--set", "nf_conntrack_udp_timeout_stream=3", rules=MASQUERADE)
        echoes(net)
        talk = talk_until_offloaded(net)
        flow = net.rows("list", "-p", "udp")[0]["flow"]
        for _ in range(10):
            time.sleep(0.5)
            check(talk.say(1) == 1, "an answer")
        rows = net.rows("list", "-p", "udp")
        check([r["flow"] for r in rows] == [flow], "the same connection, later than its timeout: %s" % rows)
        wait_until(lambda: net.rows("list", "-p", "udp") == [], "and it ends when nobody talks any more", 20)
        net.stop_sluice()
        net.sluice("--masquerade", "--fast-path", "0")
        check(Talk(net, S4, 40001).say(3) == 3 and not offloaded(net), "switched off")
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible()
    main(udp_both_families, without_rules, tcp_checksums_outside, rules_count_at_once, firewall, addresses_and_death, timeouts_and_helpers)
