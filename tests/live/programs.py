# SPDX-License-Identifier: BSD-2-Clause
"""
Real clients and servers of helpers' protocols, set up in the namespaces of a Net: for the live
tests, and for the captures (tests/captures/record_calls.py), where the same programs talk through
a router that does nothing.

Each function starts one program, or runs one to its end, and knows nothing of what lies between.
"""
import pty
import random
import struct
import threading
import tty

from lib import *


def firewall(*helpers):
    """
    A ruleset that masquerades, and drops what comes from outside unless it was expected. helpers: "sip udp 5060",
    for packets of others and the gateway's own.
    """
    split = [h.split() for h in helpers]
    return """
table inet gateway {
    %s
    chain helpers {
        %s
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
""" % ("\n    ".join('ct helper %s-%s { type "%s" protocol %s; }' % (h, proto, h, proto) for h, proto, _ in split),
       "\n        ".join('%s dport %s ct helper set "%s-%s"' % (proto, port, h, proto) for h, proto, port in split))


def dnat_inside(proto, port):
    """A ruleset's table: connections from outside to that port lead to the host inside."""
    return """
table ip nat {
    chain prerouting { type nat hook prerouting priority dstnat;
        iifname "out0" %s dport %d dnat to %s
    }
}
""" % (proto, port, C4)


def related(net, proto):
    """The connections that were expected, as `sluice list` shows them."""
    return [row for row in net.rows("list", "conntrack")
            if row["proto"] == proto and "EXPECTED" in row["status"]]


def packets(row):
    return row["counters_orig"]["packets"], row["counters_reply"]["packets"]


def needs(*programs):
    """Are all of them here? Says which one is not."""
    for program in programs:
        if not find_program(program):
            print("left out: needs the program " + program)
            return False
    return True


def random_file(net, name, size):
    """A file of its own bytes; its path and what is in it."""
    data = random.Random(name).randbytes(size)
    path = os.path.join(net.dir, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, 0o644)
    return path, data


