#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
SIP, RTSP, SANE, SNMP and NetBIOS names between real programs: everything from outside is dropped
unless a helper expected it. The drawing is in lib.py. A test whose programs are not installed says
so and is left out; with all of them about 20 seconds.

Amanda has no test here: a backup needs a configured server, disks to back up and reverse names on
both sides. Its messages are played by tests/helpers/amanda.c and a capture.
"""
import wave

from lib import *

FIREWALL = """
table inet gateway {
    ct helper sip-udp { type "sip" protocol udp; }
    ct helper sip-tcp { type "sip" protocol tcp; }
    ct helper rtsp-tcp { type "rtsp" protocol tcp; }
    ct helper sane-tcp { type "sane" protocol tcp; }
    ct helper snmp-udp { type "snmp" protocol udp; }
    ct helper names-udp { type "netbios-ns" protocol udp; }
    chain helpers {
        udp dport 5060 ct helper set "sip-udp"
        tcp dport 5060 ct helper set "sip-tcp"
        tcp dport 8554 ct helper set "rtsp-tcp"
        tcp dport 6566 ct helper set "sane-tcp"
        udp dport 161 ct helper set "snmp-udp"
        udp dport 137 ct helper set "names-udp"
    }
    chain prerouting { type filter hook prerouting priority -150; jump helpers; }
    chain output { type filter hook output priority -150; jump helpers; }
    chain input { type filter hook input priority 0; policy drop;
        ct state established,related accept
        meta l4proto { icmp, ipv6-icmp } accept
    }
    chain forward { type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname "in0" accept
        ct status dnat accept
    }
    chain postrouting { type nat hook postrouting priority srcnat;
        oifname "out0" masquerade
    }
}
"""


def needs(*programs):
    """Are all of them here? Says which one is not."""
    for program in programs:
        if not find_program(program):
            print("left out: needs the program " + program)
            return False
    return True


def related(net, proto):
    """The connections that were expected, as `sluice list` shows them."""
    return [row for row in net.rows("list", "conntrack")
            if row["proto"] == proto and "EXPECTED" in row["status"]]


def packets(row):
    return row["counters_orig"]["packets"], row["counters_reply"]["packets"]


# ---- SIP

def sipp_through(transport, client, server):
    with Net() as net:
        net.sluice(rules=FIREWALL)
        net.server.spawn("sipp", "-sn", "uas", "-t", transport, "-i", server, "-p", 5060, "-mi", server,
                         "-mp", 30000, "-nostdin", cwd=net.dir)
        net.server.listening(5060, "udp" if transport == "u1" else "tcp")
        heard = net.listen("events", "expect")
        net.client.run("sipp", "-sn", "uac", "-t", transport, "-i", client, "-p", 5060, "-mi", client,
                       "-mp", 40000, "-m", 3, "-r", 5, "-d", 100, "-nostdin", server, cwd=net.dir)
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


KAMAILIO = """
listen=udp:%s:5060
children=1
log_stderror=yes
mpath="%s"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
loadmodule "siputils.so"
request_route {
    if (is_method("REGISTER")) { save("location"); exit; }
    if (has_totag()) { loose_route(); t_relay(); exit; }
    if (is_method("INVITE")) record_route();
    if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
    t_relay();
}
"""
BARESIP = """
sip_listen %s
audio_player aubridge,pseudo0
audio_source aufile,%s
audio_alert aubridge,pseudo0
rtp_ports %s
module_path %s
module g711.so
module aubridge.so
module aufile.so
module stdio.so
module_app account.so
module_app menu.so
"""


def baresip(net, name, address, ports):
    folder = net.dir + "/" + name
    os.makedirs(folder)
    with wave.open(folder + "/sound.wav", "wb") as f:
        f.setparams((1, 2, 8000, 0, "NONE", ""))
        f.writeframes(bytes(range(256)) * 1250)  # 20 seconds
    net.file(name + "/config", BARESIP % (address, folder + "/sound.wav", ports, "/usr/lib/baresip/modules"))
    net.file(name + "/accounts", "<sip:%s@%s>;regint=60;answermode=auto\n" % (name, S4))
    net.file(name + "/contacts", "")
    return folder


def sip_phones():
    """A phone inside registers with kamailio, a phone outside calls it: sound flows both ways."""
    if not needs("baresip", "kamailio"):
        return
    modules = "/usr/lib/%s-linux-gnu/kamailio/modules/" % os.uname().machine
    with Net() as net:
        net.sluice(rules=FIREWALL)
        net.server.spawn("kamailio", "-DD", "-E", "-f", net.file("kamailio.cfg", KAMAILIO % (S4, modules)),
                         "-Y", net.dir, "-w", net.dir)
        net.server.listening(5060, "udp")
        net.client.spawn("baresip", "-f", baresip(net, "alice", C4 + ":5060", "41000-41100"), "-t", 20)
        wait_until(lambda: any("PERMANENT" in e["flags"] and "INACTIVE" not in e["flags"]
                               for e in net.rows("list", "expect")), "the registration")
        net.server.spawn("baresip", "-f", baresip(net, "bob", S4 + ":5070", "42000-42100"), "-t", 15,
                         "-e", "/dial sip:alice@" + S4)
        wait_until(lambda: any(min(packets(row)) > 20 for row in related(net, "udp")),
                   "sound in both directions", 15)
        net.stop_sluice()


# ---- RTSP

RTSP_SERVER = """
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("::")
server.set_service("8554")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch("( audiotestsrc is-live=true ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay name=pay0 pt=8 "
                   "audiotestsrc is-live=true ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay name=pay1 pt=0 )")
