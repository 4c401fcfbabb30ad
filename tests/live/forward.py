#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Packets cross the gateway: the drawing is in lib.py. Both families, with and without masquerade,
with and without offloads; TCP bulk both ways, UDP, ping, FTP active and passive.
"""
from lib import *

def traffic(net, seen4, seen6, size=3000000):
    for server, seen in ((S4, seen4), (S6, seen6)):
        net.server.spawn_python(SINK, server, 5001)
        net.server.spawn_python(ECHO, server, 5002)
    net.server.listening(5001)
    net.server.listening(5002, "udp")
    for server, seen in ((S4, seen4), (S6, seen6)):
        net.client.run("ping", "-c", "2", "-i", "0.2", "-W", "2", server)
        got, n, peer, sent = net.client.python(SEND, server, 5001, size).stdout.split()
        check(got == sent and int(n) == size, "TCP to %s: data differ" % server)
        check(peer == seen, "TCP to %s was seen from %s" % (server, peer))
        peer = net.client.python(ASK, server, 5002).stdout.strip()
        check(peer == seen, "UDP to %s was seen from %s" % (server, peer))
    net.kernel_conntrack_empty()


def plain():
    with Net(routed=True) as net:
        net.sluice()
        traffic(net, C4, C6)
        net.stop_sluice()
        net.nothing_left()


def masqueraded():
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        traffic(net, OUT4, OUT6)
        net.stop_sluice()
        net.nothing_left()


def masqueraded_without_offload():
    with Net(offload=False) as net:
        net.sluice(rules=MASQUERADE)
        traffic(net, OUT4, OUT6)
        net.stop_sluice()


def ftp():
    with Net() as net:
        net.sluice(rules=MASQUERADE + HELPER_FTP)
        vsftpd(net)
        data = os.urandom(300000)
        with open(net.dir + "/ftp/file", "wb") as f:
            f.write(data)
        for server in (S4, "[%s]" % S6):
            for mode in (["--disable-epsv"], [], ["-P", "-", "--disable-eprt"], ["-P", "-"]):
                out = net.dir + "/got"
                net.client.run("curl", "-sS", "--max-time", "10", *mode, "-o", out,
                               "ftp://%s/file" % server)
                with open(out, "rb") as f:
                    check(f.read() == data, "curl %s %s: data differ" % (mode, server))
                os.unlink(out)
        net.stop_sluice()
        net.sluice(rules=MASQUERADE)
        for mode in ([], ["-P", "-"]):
            done = net.client.run("curl", "-sS", "--max-time", "3", *mode, "-o", "/dev/null",
                                  "ftp://%s/file" % S4, check=False)
            check((done.returncode == 0) == (mode == []), "without the helper, %s: %s" % (mode, done.stderr))
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "ping")
    main(plain, masqueraded, masqueraded_without_offload, ftp)
