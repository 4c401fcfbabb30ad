#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
SIP between real programs (sip_programs.py), over UDP and TCP: everything from outside is dropped unless the
helper expected it. The drawing is in lib.py. A test whose programs are not installed says so and is left out;
with all of them about 25 seconds.
"""
import re

from sip_programs import *

FIREWALL = firewall("sip udp 5060", "sip tcp 5060")


def sipp_through(transport, client, server):
    with Net() as net:
        net.sluice(rules=FIREWALL)
        sipp_server(net, transport, server)
        heard = net.listen("events", "expect")
        sipp_client(net, transport, client, server, 3)
        # the client's RTP and RTCP for the server, the server's for the client, in each call
        wait_until(lambda: net.heard(heard).count("dport=40001") >= 3 and
                   net.heard(heard).count("dport=30001") >= 3, "expectations of each call")
        net.stop_sluice()


def sip_calls():
    if not needs("sipp"):
        return
    for transport in ("u1", "t1"):
        sipp_through(transport, C4, S4)
    sipp_through("u1", "[%s]" % C6, "[%s]" % S6)


def sip_hold():
    """183, PRACK, hold, new ports, UPDATE, BYE: each side checks what it hears (hold-caller.xml, hold-callee.xml)."""
    if not needs("sipp"):
        return
    for transport in ("u1", "t1"):
        with Net() as net:
            net.sluice(rules=FIREWALL)
            sipp_server(net, transport, S4, scenario("hold-callee"))
            heard = net.listen("events", "expect")
            sipp_client(net, transport, C4, S4, 1, scenario("hold-caller"))
            wait_until(lambda: all("dport=%d " % port in net.heard(heard) for port in
                                   (40000, 40001, 40010, 40020, 30000, 30010, 30021)), "media of each description")
            wait_until(lambda: not net.rows("list", "expect"), "nothing to be expected after BYE")
            sipp_heard_all(net)
            net.stop_sluice()


def registered(net):
    """How many phones may be called."""
    return sum("PERMANENT" in e["flags"] and "INACTIVE" not in e["flags"] for e in net.rows("list", "expect"))


def phone_call(transport):
    with Net() as net:
        net.sluice(rules=FIREWALL)
        kamailio(net)
        baresip(net, net.client, "alice", C4 + ":5060", 41000, transport=transport)
        wait_until(lambda: registered(net) == 1, "the registration", 20)
        baresip(net, net.server, "bob", S4 + ":5070", 42000, "alice", transport=transport)
        wait_until(lambda: any(min(packets(row)) > 20 for row in related(net, "udp")),
                   "sound in both directions", 20)
        hold(net)
        net.stop_sluice()


def hold(net):
    """The phone inside puts the call on hold and goes on: what it sends stops, and flows again."""
    def sent():
        return max(packets(row)[1] for row in related(net, "udp"))

    def silent():
        before = sent()
        time.sleep(0.3)
        return sent() == before
    tell_baresip(net.client, "hold")
    wait_until(silent, "silence", 20)
    before = sent()
    tell_baresip(net.client, "resume")
    wait_until(lambda: sent() > before + 20, "sound again", 20)


def sip_phones():
    """A phone inside registers with kamailio, a phone outside calls it: sound flows both ways, over UDP and TCP."""
    if not needs("baresip", "kamailio"):
        return
    for transport in ("udp", "tcp"):
        phone_call(transport)


def sip_phones_of_one_house():
    """
    Two phones inside, which kamailio knows by their public addresses only: it leads one's call back in, and
    they hear each other without the gateway. Each is told of the other's own address, as Linux does it; a third
    host's, which is why sip_direct_media must be 0.
    """
    if not needs("baresip", "kamailio"):
        return
    other = "10.9.0.3"
    with Net() as net:
        net.client.ip("link", "add", "c1", "type", "veth", "peer", "name", "c1-peer")
        net.client.ip("link", "set", "c1", "up")
        net.client.ip("addr", "add", other + "/32", "dev", "c1")
        net.sluice("--set", "sip_direct_media=0", rules=FIREWALL)
        kamailio(net)
        alice = baresip(net, net.client, "alice", C4 + ":5060", 41000)
        wait_until(lambda: registered(net) == 1, "alice's registration", 20)
        bob = baresip(net, net.client, "bob", other + ":5060", 42000, "alice", "c1")
        for phone, name in ((alice, "alice"), (bob, "bob")):  # "audio=64000/64000": what it sends and hears
            wait_until(lambda: re.search(r"audio=[0-9]+/[1-9]", net.heard(phone)), name + " to hear the other", 20)
        check(not related(net, "udp"), "media do not come to the gateway")
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible()
    main(sip_calls, sip_hold, sip_phones, sip_phones_of_one_house)