server.get_mount_points().add_factory("/film", factory)
server.attach(None)
GLib.MainLoop().run()
"""


def has_rtsp_server(python):
    probe = ("import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
             "Gst.init(None); assert Gst.ElementFactory.find('rtppcmapay') and Gst.ElementFactory.find('alawenc')")
    return subprocess.run([python, "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def rtsp_streams():
    """ffmpeg plays two streams over UDP from GStreamer's server, IPv4 and IPv6."""
    python = "/usr/bin/python3" # the one that Debian's gi belongs to
    if not needs("ffmpeg"):
        return
    if not has_rtsp_server(python):
        print("left out: needs GStreamer's RTSP server for Python (gir1.2-gst-rtsp-server-1.0)")
        return
    with Net() as net:
        net.sluice(rules=FIREWALL)
        net.server.spawn(python, "-c", RTSP_SERVER)
        net.server.listening(8554)
        for server in (S4, "[%s]" % S6):
            sound = net.dir + "/sound.wav"
            net.client.run("ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-rtsp_transport", "udp", "-i",
                           "rtsp://%s:8554/film" % server, "-map", "0:0", "-t", 0.5, sound)
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
        for side in ("saned", "here", "there"):
            os.makedirs(net.dir + "/" + side)
        net.file("saned/dll.conf", "test\n")
        net.file("saned/saned.conf", "data_portrange = 10000 - 10100\n%s\n[%s]\n127.0.0.1\n" % (OUT4, OUT6))
        net.file("there/dll.conf", "net\n")
        net.file("there/net.conf", "")
        net.file("here/dll.conf", "test\n")
        net.sluice(rules=FIREWALL)
        net.server.spawn("env", "SANE_CONFIG_DIR=%s/saned" % net.dir, find_program("saned"), "-l", "-e", "-b", "::")
        net.server.listening(6566)

        def scan(ns, config, device):
            image = "%s/%s.pnm" % (net.dir, config)
            ns.run("env", "SANE_CONFIG_DIR=%s/%s" % (net.dir, config), "scanimage", "-d", device, "--mode", "Color",
                   "--resolution", 100, "-x", 80, "-y", 80, "-o", image)
            with open(image, "rb") as f:
                return f.read()

        want = scan(net.server, "here", "test:0")
        for server in (S4, "[%s]" % S6):
            got = scan(net.client, "there", "net:%s:test:0" % server)
            check(len(got) > 100000 and got == want, "the image from " + server)
        check(len(related(net, "tcp")) == 2, "two images that were expected")
        net.stop_sluice()


# ---- SNMP

def snmp_addresses():
    """An agent behind destination NAT: the manager is told the address under which it asked."""
    if not needs("snmpd", "snmpwalk"):
        return
    with Net() as net:
        net.sluice(rules=FIREWALL + """
            table ip nat { chain prerouting { type nat hook prerouting priority dstnat;
                iifname "out0" udp dport 161 dnat to %s
            }
            }""" % C4)
        conf = net.file("snmpd.conf", "agentaddress udp:161\nrocommunity public\n"
                        "createUser bob MD5 password1 DES password2\nrouser bob\n")
        net.client.spawn("env", "SNMP_PERSISTENT_DIR=%s/snmp" % net.dir, find_program("snmpd"), "-f", "-Lo", "-C",
                         "-c", conf, "-p", net.dir + "/snmpd.pid")
        net.client.listening(161, "udp")
        for version in ("1", "2c"):
            said = net.server.run("snmpwalk", "-v", version, "-c", "public", "-m", "", "-On", OUT4,
                                  ".1.3.6.1.2.1.4.20.1.1").stdout
            check("IpAddress: " + OUT4 in said and "IpAddress: " + C4 not in said, "its address: " + said)
        said = net.server.run("snmpget", "-v", 3, "-u", "bob", "-l", "authPriv", "-a", "MD5", "-A", "password1",
                              "-x", "DES", "-X", "password2", "-m", "", OUT4, ".1.3.6.1.2.1.1.5.0").stdout
        check("STRING" in said, "version 3: " + said)
        net.stop_sluice()


# ---- NetBIOS names

NMBD = """
[global]
netbios name = %s
workgroup = HOME
interfaces = %s/24
bind interfaces only = yes
local master = no
lock directory = {0}
state directory = {0}
cache directory = {0}
pid directory = {0}
private dir = {0}
ncalrpc dir = {0}
log file = {0}/log
"""


def names():
    """The gateway asks its inside network for a name; a host answers that was not asked by address."""
    if not needs("nmbd", "nmblookup"):
        return
    with Net() as net:
        for side in ("pc", "gate"):
            os.makedirs(net.dir + "/" + side)
        pc = net.file("pc/smb.conf", (NMBD % ("PC", C4)).format(net.dir + "/pc"))
        gate = net.file("gate/smb.conf", (NMBD % ("GATE", G4)).format(net.dir + "/gate"))
        net.sluice(rules=FIREWALL)
        net.client.spawn("nmbd", "-F", "--no-process-group", "-s", pc)
        net.client.listening(137, "udp")
        said = ""

        def answered():
            nonlocal said
            said = net.gateway.run("nmblookup", "-s", gate, "-B", "10.9.0.255", "PC", check=False).stdout
            return C4 + " PC" in said
        wait_until(answered, "an answer: " + said, 20)
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible()
    main(sip_calls, sip_phones, rtsp_streams, sane_scan, snmp_addresses, names)
