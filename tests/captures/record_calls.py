#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Records captures between the same programs that the live tests run (tests/live/programs.py), in the same
namespaces; the kernel of the gateway forwards, and neither tracks nor translates. Root.

    record_calls.py              record all
    record_calls.py NAME...      only these

What comes out differs from run to run in ports, sequence numbers and times.
"""
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "../live"))

from programs import *  # noqa: E402


def irc(net, server, own):
    """ngircd, irssi: an offer of a name with a space, a passive offer, an offer of the other side."""
    net.server.ip("addr", "add", own, "dev", "s0", *(["nodad"] if ":" in own else []))
    ngircd(net)
    alice = Irssi(net, net.client, "alice", server)
    bob = Irssi(net, net.server, "bob", server, own=own.split("/")[0])
    alice.joined()
    bob.joined()
    name, data = random_file(net, "file one", 3000)
    alice.say('/dcc send bob "%s"' % name)
    bob.received("file one", data)
    name, data = random_file(net, "passive", 3000)
    alice.say("/dcc send -passive bob " + name)
    wait_until(lambda: bob.shows("passive"), "the passive offer", 20)
    bob.say("/dcc get alice")
    bob.received("passive", data)
    name, data = random_file(net, "two", 3000)
    bob.say("/dcc send alice " + name)
    alice.received("two", data)
    for one in (alice, bob):
        one.say("/quit")
    wait_until(lambda: not net.client.run("ss", "-Htn", "dport = :6667").stdout, "both to leave", 20)


def irc_dcc(net):
    irc(net, S4, "192.0.2.20/24")


def irc_dcc6(net):
    irc(net, S6, "2001:db8::20/64")


def tftp(net):
    """tftpd-hpa; tftp-hpa, atftp, curl: both ways, with options, IPv4 and IPv6."""
    random_file(net, "served/file", 3000)
    tftpd(net, net.server, "in.tftpd", net.dir + "/served")
    for server in (S4, S6):
        for client in ("tftp", "atftp", "curl"):
            tftp_get(net.client, client, server, "file", net.dir + "/got")
            mine = random_file(net, "put-%s-%d" % (client, len(server)), 2000)[0]
            tftp_put(net.client, client, server, mine, os.path.basename(mine))
    net.client.run("tftp", S4, "-m", "binary", "-c", "get", "nothing", net.dir + "/nothing", check=False)


def pptp_calls(net):
    """pptpd, two pptp-linux from two addresses with the same call id; a few frames each way."""
    net.client.ip("addr", "add", "10.9.0.3/24", "dev", "c0")
    pptpd(net)
    for name, own in (("one", C4), ("two", "10.9.0.3")):
        child = pptp(net, net.client, name, S4, own)
        wait_until(lambda: len(heard(net.dir + "/" + name)) > 2, name + " to hear the server", 20)
        os.killpg(child.pid, signal.SIGTERM)
    wait_until(lambda: not net.client.run("ss", "-Htn", "dport = :1723").stdout, "the end of both", 20)


def amanda_backup_of_a_file(net):
    """amandad and amservice: a whole backup."""
    random_file(net, "disk/file", 3000)
    amandad(net, net.server, {"server.example": C4})
    amanda_backup(net, net.client, {"client.example": S4}, "client.example", net.dir + "/disk").stdin.close()


def rpc(net):
    """rpcbind, mountd, rusersd: who asks for their ports over TCP, UDP and IPv6, and asks them."""
    rpc_host(net, net.server)
    for host in (S4, S6):
        exports(net.client, host)
    users(net.client, S4)
    for how in (("-u", S4, "rusersd"), ("-t", S4, "mountd", "3"), ("-T", "udp6", S6, "mountd", "3"), ("-l", S4, "mountd", "3"),
                ("-p", S4), (S6,)):
        net.client.run("rpcinfo", *how)


def rsh_both(net):
    """rshd, two clients: what the command says, and its errors on a connection of their own."""
    rshd(net, net.server, C4)
    for client in RSH_CLIENTS:
        rsh(net.client, client, S4, "echo to one; echo to the other >&2")


def talk(net):
    """alice calls bob, who answers; both say something."""
    alice = Talker(net, net.client, "alice", {"alicehost": C4, "bobhost": S4})
    bob = Talker(net, net.server, "bob", {"alicehost": C4, "bobhost": S4})
    alice.talk("bob@bobhost")
    wait_until(lambda: bob.shows("talk alice@"), "the call", 20)
    bob.talk("alice@alicehost")
    wait_until(lambda: alice.shows("established"), "bob", 20)
    alice.say("xyzzy")
    wait_until(lambda: bob.shows("xyzzy"), "what alice says", 20)
    bob.say("\x03")
    wait_until(lambda: not net.client.run("ss", "-Htn", "src", C4).stdout, "the end", 20)


SCENES = {"irc-dcc": irc_dcc, "irc-dcc6": irc_dcc6, "tftp": tftp, "pptp": pptp_calls,
          "amanda-backup": amanda_backup_of_a_file, "rpc": rpc, "rsh": rsh_both, "talk": talk}
FILTER = "ip or (ip6 and not (icmp6 and ip6[40] >= 130))"  # no neighbour discovery


def record(name):
    with Net(offload=False, routed=True) as net:
        net.gateway.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        capture = net.dir + "/capture"
        dump = net.gateway.spawn("tcpdump", "-U", "--immediate-mode", "-s", 0, "-i", "in0", "-w", capture, FILTER)
        wait_until(lambda: "listening on" in open(dump.log).read(), "tcpdump", 20)
        SCENES[name](net)
        frames = -1

        def quiet():
            nonlocal frames
            before, frames = frames, os.path.getsize(capture)
            time.sleep(0.5)
            return before == frames
        wait_until(quiet, "the last packet", 30)
        shutil.copyfile(capture, os.path.join(HERE, name + ".pcap"))
    print("%s: %d bytes" % (name, frames))


if __name__ == "__main__":
    skip_unless_possible("tcpdump")
    for wanted in sys.argv[1:] or SCENES:
        record(wanted)
