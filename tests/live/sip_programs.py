# SPDX-License-Identifier: BSD-2-Clause
"""
SIP's programs: SIPp, kamailio and baresip, set up in the namespaces of a Net (programs.py).
"""
import wave

from programs import *


def complains(net):
    """SIPp goes on when it hears what it must not, but writes it down."""
    return "-trace_err", "-error_file", net.dir + "/sipp-errors"


def sipp_heard_all(net):
    said = content(net.dir + "/sipp-errors") or b""
    check(b"Failed regexp" not in said, "what SIPp heard: " + said.decode(errors="replace")[:1000])


def sipp_server(net, transport, address, scenario=("-sn", "uas")):
    """transport: u1 (UDP) or t1 (TCP). scenario: what is said."""
    child = net.server.spawn("sipp", *scenario, "-t", transport, "-i", address, "-p", 5060, "-mi", address,
                             "-mp", 30000, "-nostdin", *complains(net), cwd=net.dir)
    net.server.listening(5060, "udp" if transport == "u1" else "tcp")
    return child


def sipp_client(net, transport, address, server, calls, scenario=("-sn", "uac")):
    net.client.run("sipp", *scenario, "-t", transport, "-i", address, "-p", 5060, "-mi", address,
                   "-mp", 40000, "-m", calls, "-r", 5, "-d", 100, "-nostdin", *complains(net), server, cwd=net.dir)


KAMAILIO = """
listen=udp:%s:5060
listen=tcp:%s:5060
tcp_children=1
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
cons_listen 127.0.0.1:5555
audio_player aubridge,pseudo0
audio_source aufile,%s
audio_alert aubridge,pseudo0
rtp_ports %s
%s
module_path %s
module g711.so
module aubridge.so
module aufile.so
module stdio.so
module cons.so
module_app account.so
module_app menu.so
"""


def kamailio(net):
    """A registrar and proxy on the server."""
    modules = "/usr/lib/%s-linux-gnu/kamailio/modules/" % os.uname().machine
    net.server.spawn("kamailio", "-DD", "-E", "-f", net.file("kamailio.cfg", KAMAILIO % (S4, S4, modules)),
                     "-Y", net.dir, "-w", net.dir)
    net.server.listening(5060, "udp")


def baresip(net, ns, name, address, media_port, calls=None, device=None, transport="udp"):
    """
    A phone (device: whose address its media have) that registers with kamailio, takes every call, and calls
    somebody if it is told to.
    """
    folder = net.dir + "/" + name
    os.makedirs(folder)
    with wave.open(folder + "/sound.wav", "wb") as f:
        f.setparams((1, 2, 8000, 0, "NONE", ""))
        f.writeframes(bytes(range(256)) * 1250)  # 20 seconds
    net.file(name + "/config", BARESIP % (address, folder + "/sound.wav", "%d-%d" % (media_port, media_port + 100),
                                          "net_interface " + device if device else "",
                                          "/usr/lib/baresip/modules"))
    net.file(name + "/accounts", "<sip:%s@%s;transport=%s>;regint=60;answermode=auto\n" % (name, S4, transport))
    net.file(name + "/contacts", "")
    child = ns.spawn("baresip", "-f", folder, "-t", 40, *(("-e", "/dial sip:%s@%s;transport=%s" % (calls, S4, transport)) if calls else ()))
    child.slow_to_end = True  # it would hang up and unregister first
    return child


def tell_baresip(ns, command):
    """What a hand would type: "hold", "resume", "hangup"."""
    ns.python("import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
              "s.sendto(sys.argv[1].encode() + b'\\n', ('127.0.0.1', 5555))", "/" + command)


def scenario(name):
    """Who says what, as SIPp reads it."""
    return "-sf", os.path.join(os.path.dirname(os.path.realpath(__file__)), name + ".xml")
