#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
RTSP, SANE, SNMP and NetBIOS names between real programs (programs.py): everything from outside
is dropped unless a helper expected it. The drawing is in lib.py. A test whose programs are not
installed says so and is left out; with all of them about 10 seconds.
"""
from programs import *

FIREWALL = firewall("rtsp tcp 8554", "sane tcp 6566", "snmp udp 161", "netbios-ns udp 137")


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
    main(rtsp_streams, sane_scan, snmp_addresses, names)
