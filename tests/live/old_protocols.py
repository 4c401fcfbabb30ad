#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
IRC, TFTP, PPTP and Amanda between real programs (programs.py): everything from outside is dropped unless a
helper expected it, and data must arrive as it was sent. The drawing is in lib.py. A test whose
programs are not installed says so and is left out; with all of them about 25 seconds.
"""
from programs import *

FIREWALL = firewall("irc tcp 6667", "tftp udp 69", "pptp tcp 1723", "amanda udp 10080")


# ---- IRC

def dcc(server, stranger):
    """alice inside offers files to bob outside, who is not the server; and takes one of his."""
    with Net() as net:
        net.server.ip("addr", "add", stranger, "dev", "s0", *(["nodad"] if ":" in server else []))
        net.sluice(rules=FIREWALL)
        ngircd(net)
        alice = Irssi(net, net.client, "alice", server)
        bob = Irssi(net, net.server, "bob", server, own=stranger.split("/")[0])
        alice.joined()
        bob.joined()
        first, data = random_file(net, "first file", 100000)
        alice.say('/dcc send bob "%s"' % first)
        bob.received("first file", data)
        check(len(related(net, "tcp")) == 1, "bob's connection was expected")
        second, data = random_file(net, "second", 30000)
        alice.say("/dcc send -passive bob " + second)  # port 0 and a token: bob listens
        wait_until(lambda: bob.shows("second"), "the passive offer", 20)
        bob.say("/dcc get alice")
        bob.received("second", data)
        third, data = random_file(net, "third", 30000)
        bob.say("/dcc send alice " + third)  # another's offer passes as it is
        alice.received("third", data)
        check(len(related(net, "tcp")) == 1, "one connection that was expected, no more")
        net.stop_sluice()


def irc_dcc():
    if needs("ngircd", "irssi"):
        dcc(S4, "192.0.2.20/24")


def irc_dcc6():
    if needs("ngircd", "irssi"):
        dcc(S6, "2001:db8::20/64")


OFFERER = """
import socket, sys
server, own = sys.argv[1:3]
s = socket.create_connection((server, 6667), source_address=(own, 0))
s.sendall(b"NICK carol\\r\\nUSER carol 0 * :carol\\r\\n")
said = b""
while b" 001 " not in said:
    said += s.recv(4096)
number = int.from_bytes(socket.inet_aton(own), "big")
s.sendall(b"PRIVMSG carol :\\x01DCC SEND waits %d 5000 1000\\x01\\r\\n" % number)
while s.recv(4096):
    pass
