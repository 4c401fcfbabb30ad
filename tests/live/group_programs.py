# SPDX-License-Identifier: BSD-2-Clause
"""
What answers a question to a group, and who asks one, set up in the namespaces of a Net. Each function starts one
program.
"""
from programs import *

# ---- mDNS: avahi-daemon; a one-shot query, as simple resolvers send it (dig hears the group's own address alone)

AVAHI = """
[server]
host-name=%s
allow-interfaces=%s
enable-dbus=no
"""


def avahi(net, ns, name, dev):
    """Its pid file is in a /run of its own."""
    conf = net.file("avahi.conf", AVAHI % (name, dev))
    child = ns.spawn("sh", "-c", "mount -t tmpfs run /run && exec avahi-daemon -f %s --no-drop-root --no-chroot "
                     "--no-proc-title" % conf)
    wait_until(lambda: b"startup complete" in (content(child.log) or b""), "avahi-daemon", 20)
    return child


# argv: group, interface, name. Asks each second until it is answered; prints what answers end in, an address of
# the group's family, and whom they came from.
MDNS_ASK = """
import select, socket, struct, sys
group, dev, name = sys.argv[1:4]
s = socket.socket(socket.AF_INET6 if ':' in group else socket.AF_INET, socket.SOCK_DGRAM)
index = socket.if_nametoindex(dev)
if ':' in group:
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
else:
    s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, struct.pack('@4s4si', bytes(4), bytes(4), index))
labels = b''.join(bytes([len(part)]) + part.encode() for part in name.split('.')) + b'\\0'
kind, size, family = (28, 16, socket.AF_INET6) if ':' in group else (1, 4, socket.AF_INET)
question = struct.pack('>6H', 7, 0, 1, 0, 0, 0) + labels + struct.pack('>2H', kind, 1)
for i in range(20):
    s.sendto(question, (group, 5353))
    if select.select([s], [], [], 1)[0]:
        answer, whom = s.recvfrom(9000)
        print(socket.inet_ntop(family, answer[-size:]), whom[0], flush=True)
"""


# ---- SSDP: minidlna

MINIDLNA = """
network_interface=%s
port=8200
media_dir={0}
db_dir={0}
log_dir={0}
minissdpdsocket={0}/none
inotify=no
"""


def minidlna(net, ns, dev):
    folder = net.dir + "/dlna"
    conf = net.file("dlna/conf", (MINIDLNA % dev).format(folder))
    ns.spawn("minidlnad", "-S", "-f", conf, "-P", folder + "/pid")
    ns.listening(8200)
    ns.listening(1900, "udp")


# ---- DHCPv6: dnsmasq, dhclient

def dhcpv6_server(net, ns, dev):
    ns.spawn("dnsmasq", "-k", "-C", "/dev/null", "-p", 0, "-u", "root", "-i", dev, "--log-facility=-",
             "--dhcp-leasefile=%s/leases" % net.dir, "--pid-file=", "--dhcp-range=fd09::1000,fd09::1fff,64")
    ns.listening(547, "udp")


def dhcpv6_client(net, ns, dev):
    """Gets an address and does nothing with it."""
    return ns.spawn("dhclient", "-6", "-d", "-v", "-cf", net.file("dhclient.conf", ""), "-lf", net.dir + "/dhclient.leases",
                    "-pf", net.dir + "/dhclient.pid", "-sf", "/bin/true", dev)


# ---- WS-Discovery: wsdd

def wsdd_host(net, ns, dev, *options):
    ns.spawn("wsdd", "-i", dev, "-n", "printer", "-t", *options)
    ns.listening(3702, "udp")


# ---- SLP: of which Debian 12 has no program. An agent with one service, and who asks for it (argv: own address).

SLP_AGENT = """
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 427))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton('239.255.255.253') + socket.inet_aton(sys.argv[1]))
url = b'service:printer:lpr://' + sys.argv[1].encode()
while True:
    question, whom = s.recvfrom(1400)
    body = question[10:14 + int.from_bytes(question[12:14], 'big')]
    body += struct.pack('>HHBHH', 0, 1, 0, 300, len(url)) + url + b'\\0'
    s.sendto(b'\\2\\2' + (10 + len(body)).to_bytes(3, 'big') + bytes(5) + body, whom)
"""
SLP_ASK = """
import select, socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
body = struct.pack('>HH', 7, 2) + b'en'
for word in (b'', b'service:printer', b'DEFAULT', b'', b''):
    body += struct.pack('>H', len(word)) + word
question = b'\\2\\1' + (10 + len(body)).to_bytes(3, 'big') + b'\\x20\\0\\0\\0\\0' + body
for i in range(20):
    s.sendto(question, ('239.255.255.253', 427))
    if select.select([s], [], [], 1)[0]:
        print(s.recvfrom(1400), flush=True)
"""


def slp_agent(net, ns, own):
    ns.spawn_python(SLP_AGENT, own)
    ns.listening(427, "udp")


# ---- GENA: a subscriber. argv: device's address, port and path, own address. Prints the answer, then who connects to tell of an
# event (minidlna 1.3.0 then says nothing, whatever lies between).

SUBSCRIBER = """
import socket, sys
host, port, path, own = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
events = socket.create_server((own, 5000))
s = socket.create_connection((host, port))
s.sendall(('SUBSCRIBE %s HTTP/1.1\\r\\nHOST: %s:%d\\r\\nCALLBACK: <http://%s:5000/there>\\r\\nNT: upnp:event\\r\\n'
           'TIMEOUT: Second-300\\r\\n\\r\\n' % (path, host, port, own)).encode())
print(s.recv(4096).split(b'\\r\\n')[0].decode(), flush=True)
s.close()
while True:
    c, whom = events.accept()
    print('event from', whom[0], flush=True)
    c.sendall(b'HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n')
    c.close()
"""
