#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Protocols of the first Unix hosts between real programs (programs.py): an answer names a port, or a server calls
back. Each is run without the helper too, when it must fail. The drawing is in lib.py. A test whose programs are not
installed says so and is left out.
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


if __name__ == "__main__":
    skip_unless_possible()
    main(rpc_inside, rpc_guarded)
