#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The gateway is killed, hangs, is started again; interfaces and addresses go and come. The drawing
is in lib.py. The kernel's own forwarding is on, so that what is dropped is dropped by us.
"""
from lib import *


def ping(ns, address):
    return ns.run("ping", "-c", "1", "-W", "1", address, check=False).returncode == 0


def kernel_forwards(net):
    net.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
    net.gateway.run("sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")


def both(ns, *addresses):
    return all(ping(ns, a) for a in addresses)


def killed_closed():
    with Net(routed=True) as net:
        kernel_forwards(net)
        check(both(net.client, S4, S6), "the kernel forwards")
        net.sluice()
        check(both(net.client, S4, S6), "sluice forwards")
        net.stop_sluice(signal.SIGKILL)
        wait_until(lambda: both(net.client, G4, G6), "the gateway itself is reached")
        check(both(net.gateway, S4, S6, C4, C6), "and reaches others")
        check(not ping(net.client, S4) and not ping(net.client, S6), "nothing is forwarded")
        net.sluice()
        check(both(net.client, S4, S6), "a new run forwards")
        net.stop_sluice()
        net.nothing_left()
        check(both(net.client, S4, S6), "the kernel forwards again")


def killed_open():
    with Net(routed=True) as net:
        kernel_forwards(net)
        net.sluice("--on-exit", "open")
        net.stop_sluice(signal.SIGKILL)
        wait_until(lambda: both(net.client, S4, S6), "the kernel forwards")
        net.gateway.run(sluice_program(), "run", "--cleanup", "--inside", "in0", "--outside", "out0")
        net.nothing_left()


def hangs():
    with Net(routed=True) as net:
        kernel_forwards(net)
        child = net.sluice()
        os.kill(child.pid, signal.SIGSTOP)
        wait_until(lambda: both(net.client, G4, G6), "the gateway itself is reached")
        check(not ping(net.client, S4), "nothing is forwarded")
        os.kill(child.pid, signal.SIGCONT)
        wait_until(lambda: both(net.client, S4, S6), "it goes on")
        net.stop_sluice()
        net.nothing_left()


def one_for_an_interface():
    """A second gateway, or a --cleanup, does not take the interface of one that runs; of one that was killed it does."""
    with Net(routed=True) as net:
        net.sluice()
        for words, said in ((["--inside", "in0"], "end that one first"), (["--inside", "lo", "--outside", "out0"], "end that one first"),
                            (["--cleanup", "--inside", "in0"], "is running")):
            done = net.gateway.run(sluice_program(), "run", "--control", "none", *words, check=False)
            check(done.returncode == 1 and said in done.stderr and "device sluice0" in done.stderr,
                  "%s: %d %s" % (words, done.returncode, done.stderr))
        check(ping(net.client, S4), "the first goes on")
        check(net.gateway.ip("-o", "link").stdout.count("sluice@") > 0, "its device says so")
        net.stop_sluice(signal.SIGKILL)
        net.sluice()
        check(ping(net.client, S4), "the next start takes over what was killed")
        net.stop_sluice()


def foreign_filters_stay():
    """An operator's own clsact and filters are not touched."""
    with Net() as net:
        net.gateway.run("tc", "qdisc", "add", "dev", "in0", "clsact")
        net.gateway.run("tc", "filter", "add", "dev", "in0", "ingress", "pref", "10", "protocol", "ip",
                        "u32", "match", "ip", "dport", "9", "0xffff", "flowid", "1:1")
        net.sluice("--masquerade")
        check(ping(net.client, S4), "sluice forwards")
        net.stop_sluice(leaves_nothing=False)
        left = net.gateway.run("tc", "filter", "show", "dev", "in0", "ingress").stdout
        check("u32" in left and "bpf" not in left, "what is left: " + left)


def address_changes():
    with Net() as net:
        net.sluice("--masquerade")
        net.server.spawn_python(ECHO, S4, 5002)
        net.server.listening(5002, "udp")
        ask = ASK.replace("(1, 100, 1400, 4000)", "(1,)")
        check(net.client.python(ask, S4, 5002).stdout.strip() == OUT4, "the first address")
        net.gateway.ip("addr", "add", "192.0.2.3/24", "dev", "out0")
        net.gateway.ip("addr", "del", OUT4 + "/24", "dev", "out0")
        net.gateway.ip("addr", "replace", "192.0.2.3/24", "dev", "out0")
        check(net.client.python(ask, S4, 5002).stdout.strip() == "192.0.2.3", "the next address")
        net.stop_sluice()


def interface_comes_back():
    with Net() as net:
        net.sluice("--masquerade")
        check(ping(net.client, S4), "before")
        net.gateway.ip("link", "del", "out0")
        check(not ping(net.client, S4), "without the interface")
        net.link(net.gateway, "out0", net.server, "s0")
        net.address(net.gateway, "out0", OUT4 + "/24", OUT6 + "/64")
        net.address(net.server, "s0", S4 + "/24", S6 + "/64")
        wait_until(lambda: both(net.client, S4, S6), "the interface is used again")
        net.stop_sluice()
        net.nothing_left()


if __name__ == "__main__":
    skip_unless_possible("tc")
    main(killed_closed, killed_open, hangs, one_for_an_interface, foreign_filters_stay, address_changes, interface_comes_back)
