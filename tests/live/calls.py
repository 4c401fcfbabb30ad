#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
SIP, RTSP, SANE, SNMP and NetBIOS names between real programs (programs.py): everything from outside
is dropped unless a helper expected it. The drawing is in lib.py. A test whose programs are not
installed says so and is left out; with all of them about 20 seconds.
"""
import re

from programs import *

FIREWALL = firewall("sip udp 5060", "sip tcp 5060", "rtsp tcp 8554", "sane tcp 6566", "snmp udp 161",
                    "netbios-ns udp 137")


def packets(row):
    return row["counters_orig"]["packets"], row["counters_reply"]["packets"]


# ---- SIP

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


def registered(net):
    """How many phones may be called."""
    return sum("PERMANENT" in e["flags"] and "INACTIVE" not in e["flags"] for e in net.rows("list", "expect"))


def sip_phones():
    """A phone inside registers with kamailio, a phone outside calls it: sound flows both ways."""
    if not needs("baresip", "kamailio"):
        return
    with Net() as net:
        net.sluice(rules=FIREWALL)
        kamailio(net)
        baresip(net, net.client, "alice", C4 + ":5060", 41000)
        wait_until(lambda: registered(net) == 1, "the registration", 20)
        baresip(net, net.server, "bob", S4 + ":5070", 42000, "alice")
        wait_until(lambda: any(min(packets(row)) > 20 for row in related(net, "udp")),
                   "sound in both directions", 20)
        net.stop_sluice()


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


# ---- RTSP

def rtsp_streams():
    """ffmpeg plays two streams over UDP from GStreamer's server, IPv4 and IPv6."""
    if not needs("ffmpeg") or not has_rtsp_server():
        return
    with Net() as net:
        net.sluice(rules=FIREWALL)
        rtsp_server(net)
        for server in (S4, "[%s]" % S6):
            sound = play(net, server, "udp")
            check(os.path.getsize(sound) > 4000, "half a second of sound from " + server)
        streams = [row for row in related(net, "udp") if max(packets(row)) > 3]
        check(len(streams) == 4, "%d streams that were expected" % len(streams))
        net.stop_sluice()


# ---- SANE

def sane_scan():
    """The image that scanimage gets through the gateway is the one that it gets on the server itself."""
    if not needs("saned", "scanimage"):
        return
    with Net() as net:
        net.sluice(rules=FIREWALL)
        saned(net, OUT4, OUT6)
        want = scan(net, net.server, "test:0")
        for server in (S4, "[%s]" % S6):
            got = scan(net, net.client, "net:%s:test:0" % server)
            check(len(got) > 100000 and got == want, "the image from " + server)
        check(len(related(net, "tcp")) == 2, "two images that were expected")
        net.stop_sluice()


# ---- SNMP

def snmp_addresses():
    """An agent behind destination NAT: the manager is told the address under which it asked."""
    if not needs("snmpd", "snmpwalk"):
        return
    with Net() as net:
        net.sluice(rules=FIREWALL + dnat_inside("udp", 161))
        snmpd(net, net.client)
        for version in ("1", "2c"):
            said = snmp_addresses_of(net.server, version, OUT4)
            check("IpAddress: " + OUT4 in said and "IpAddress: " + C4 not in said, "its address: " + said)
        said = snmp_v3(net.server, OUT4)
        check("STRING" in said, "version 3: " + said)
        net.stop_sluice()


# ---- NetBIOS names

def names():
    """The gateway asks its inside network for a name; a host answers that was not asked by address."""
    if not needs("nmbd", "nmblookup"):
        return
    with Net() as net:
        gate = nmb_config(net, "gate", G4)
        net.sluice(rules=FIREWALL)
        nmbd(net, net.client, "pc", C4)
        said = ""

        def answered():
            nonlocal said
            said = net.gateway.run("nmblookup", "-s", gate, "-B", "10.9.0.255", "PC", check=False).stdout
            return C4 + " PC" in said
        wait_until(answered, "an answer: " + said, 20)
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible()
    main(sip_calls, sip_phones, sip_phones_of_one_house, rtsp_streams, sane_scan, snmp_addresses, names)