"""


def irc_resume():
    """
    Two hosts inside offer from the same port, so the second is told another outside. Whom it is offered has
    the beginning of the file already: RESUME and ACCEPT name the port as each side knows it.
    """
    if not needs("ngircd", "irssi"):
        return
    other = "10.9.0.3"
    with Net() as net:
        net.client.ip("addr", "add", other + "/24", "dev", "c0")
        net.server.ip("addr", "add", "192.0.2.20/24", "dev", "s0")
        net.sluice(rules=FIREWALL)
        ngircd(net)
        net.client.spawn_python(OFFERER, S4, other)  # an offer that nobody takes
        wait_until(lambda: len(net.rows("list", "expect")) == 1, "the first offer", 20)
        alice = Irssi(net, net.client, "alice", S4, own=C4, dcc='dcc_port = "5000";')
        bob = Irssi(net, net.server, "bob", S4, own="192.0.2.20", dcc='dcc_autoresume = "yes";')
        alice.joined()
        bob.joined()
        path, data = random_file(net, "resumed", 200000)
        with open(os.path.join(bob.got, "resumed"), "wb") as f:
            f.write(data[:150000])
        alice.say("/dcc send bob " + path)
        bob.received("resumed", data)
        flow, = related(net, "tcp")
        check(flow["orig"]["dport"] == 5001 and flow["reply"]["sport"] == 5000,
              "alice's port 5000 is 5001 outside: %s" % flow)
        check(0 < flow["counters_reply"]["bytes"] < 100000, "only the rest was sent: %s" % flow)
        net.stop_sluice()


# ---- TFTP

def transfers(net, here, host, folder, clients):
    """Each client fetches a file from the server and brings it one; both must be whole."""
    want = random_file(net, "served/file", 20000)[1]
    for client in clients:
        got = "%s/got-%s" % (net.dir, client)
        tftp_get(here, client, host, "file", got)
        check(content(got) == want, "the file that %s fetched" % client)
        mine, data = random_file(net, "put-" + client, 15000)
        tftp_put(here, client, host, mine, "put-" + client)
        wait_until(lambda: content(folder + "/put-" + client) == data, "the file that %s brought" % client)
        for name in (got, folder + "/put-" + client):
            os.unlink(name)


def tftp_through(server):
    clients = [c for c in ("tftp", "atftp", "curl") if find_program(c)]
    if not needs(server) or not needs(*clients or ["tftp"]):
        return
    with Net() as net:
        folder = net.dir + "/served"
        net.sluice(rules=FIREWALL)
        tftpd(net, net.server, server, folder)
        transfers(net, net.client, S4, folder, clients)
        if server == "in.tftpd":
            transfers(net, net.client, S6, folder, clients)
        check(len(related(net, "udp")) == 2 * len(clients) * (1 + (server == "in.tftpd")), "each transfer was expected")
        net.stop_sluice()


def tftp_hpa():
    tftp_through("in.tftpd")


def tftp_atftpd():
    tftp_through("atftpd")


def tftp_inside():
    """The server inside, behind destination NAT."""
    server = next((s for s in ("in.tftpd", "atftpd") if find_program(s)), None)
    if not server or not needs("tftp", "curl"):
        return
    with Net() as net:
        folder = net.dir + "/served"
        net.sluice(rules=FIREWALL + dnat_inside("udp", 69))
        tftpd(net, net.client, server, folder)
        transfers(net, net.server, OUT4, folder, ("tftp", "curl"))
        net.stop_sluice()


# ---- PPTP

def pptp_through(*options):
    """Two hosts inside call one server: both choose the same call id, and hear only what is for them."""
    if not needs("pptpd", "pptp"):
        return
    other = "10.9.0.3"
    with Net() as net:
        net.client.ip("addr", "add", other + "/24", "dev", "c0")
        net.sluice(*options, rules=FIREWALL)
        pptpd(net)
        names = {"one": C4, "two": other}
        for name, own in names.items():
            pptp(net, net.client, name, S4, own)
            wait_until(lambda: len(heard(net.dir + "/" + name)) > 5, "%s to hear the server" % name, 30)
        servers = [f for f in os.listdir(net.dir) if f.startswith("heard-")]
        wait_until(lambda: all(len(heard(net.dir + "/" + f)) > 5 for f in servers), "the server to hear both", 20)
        for of in (names, servers):
            said = [set(heard(net.dir + "/" + f)) for f in of]
            check(len(said) == 2 and all(len(s) == 1 for s in said) and said[0] != said[1],
                  "each end hears one other, and no two the same: %s" % said)
        calls = related(net, "gre")
        check(len(calls) == 2, "two calls that were expected, not %d" % len(calls))
        ids = {tuple[end + "key"] for row in calls for tuple in (row["orig"], row["reply"])
               for end in ("src", "dst") if tuple[end] == names["one"] or tuple[end] == other}
        check(len(ids) == 1, "both clients chose the same call id, not %s" % ids)
        net.stop_sluice()


def pptp_calls():
    pptp_through()


def pptp_queues():
    """Several engines: the calls come to the one that has their control connection."""
    pptp_through("--queues", "3")


# ---- Amanda

def backup(client_inside):
    """sendbackup of a folder: its four streams arrive, and the archive holds the file as it is."""
    if not has_amanda():
        return
    with Net() as net:
        name, addr = ("gate.example", OUT4) if client_inside else ("client.example", S4)
        asked, asks = (net.client, net.server) if client_inside else (net.server, net.client)
        net.sluice(rules=FIREWALL + dnat_inside("udp", 10080))
        data = random_file(net, "disk/file", 200000)[1]
        amandad(net, asked, {"server.example": S4 if client_inside else OUT4})
        amanda_backup(net, asks, {name: addr}, name, net.dir + "/disk")

        def unpacked():
            return subprocess.run(["tar", "-xOf", net.dir + "/DATA", "./file"], stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL).stdout
        wait_until(lambda: unpacked() == data, "the file in the archive")
        wait_until(lambda: content(net.dir + "/INDEX") == b"/\n/file\n", "the index")
        check(len(related(net, "tcp")) == 4, "four streams that were expected")
        net.stop_sluice()


def amanda_outside():
    backup(False)


def amanda_inside():
    backup(True)


if __name__ == "__main__":
    skip_unless_possible()
    main(irc_dcc, irc_dcc6, irc_resume, tftp_hpa, tftp_atftpd, tftp_inside, pptp_calls, pptp_queues,
         amanda_outside, amanda_inside)