def content(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except OSError:
        return None


# ---- IRC: ngircd and irssi

NGIRCD = """
[Global]
    Name = irc.example.net
    Info = for a test
    Listen = ::,0.0.0.0
    Ports = %d
    ServerGID = root
    ServerUID = root
    MotdPhrase = welcome
[Options]
    Ident = no
    PAM = no
    DNS = no
"""


def ngircd(net, port=6667):
    net.server.spawn("ngircd", "-n", "-f", net.file("ngircd.conf", NGIRCD % port))
    net.server.listening(port)


class Irssi:
    """irssi at a terminal of its own; what it takes goes to its folder `got`."""

    CONFIG = """
settings = { core = { real_name = "%s"; user_name = "%s"; nick = "%s"; };
             "fe-common/core" = { autolog = "no"; };
             "irc/dcc" = { dcc_autoget = "yes"; dcc_autochat_masks = "*!*@*"; dcc_download_path = "%s"; %s };
             "irc/core" = { cmds_max_at_once = "50"; }; };
"""

    def __init__(self, net, ns, nick, server, port=6667, own=None, dcc=""):
        """dcc: settings of irc/dcc."""
        home = os.path.join(net.dir, nick)
        self.got = os.path.join(home, "got")
        os.makedirs(self.got)
        net.file(nick + "/config", self.CONFIG % (nick, nick, nick, self.got, dcc))
        master, slave = pty.openpty()
        self.terminal, self.nick = master, nick
        self.screen = open(os.path.join(home, "screen"), "wb")
        ns.spawn("env", "TERM=vt100", "HOME=" + home, "irssi", "--home=" + home, "--noconnect",
                 stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        threading.Thread(target=self.read, daemon=True).start()
        self.say("/connect %s %s %d" % ("-host " + own if own else "", server, port))

    def read(self):
        try:
            while True:
                self.screen.write(os.read(self.terminal, 65536))
                self.screen.flush()
        except OSError:  # it has ended
            pass

    def say(self, line):
        os.write(self.terminal, line.encode() + b"\r")

    def shows(self, text):
        """Has it shown this (one word: it moves the cursor between words as it likes)?"""
        with open(self.screen.name, "rb") as f:
            return text.encode() in f.read()

    def joined(self):
        wait_until(lambda: self.shows("welcome"), self.nick + " at the server", 20)

    def received(self, name, data):
        wait_until(lambda: content(os.path.join(self.got, name)) == data,
                   "%s, whole, at %s" % (name, self.nick), 20)


# ---- TFTP: tftpd-hpa, atftpd; tftp-hpa, atftp, curl

def tftpd(net, ns, which, folder):
    """One of the two servers, for a folder where uploads may go, too. (atftpd 0.8 on its own listens to IPv4 only.)"""
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    if which == "in.tftpd":
        ns.spawn(find_program(which), "-L", "-c", "-u", "root", "-s", folder)
    else:
        ns.spawn(find_program(which), "--daemon", "--no-fork", "--user", "root.root", folder)
    ns.listening(69, "udp")


def tftp_get(ns, client, host, remote, local):
    if client == "tftp":
        ns.run("tftp", host, "-m", "binary", "-c", "get", remote, local)
    elif client == "atftp":
        ns.run("atftp", "--option", "blksize 1024", "--option", "tsize 0", "-g", "-r", remote, "-l", local, host)
    else:
        ns.run("curl", "-sS", "--max-time", 20, "--tftp-blksize", 800, "-o", local,
               "tftp://%s/%s" % ("[%s]" % host if ":" in host else host, remote))


def tftp_put(ns, client, host, local, remote):
    if client == "tftp":
        ns.run("tftp", host, "-m", "binary", "-c", "put", local, remote)
    elif client == "atftp":
        ns.run("atftp", "--option", "blksize 1024", "-p", "-r", remote, "-l", local, host)
    else:
        ns.run("curl", "-sS", "--max-time", 20, "-T", local,
               "tftp://%s/%s" % ("[%s]" % host if ":" in host else host, remote))


# ---- PPTP: pptpd and pptp-linux
#
# Both hand the bytes of PPP to a pppd, framed as HDLC on a terminal or a pipe. This needs no PPP
# in the kernel: FRAMES stands where pppd would. It sends numbered frames, reads those of the other
# end, and writes down what came. The control connection, the call ids and GRE are the programs' own.

FRAMES = '''
import os, select, sys, time, tty
name, out = sys.argv[1:3]
if os.isatty(0):
    tty.setraw(0)
def fcs(data):
    f = 0xffff
    for b in data:
        f ^= b
        for _ in range(8):
            f = f >> 1 ^ (0x8408 if f & 1 else 0)
    return f ^ 0xffff
def frame(data):
    data = b"\\xff\\x03" + data
    data += fcs(data).to_bytes(2, "little")
    body = b"".join(bytes((0x7d, b ^ 0x20)) if b < 0x20 or b in (0x7d, 0x7e) else bytes((b,)) for b in data)
    return b"~" + body + b"~"
def unframe(body):
    data, escaped = bytearray(), False
    for b in body:
        if b == 0x7d and not escaped:
            escaped = True
        else:
            data.append(b ^ 0x20 if escaped else b)
            escaped = False
    return bytes(data[2:-2]) if len(data) > 4 and fcs(data[:-2]) == int.from_bytes(data[-2:], "little") else None
held, n = b"", 0
next_one = 0
while True:
    if time.monotonic() >= next_one:  # 0xc021 (LCP) in front, as the beginning of a session has it
        os.write(1, frame(b"\\xc0\\x21" + ("%s %d " % (name, n)).encode() + bytes(range(256)) * 2))
        n, next_one = n + 1, time.monotonic() + 0.1
    if select.select([0], [], [], 0.1)[0]:
        got = os.read(0, 65536)
        if not got:
            break
        *whole, held = (held + got).split(b"~")
        for data in filter(None, map(unframe, whole)):
            if data.endswith(bytes(range(256)) * 2):
                with open(out, "a") as f:
                    f.write(data[2:].split(b" ")[0].decode() + "\\n")
'''


def pptpd(net):
    """The server; each of its calls writes what it hears to net.dir/heard-PID."""
    frames = net.file("frames.py", FRAMES)
    pppd = net.file("pppd", "#!/bin/sh\nexec %s %s server-$$ %s/heard-$$\n" % (sys.executable, frames, net.dir))
    os.chmod(pppd, 0o755)
    conf = net.file("pptpd.conf", "ppp %s\noption %s\nlocalip 172.16.0.1\nremoteip 172.16.0.10-20\n"
                    "pidfile %s/pptpd.pid\n" % (pppd, net.file("ppp-options", ""), net.dir))
    net.server.spawn("pptpd", "-f", "-c", conf)
    net.server.listening(1723)


def pptp(net, ns, name, server, own):
    """
    A client whose frames are called `name`; writes what it hears to net.dir/NAME. Clients on one host share a
    call manager by a socket in /run/pptp, and choose call ids from /dev/random: here each has its own
    /run/pptp, as hosts of their own would, and all of them the same dice.
    """
    frames, dice = net.file("frames.py", FRAMES), net.file("dice", "dice" * 1024)
    master, slave = pty.openpty()
    tty.setraw(slave)
    ns.spawn(sys.executable, frames, name, "%s/%s" % (net.dir, name), stdin=master, stdout=master)
    child = ns.spawn("sh", "-c", "mkdir -p /run/pptp && mount -t tmpfs none /run/pptp && mount --bind %s /dev/random &&"
                     "exec pptp %s --nolaunchpppd --nohostroute --localbind %s" % (dice, server, own), stdin=slave)
    os.close(master)
    os.close(slave)
    return child


def heard(path):
    return (content(path) or b"").decode().split()


# ---- Amanda: amandad and amservice, as the "bsd" authentication has it (UDP)
#
# Each end has its own idea of names, services and who may ask: files that are mounted over the machine's for
# that program alone. amandad is made for inetd; a few lines wait for the datagram in its place.

INETD = '''
import os, pwd, select, socket
user = pwd.getpwnam("backup")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 10080))
while select.select([s], [], []):
    if os.fork() == 0:
        for fd in range(3):
            os.dup2(s.fileno(), fd)
        os.initgroups("backup", user.pw_gid)
        os.setgid(user.pw_gid)
        os.setuid(user.pw_uid)
        os.execv("/usr/lib/amanda/amandad", ["amandad", "-auth=bsd", "amdump"])
    os.wait()
'''
STREAMS = ("DATA", "MESG", "INDEX", "STATE")


def has_amanda():
    if needs("amservice", "runuser"):
        if os.access("/usr/lib/amanda/amandad", os.X_OK):
            return True
        print("left out: needs amandad (amanda-client)")
    return False


def as_amanda(net, who, hosts, command):
    """What runs `command` (a shell's) as a host of Amanda's; hosts: name -> address."""
    private = "%s/amanda-%s" % (net.dir, who)
    for folder in ("log", "tmp"):
        os.makedirs(private + "/" + folder)
        shutil.chown(private + "/" + folder, "backup", "backup")
    net.file("amanda-%s/hosts" % who, "".join("%s %s\n" % (addr, name) for name, addr in hosts.items()))
    net.file("amanda-%s/services" % who, "amanda 10080/udp\namanda 10080/tcp\n")
    allowed = net.file("amanda-%s/allowed" % who, "".join("%s backup amdump\n" % name for name in hosts))
    os.chmod(allowed, 0o600)
    shutil.chown(allowed, "backup", "backup")
    over = {"hosts": "/etc/hosts", "services": "/etc/services", "allowed": "/etc/amandahosts",
            "log": "/var/log/amanda", "tmp": "/tmp/amanda"}
    os.makedirs("/tmp/amanda", exist_ok=True)
    return ("sh", "-c", "".join("mount --bind %s/%s %s && " % (private, mine, its) for mine, its in over.items()) + command)


def amandad(net, ns, hosts):
    ns.spawn(*as_amanda(net, "asked", hosts, "exec %s %s" % (sys.executable, net.file("inetd.py", INETD))))
    ns.listening(10080, "udp")


def amanda_backup(net, ns, hosts, name, disk):
    """A whole backup of `disk` at the host `name`; net.dir/DATA and so on is what each stream brought."""
    request = net.file("request", "<dle>\n  <program>GNUTAR</program>\n  <disk>%s</disk>\n  <level>0</level>\n"
                       "  <auth>bsd</auth>\n  <record>NO</record>\n  <index>YES</index>\n"
                       "  <datapath>AMANDA</datapath>\n</dle>\n" % disk)
    streams = " ".join("--stream %s,0,%d" % (s, fd) for fd, s in enumerate(STREAMS, 3))
    into = " ".join("%d>%s/%s" % (fd, net.dir, s) for fd, s in enumerate(STREAMS, 3))
    # It stops at the end of its standard input.
    child = ns.spawn(*as_amanda(net, "asks", hosts, "exec runuser -u backup -- amservice -f %s %s %s bsd sendbackup %s"
                                % (request, streams, name, into)), stdin=subprocess.PIPE)
    wait_until(lambda: b"sendbackup: end" in (content(net.dir + "/MESG") or b""), "the end of the backup", 20)
    return child


# ---- RTSP: GStreamer's server, ffmpeg

DEBIANS_PYTHON = "/usr/bin/python3"  # the one that its gi belongs to
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


def has_rtsp_server():
    probe = ("import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer; "
             "Gst.init(None); assert Gst.ElementFactory.find('rtppcmapay') and Gst.ElementFactory.find('alawenc')")
    done = subprocess.run([DEBIANS_PYTHON, "-c", probe], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if done.returncode:
        print("left out: needs GStreamer's RTSP server for Python (gir1.2-gst-rtsp-server-1.0)")
    return done.returncode == 0


def rtsp_server(net):
    net.server.spawn(DEBIANS_PYTHON, "-c", RTSP_SERVER)
    net.server.listening(8554)


def play(net, server, transport):
    """Half a second of sound; the file that it is in."""
    sound = net.dir + "/sound.wav"
    net.client.run("ffmpeg", "-nostdin", "-y", "-loglevel", "error", "-rtsp_transport", transport, "-i",
                   "rtsp://%s:8554/film" % server, "-map", "0:0", "-t", 0.5, sound)
    return sound


# ---- SANE: saned's test backend, scanimage

def saned(net, *clients):
    """For these clients' addresses."""
    net.file("saned/dll.conf", "test\n")
    net.file("saned/saned.conf", "data_portrange = 10000 - 10100\n127.0.0.1\n" +
             "".join(("[%s]\n" if ":" in c else "%s\n") % c for c in clients))
    net.server.spawn("env", "SANE_CONFIG_DIR=%s/saned" % net.dir, find_program("saned"), "-l", "-e", "-b", "::")
    net.server.listening(6566)


def scan(net, ns, device):
    """The bytes of an image from test:0, or from net:HOST:test:0."""
    net.file("scan/dll.conf", device.split(":")[0] + "\n")
    net.file("scan/net.conf", "")
    ns.run("env", "SANE_CONFIG_DIR=%s/scan" % net.dir, "scanimage", "-d", device, "--mode", "Color",
           "--resolution", 100, "-x", 80, "-y", 80, "-o", net.dir + "/image.pnm")
    return content(net.dir + "/image.pnm")


# ---- SNMP: net-snmp

def snmpd(net, ns):
    conf = net.file("snmpd.conf", "agentaddress udp:161\nrocommunity public\n"
                    "createUser bob MD5 password1 DES password2\nrouser bob\n")
    ns.spawn("env", "SNMP_PERSISTENT_DIR=%s/snmp" % net.dir, find_program("snmpd"), "-f", "-Lo", "-C",
             "-c", conf, "-p", net.dir + "/snmpd.pid")
    ns.listening(161, "udp")


def snmp_addresses_of(ns, version, agent):
    return ns.run("snmpwalk", "-v", version, "-c", "public", "-m", "", "-On", agent, ".1.3.6.1.2.1.4.20.1.1").stdout


def snmp_v3(ns, agent):
    return ns.run("snmpget", "-v", 3, "-u", "bob", "-l", "authPriv", "-a", "MD5", "-A", "password1",
                  "-x", "DES", "-X", "password2", "-m", "", agent, ".1.3.6.1.2.1.1.5.0").stdout


# ---- NetBIOS names: Samba

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


def nmb_config(net, name, address):
    folder = "%s/%s" % (net.dir, name)
    os.makedirs(folder, exist_ok=True)
    return net.file(name + "/smb.conf", (NMBD % (name.upper(), address)).format(folder))


def nmbd(net, ns, name, address):
    ns.spawn("nmbd", "-F", "--no-process-group", "-s", nmb_config(net, name, address))
    ns.listening(137, "udp")


# ---- RPC: rpcbind, rusersd, mountd
#
# They meet at a socket in /run, and mountd has its files in /var/lib/nfs: both are the programs' own.

RPC_HOST = """
mount -t tmpfs none /run && mount -t tmpfs none /var/lib/nfs && mkdir /run/rpcbind &&
cp %s/utmp /run/utmp && cp %s/etab /var/lib/nfs/ && touch /var/lib/nfs/rmtab &&
rpcbind -w -r && rpc.rusersd && exec rpc.mountd -F
"""


def rpc_host(net, ns):
    """rusersd knows that alice is there, mountd offers /srv; both at ports of their own choice."""
    with open(net.dir + "/utmp", "wb") as f:
        f.write(struct.pack("hi32s4s32s256shhiii16s20s", 7, 1, b"null", b"1", b"alice", b"somewhere", 0, 0, 0,
                            int(time.time()), 0, b"", b""))
    net.file("etab", "/srv\t*(ro,sync,wdelay,hide,nocrossmnt,secure,root_squash,no_all_squash,no_subtree_check,"
                     "secure_locks,acl,no_pnfs,anonuid=65534,anongid=65534,sec=sys,ro,secure,root_squash,no_all_squash)\n")
    child = ns.spawn("sh", "-c", RPC_HOST % (net.dir, net.dir))
    ns.listening(111)
    wait_until(lambda: "mountd" in ns.run("rpcinfo", "-p", "127.0.0.1", check=False).stdout, "mountd", 20)
    return child


def exports(ns, host):
    """What mountd says (TCP), or None."""
    done = ns.run("timeout", "-s", "KILL", 3, "showmount", "-e", "--no-headers", host, check=False)
    return done.stdout.split() if done.returncode == 0 else None


def users(ns, host):
    """Who is there, as rusersd says (UDP), or None."""
    done = ns.run("timeout", "-s", "KILL", 3, "rusers", "-l", host, check=False)
    return done.stdout.split()[:1] or None


# ---- rsh: rsh-redone's server (a program for inetd), rsh-redone's and netkit's clients

SERVE = """
import os, socket, sys
s = socket.create_server(("", int(sys.argv[1])))
while True:
    k, _ = s.accept()
    if os.fork() == 0:
        for fd in range(3):
            os.dup2(k.fileno(), fd)
        os.execv(sys.argv[2], sys.argv[2:])
    k.close()
"""
RSH_CLIENTS = ("netkit-rsh", "rsh-redone-rsh")


def rshd(net, ns, *clients):
    """A server that trusts everybody on these hosts; nobody has a shell there."""
    over = {"/etc/hosts": "".join("%s host%d\n" % c[::-1] for c in enumerate(clients)),
            "/etc/passwd": "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
            "/etc/pam.d/rsh": "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n"}
    mounts = ["mount --bind %s %s" % (net.file("rshd" + name, text), name) for name, text in over.items()]
    ns.spawn("sh", "-c", " && ".join(mounts + ["exec %s %s 514 %s" % (sys.executable, net.file("serve.py", SERVE),
                                                                     find_program("in.rshd"))]))
    ns.listening(514)


def rsh(ns, client, host, command, **more):
    """What comes of its two outputs, or None."""
    done = ns.run("timeout", "-s", "KILL", 3, client, "-l", "nobody", host, command, check=False, **more)
    return (done.stdout, done.stderr) if done.returncode == 0 else None


# ---- talk: netkit's talk and talkd (a program for inetd)

SERVE_DATAGRAMS = """
import os, select, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
while select.select([s], [], []):
    if os.fork() == 0:
        for fd in range(3):
            os.dup2(s.fileno(), fd)
        os.execv(sys.argv[2], sys.argv[2:])
    os.wait()
"""


class Talker:
    """Somebody at a terminal of a host, with a talkd beside it. hosts: name -> address, as that host knows them."""

    def __init__(self, net, ns, name, hosts):
        self.ns, self.screen = ns, b""
        self.terminal, self.slave = pty.openpty()
        tty_name = os.ttyname(self.slave)
        os.chmod(tty_name, 0o666)
        utmp = net.dir + "/utmp-" + name
        with open(utmp, "wb") as f:
            f.write(struct.pack("hi32s4s32s256shhiii16s20s", 7, os.getpid(), tty_name[5:].encode(), b"t", name.encode(), b"",
                                0, 0, 0, int(time.time()), 0, b"", b""))
        over = {net.file("hosts-" + name, "".join("%s %s\n" % (a, n) for n, a in hosts.items())): "/etc/hosts",
                net.file("passwd-" + name, "%s:x:0:0::/:/bin/sh\n" % name): "/etc/passwd"}
        self.private = "mount -t tmpfs none /run && cp %s /run/utmp && " % utmp + \
            "".join("mount --bind %s %s && " % pair for pair in over.items())
        threading.Thread(target=self.read, daemon=True).start()
        ns.spawn("sh", "-c", self.private + "exec %s %s 518 %s" % (
            sys.executable, net.file("serve_datagrams.py", SERVE_DATAGRAMS), find_program("in.ntalkd")))
        ns.listening(518, "udp")

    def read(self):
        try:
            while True:
                self.screen += os.read(self.terminal, 4096)
        except OSError:  # it has ended
            pass

    def talk(self, whom):
        self.ns.spawn("sh", "-c", self.private + "exec env TERM=vt100 setsid -c netkit-ntalk " + whom,
                      stdin=self.slave, stdout=self.slave, stderr=self.slave)

    def say(self, text):
        os.write(self.terminal, text.encode())

    def shows(self, text):
        return text.encode() in self.screen
