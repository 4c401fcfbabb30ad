#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Questions of the gateway to a group, answered by single hosts: mDNS, SSDP, DHCPv6, SLP and WS-Discovery
between real programs (group_programs.py; for SLP, of which Debian 12 has no program, stand-ins). Everything that
comes from outside the gateway is dropped unless a helper expected it. Each is played twice: without
the helper the answers must come and be dropped, and nobody may learn anything; then with it. The drawing is
in lib.py. A test whose programs are not installed says so and is left out; with all of them about 30 seconds, half of
which upnpc takes its time.
"""
import re

from group_programs import *


def proven(helper, answers, start, ask, told, *options):
    """
    start(net): what answers. ask(net): starts who asks, at the gateway. told(child): it has been answered.
    answers: what answers look like in the lines of `sluice explain`, which shows what is dropped.
    """
    with Net() as net:
        start(net)
        net.sluice(*options, rules=firewall())
        explained = net.listen("explain", "-p", "udp")

        def dropped():
            return re.findall("^packet .* udp .*" + answers, net.heard(explained), re.M)
        child = ask(net)
        wait_until(dropped, "an answer that is dropped, without " + helper)
        check(not told(child), "nothing is learned without " + helper)
        os.killpg(child.pid, signal.SIGTERM)
        child.wait(20)
        net.ask("flush")
        net.ask("reload", net.file("helped.nft", firewall(helper)))
        child = ask(net)
        wait_until(lambda: told(child), "an answer through " + helper)
        check(len(related(net, "udp")) > 0, "the answer was expected")
        net.stop_sluice()


def said(child):
    return (content(child.log) or b"").decode(errors="replace")


# ---- mDNS: avahi-daemon answers a one-shot query

def mdns_from(group, *options):
    if needs("avahi-daemon"):
        proven("mdns udp 5353", r":5353 > \S+:(?!5353)",
               lambda net: avahi(net, net.client, "printer", "c0"),
               lambda net: net.gateway.spawn_python(MDNS_ASK, group, "in0", "printer.local"),
               lambda child: (C6 if ":" in group else C4) in said(child), *options)


def mdns():
    mdns_from("224.0.0.251")


def mdns6():
    mdns_from("ff02::fb")


def mdns_queues():
    """Several engines: the answers come to the one that has the question."""
    mdns_from("224.0.0.251", "--queues", "3")


# ---- SSDP: minidlna answers upnpc

def ssdp():
    if needs("minidlnad", "upnpc"):
        proven("ssdp udp 1900", "> %s:" % G4,
               lambda net: minidlna(net, net.client, "c0"),
               lambda net: net.gateway.spawn("upnpc", "-m", G4, "-l"),
               lambda child: "http://%s:8200/rootDesc.xml" % C4 in said(child))


# ---- GENA: minidlna outside connects to a subscriber inside to tell it of its state; the device is told the gateway's address

def gena():
    if not needs("minidlnad"):
        return
    with Net() as net:
        minidlna(net, net.server, "s0")
        net.sluice(rules=firewall())
        for helpers in ((), ("ssdp tcp 8200",)):
            net.ask("reload", net.file("gena.nft", firewall(*helpers)))
            child = net.client.spawn_python(SUBSCRIBER, S4, 8200, "/evt/ContentDir", C4)
            if helpers:
                wait_until(lambda: "event from " + S4 in said(child), "an event")
                flow, = related(net, "tcp")
                check(flow["orig"]["dst"] == OUT4 and flow["reply"]["src"] == C4, "led inside: %s" % flow)
                check(len(net.rows("list", "expect")) == 1, "more events may come")
            else:
                wait_until(lambda: "HTTP/1.1" in said(child), "an answer")
                check(not net.rows("list", "expect") and "event" not in said(child), "nothing comes without it")
                os.killpg(child.pid, signal.SIGTERM)
                child.wait(20)
        net.stop_sluice()


# ---- DHCPv6: dnsmasq answers dhclient

def dhcpv6():
    if needs("dnsmasq", "dhclient"):
        proven("dhcpv6 udp 547", r":547 > \S+:546",
               lambda net: dhcpv6_server(net, net.client, "c0"),
               lambda net: dhcpv6_client(net, net.gateway, "in0"),
               lambda child: "Bound to lease" in said(child))


# ---- WS-Discovery: wsdd answers wsdd

def wsd():
    if needs("wsdd"):
        proven("wsd udp 3702", ":3702 > ",
               lambda net: wsdd_host(net, net.client, "c0"),
               lambda net: net.gateway.spawn("wsdd", "-i", "in0", "-D", "-o", "-v", "-l", net.dir + "/wsdd.sock"),
               lambda child: "ProbeMatches" in said(child))


# ---- SLP: stand-ins at both ends

def slp():
    proven("slp udp 427", ":427 > ",
           lambda net: slp_agent(net, net.client, C4),
           lambda net: net.gateway.spawn_python(SLP_ASK, G4),
           lambda child: "service:printer" in said(child))


if __name__ == "__main__":
    skip_unless_possible()
    main(mdns, mdns6, mdns_queues, ssdp, gena, dhcpv6, wsd, slp)
