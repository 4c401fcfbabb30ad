#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Protocols of the first Unix hosts between real programs (programs.py): an answer names a port, or a server calls
back. Each is run without the helper too, when it must fail. The drawing is in lib.py. A test whose programs are not
installed says so and is left out; with all of them about 20 seconds.
"""
from programs import *

GUARD = """
table inet guard {
    %s
    chain prerouting { type filter hook prerouting priority -150; %s }
    chain forward { type filter hook forward priority 0; policy drop;
        ct state established,related accept
        %s accept
        reject
    }
}
"""


def guard(helper, *ports):
    """A ruleset that lets through what is expected and connections to these ports ("tcp 111"), and translates nothing."""
    rules = ["%s dport %s" % tuple(p.split()) for p in ports]
    if not helper:
        return GUARD % ("", "", " accept\n        ".join(rules))
    return GUARD % ("".join('ct helper h-%s { type "%s" protocol %s; }\n    ' % (p.split()[0], helper, p.split()[0]) for p in ports),
                    " ".join('%s ct helper set "h-%s";' % (r, r.split()[0]) for r in rules),
                    " accept\n        ".join(rules))


# ---- RPC

def has_rpc():
    return needs("rpcbind", "rpcinfo", "rpc.rusersd", "rusers", "rpc.mountd", "showmount")


def rpc_inside():
    """The server inside, behind destination NAT of its portmapper alone: its programs' ports are told and led in."""
    if not has_rpc():
        return
    portmapper = dnat_inside("udp", 111) + dnat_inside("tcp", 111)
    for helpers in (["rpc udp 111", "rpc tcp 111"], []):
        with Net() as net:
            net.sluice(rules=firewall(*helpers) + portmapper)
            rpc_host(net, net.client)
            if not helpers:
                check(exports(net.server, OUT4) is None, "without the helper mountd is not reached")
                check(users(net.server, OUT4) is None, "without the helper rusersd is not reached")
            else:
                check(exports(net.server, OUT4) == ["/srv", "*"], "what mountd exports")
                check(users(net.server, OUT4) == ["alice"], "who is there")
                check(len(related(net, "tcp")) == 1 and len(related(net, "udp")) == 1, "a connection to each program")
            net.stop_sluice()


def rpc_guarded():
    """No NAT, IPv4 and IPv6: but for the portmapper only what it named is let through."""
    if not has_rpc():
        return
    for helper in ("rpc", None):
        with Net(routed=True) as net:
            net.sluice(rules=guard(helper, "tcp 111", "udp 111"))
            rpc_host(net, net.server)
            for host in (S4, S6):
                check(exports(net.client, host) == (["/srv", "*"] if helper else None), "what mountd exports at " + host)
            check(users(net.client, S4) == (["alice"] if helper else None), "who is there")
            net.stop_sluice()


# ---- rsh

def second_host(net):
    """Another host inside, 10.9.0.3."""
    ns = net.namespace("o")
    net.client.ip("link", "add", "link", "c0", "name", "o0", "netns", ns.name, "type", "macvlan", "mode", "bridge")
    ns.ip("addr", "add", "10.9.0.3/24", "dev", "o0")
    ns.ip("link", "set", "o0", "up")
    ns.ip("route", "add", "default", "via", G4)
    return ns


def rsh_calls_back():
    """From two hosts inside at a time: both have the same ports, so that one's become others, which must be privileged too."""
    if not needs("in.rshd", *RSH_CLIENTS):
        return
    said = ("to one\n", "to the other\n")
    command = "echo to one; echo to the other >&2"
    for helpers in (["rsh tcp 514"], []):
        with Net() as net:
            net.sluice(rules=firewall(*helpers))
            rshd(net, net.server, OUT4)
            if helpers:
                net.client.spawn("netkit-rsh", "-n", "-l", "nobody", S4, "sleep 100")
                wait_until(lambda: len(related(net, "tcp")) == 1, "the first host's")
                check(rsh(second_host(net), "netkit-rsh", S4, command) == said, "what the other host hears")
                first, second = ([row for row in related(net, "tcp") if row["reply"]["src"] == host][0] for host in (C4, "10.9.0.3"))
                check(first["reply"]["sport"] == second["reply"]["sport"], "both hosts have the same port")
                check(first["orig"]["dport"] != second["orig"]["dport"] and 512 <= second["orig"]["dport"] < 1024,
                      "the second one's is another privileged one outside: %s" % second)
            for client in RSH_CLIENTS:
                heard = rsh(net.client, client, S4, command)
                # rsh-redone's client has its standard error called back, and does not show it.
                check(heard in ((said, (said[0], "")) if client == "rsh-redone-rsh" else (said,)) if helpers else heard is None,
                      "what %s hears: %s" % (client, heard))
                if not helpers:
                    break
            net.stop_sluice()


