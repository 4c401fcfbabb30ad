#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Packets cross the gateway: the drawing is in lib.py. Both families, with and without masquerade,
with and without offloads; TCP bulk both ways, UDP, ping, FTP active and passive.
"""
import hashlib

from lib import *

SINK = """
import hashlib, socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family)
while True:
    c, peer = s.accept()
    h, n = hashlib.sha256(), 0
    while True:
        b = c.recv(1 << 16)
        if not b:
            break
        h.update(b)
        n += len(b)
    c.sendall(('%s %d %s' % (h.hexdigest(), n, peer[0])).encode())
    c.close()
"""
SEND = """
import socket, sys, random, hashlib
c = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
data = random.Random(7).randbytes(int(sys.argv[3]))
c.sendall(data)
c.shutdown(socket.SHUT_WR)
answer = b''
while True:
    b = c.recv(4096)
    if not b:
        break
    answer += b
print(answer.decode(), hashlib.sha256(data).hexdigest())
"""
ECHO = """
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
while True:
    d, a = s.recvfrom(65536)
    s.sendto(a[0].encode() + b' ' + d, a)
"""
ASK = """
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(10)
s.connect((sys.argv[1], int(sys.argv[2])))
for size in (1, 100, 1400, 4000):
    d = b'x' * size
    s.send(d)
    a = s.recv(65536)
    assert a.endswith(b' ' + d), size
print(a.split()[0].decode())
"""


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


def vsftpd(net, port=21, *more):
    os.makedirs(net.dir + "/ftp/in", exist_ok=True)
    os.makedirs(net.dir + "/empty", exist_ok=True)
    os.chmod(net.dir + "/ftp", 0o755)
    os.chmod(net.dir + "/ftp/in", 0o777)
    conf = net.file("vsftpd.conf", "\n".join(("listen=NO", "listen_ipv6=YES", "listen_port=%d" % port,
        "background=NO", "anonymous_enable=YES", "anon_root=%s/ftp" % net.dir, "write_enable=YES",
        "anon_upload_enable=YES", "anon_other_write_enable=YES", "anon_umask=022",
        "secure_chroot_dir=%s/empty" % net.dir, "seccomp_sandbox=NO", "connect_from_port_20=YES",
        "pasv_min_port=50000", "pasv_max_port=50999") + more) + "\n")
    child = net.server.spawn("vsftpd", conf)
    net.server.listening(port)
    return child


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "ping")
    main(plain, masqueraded, masqueraded_without_offload, ftp)