# ---- talk

def talk_answers():
    """alice inside calls bob outside; he answers to the address that his talkd showed him."""
    if not needs("netkit-ntalk", "in.ntalkd", "setsid"):
        return
    for helpers in (["talk udp 518"], []):
        with Net() as net:
            net.sluice(rules=firewall(*helpers))
            alice = Talker(net, net.client, "alice", {"alicehost": C4, "bobhost": S4})
            bob = Talker(net, net.server, "bob", {"gate": OUT4, "bobhost": S4})
            alice.talk("bob@bobhost")
            wait_until(lambda: bob.shows("talk alice@" + OUT4), "the call at bob's terminal", 20)
            bob.talk("alice@" + OUT4)
            if helpers:
                wait_until(lambda: alice.shows("established") and bob.shows("established"), "both to be connected", 20)
                check(len(related(net, "tcp")) == 1, "bob's connection was expected")
                alice.say("xyzzy")
                wait_until(lambda: bob.shows("xyzzy"), "what alice says", 20)
            else:
                wait_until(lambda: net.stats()["reasons"].get("policy-drop", 0) > 1, "bob's question, twice, dropped", 20)
                check(not bob.shows("established") and not related(net, "udp"), "nobody may come")
            net.stop_sluice()


# ---- TNS: there is no free listener, so a few lines stand in for Oracle's

TNS_SERVER = """
import socket, sys, threading
def packet(kind, body):
    return (8 + len(body)).to_bytes(2, "big") + b"\\0\\0" + bytes((kind, 0, 0, 0)) + body
def serve(port, answer):
    s = socket.create_server((sys.argv[1], port))
    while True:
        k, _ = s.accept()
        if k.recv(4096)[4:5] == b"\\1":
            k.sendall(packet(*answer(s)))
        k.close()
def redirect(to):
    text = b"(ADDRESS=(PROTOCOL=tcp)(HOST=%s)(PORT=%d))" % (sys.argv[1].encode(), to)
    return lambda s: (5, len(text).to_bytes(2, "big") + text)
for port, answer in ((40002, lambda s: (2, b"welcome")), (40001, redirect(40002)), (1521, redirect(40001))):
    threading.Thread(target=serve, args=(port, answer)).start()
"""
TNS_CLIENT = """
import re, socket, sys
host, port, hops = sys.argv[1], 1521, []
while True:
    k = socket.create_connection((host, port), 2)
    k.sendall(b"\\0\\x16\\0\\0\\1\\0\\0\\0" + b"(DESCRIPTION=)")
    answer = k.makefile("rb").read()
    if int.from_bytes(answer[:2], "big") != len(answer) or answer[4] != 5:
        print(answer[8:].decode(), len(hops))
        break
    if int.from_bytes(answer[8:10], "big") != len(answer) - 10:
        sys.exit("a wrong length")
    host, port = re.search(r"HOST=(.*?)\\)\\(PORT=(.*?)\\)", answer.decode("latin-1")).groups()
    hops.append(port)
"""


def tns_redirects():
    """The listener inside, behind destination NAT of its port alone, redirects twice."""
    for helpers in (["tns tcp 1521"], []):
        with Net() as net:
            net.sluice(rules=firewall(*helpers) + dnat_inside("tcp", 1521))
            net.client.spawn_python(TNS_SERVER, C4)
            net.client.listening(1521)
            done = net.server.python(TNS_CLIENT, OUT4, check=False)
            check(done.stdout == ("welcome 2\n" if helpers else ""), "what the client hears: %s%s" % (done.stdout, done.stderr))
            net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible()
    main(rpc_inside, rpc_guarded, rsh_calls_back, talk_answers, tns_redirects)
