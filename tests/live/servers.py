#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Real FTP servers and clients across the gateway, with source NAT, destination NAT and both, over IPv4
and IPv6, active and passive. The drawing is in lib.py.

    servers.py          vsftpd and pyftpdlib with every client; the combinations of a table
    SOAK=1 servers.py   every server, every client, every translation

proftpd and pure-ftpd cannot be installed beside vsftpd (Debian's packages conflict): with SOAK they
are unpacked from what apt-get downloads into a folder of the test's own.
"""
import pwd

from lib import *

LONG = bool(os.environ.get("SOAK"))
DATA = 150000

# ---- servers: start one on port 21 of the namespace, serving net.dir/ftp, uploads into in/


def pyftpd(net, ns):
    for i, address in enumerate(ADDRESSES[ns is net.server]):
        ns.spawn("/usr/bin/python3", "-m", "pyftpdlib", "-i", address, "-p", "21", "-r", "50000-50999", "-w",
                 "-d", net.dir + "/ftp")
        wait_until(lambda: ns.run("ss", "-Hltn", "src", "[%s]:21" % address if ":" in address else
                                  "%s:21" % address).stdout.strip(), "pyftpdlib")


def vsftpd_there(net, ns):
    vsftpd(net, ns=ns)


def unpacked(net, program, package, *libraries):
    """The program of a package that is not installed, as the words of a command."""
    folder = net.dir + "/" + package
    os.mkdir(folder)
    subprocess.run(["apt-get", "-qq", "download", package, *libraries], cwd=folder, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    for deb in [f for f in os.listdir(folder) if f.endswith(".deb")]:
        subprocess.run(["dpkg", "-x", deb, "."], cwd=folder, check=True)
    multiarch = os.listdir(folder + "/usr/lib") if os.path.isdir(folder + "/usr/lib") else []
    paths = ":".join("%s/usr/lib/%s" % (folder, m) for m in multiarch)
    return ["env", "LD_LIBRARY_PATH=" + paths, folder + program]


def proftpd(net, ns):
    program = unpacked(net, "/usr/sbin/proftpd", "proftpd-core", "libmemcachedutil2", "libmemcached11", "libhashkit2",
                       "libpcre2-posix3")
    conf = net.file("proftpd.conf", """
ServerType standalone
ServerName test
DefaultServer on
UseIPv6 on
Port 21
User nobody
Group nogroup
PassivePorts 50000 50999
DefaultRoot %(d)s/ftp
WtmpLog off
ScoreboardFile %(d)s/scoreboard
PidFile %(d)s/proftpd.pid
DelayEngine off
UseFtpUsers off
AllowOverwrite on
AuthOrder mod_auth_unix.c
ModulePath %(d)s/proftpd-core/usr/lib/proftpd
<Anonymous %(d)s/ftp>
  User nobody
  Group nogroup
  UserAlias anonymous nobody
  RequireValidShell off
</Anonymous>
""" % {"d": net.dir})
    ns.spawn(*program, "-n", "-c", conf)
    ns.listening(21)


def pureftpd(net, ns):
    program = unpacked(net, "/usr/sbin/pure-ftpd", "pure-ftpd")
    # Its folder is the home of the user ftp: there, in a mount namespace of its own, is ours.
    home = pwd.getpwnam("ftp").pw_dir
    ns.spawn("unshare", "-m", "sh", "-c", 'mount --bind "$0" "$1" && shift 1 && exec "$@"', net.dir + "/ftp", home,
             *program, "-e", "-S", "21", "-p", "50000:50999", "-H", "-A")
    ns.listening(21)


# ---- clients: fetch `file` and put `up` into in/; run in net.dir/mine


def curl(net, ns, host, active):
    mode = ["-P", "-"] if active else []
    url = "ftp://%s/" % ("[%s]" % host if ":" in host else host)
    ns.run("curl", "-sS", "--max-time", "20", *mode, "-o", "file", url + "file", cwd=net.dir + "/mine")
    ns.run("curl", "-sS", "--max-time", "20", *mode, "-T", "up", url + "in/", cwd=net.dir + "/mine")


def lftp(net, ns, host, active):
    ns.run("lftp", "-c", "set net:timeout 10; set net:max-retries 2; set ftp:passive-mode %s; "
           "set ftp:ssl-allow no; open -u anonymous,x ftp://%s; get file; cd in; put up" %
           ("off" if active else "on", "[%s]" % host if ":" in host else host), cwd=net.dir + "/mine")


def tnftp(net, ns, host, active):
    ns.run("tnftp", "-A" if active else "-p", "-n", "-v", host, cwd=net.dir + "/mine",
           input="user anonymous x\nbinary\nget file\ncd in\nput up\nbye\n")


def inetutils(net, ns, host, active):
    ns.run("inetutils-ftp", "-n", "-v", *([] if active else ["-p"]), host, cwd=net.dir + "/mine",
           input="user anonymous x\nbinary\nget file\ncd in\nput up\nbye\n")


def ncftp(net, ns, host, active):
    mode = "-E" if active else "-F"
    ns.run("ncftpget", mode, "-t", "10", host, ".", "file", cwd=net.dir + "/mine")
    ns.run("ncftpput", mode, "-t", "10", host, "in", "up", cwd=net.dir + "/mine")


ADDRESSES = {True: (S4, S6), False: (C4, C6)}
SERVERS = {"vsftpd": vsftpd_there, "pyftpdlib": pyftpd, "proftpd": proftpd, "pure-ftpd": pureftpd}
CLIENTS = {"curl": curl, "lftp": lftp, "tnftp": tnftp, "inetutils": inetutils, "ncftp": ncftp}
V4_ONLY = {"ncftp", "inetutils"}

DNAT = """
table inet forwarded {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        iifname "out0" tcp dport 21 dnat ip to 10.9.0.2
        iifname "out0" tcp dport 21 dnat ip6 to fd09::2
    }
}
"""
BOTH = """
table inet hidden {
    chain postrouting {
        type nat hook postrouting priority srcnat;
        oifname "in0" masquerade
    }
}
"""


def transfer(net, client, inside_server, active):
    """One client, both families, both directions of the data."""
    server_ns, client_ns = (net.client, net.server) if inside_server else (net.server, net.client)
    for host in ((OUT4, OUT6) if inside_server else (S4, S6)):
        if ":" in host and client in V4_ONLY:
            continue
        what = "%s to %s, %s" % (client, host, "active" if active else "passive")
        for name in ("mine/file", "ftp/in/up"):
            if os.path.exists(net.dir + "/" + name):
                os.unlink(net.dir + "/" + name)
        try:
            try:
                CLIENTS[client](net, client_ns, host, active)
            except Failed as e:
                if "Unable to set anonymous privileges" not in str(e):
                    raise
                CLIENTS[client](net, client_ns, host, active)  # proftpd's word, now and then; not of our making
        except (Failed, subprocess.TimeoutExpired) as e:
            raise Failed("%s: %s" % (what, e))
        for ours, theirs in (("mine/file", "ftp/file"), ("mine/up", "ftp/in/up")):
            with open(net.dir + "/" + ours, "rb") as a, open(net.dir + "/" + theirs, "rb") as b:
                check(a.read() == b.read(), "%s: %s differs" % (what, ours))


def scene(server, clients, rules, inside_server):
    with Net(routed=False) as net:
        os.makedirs(net.dir + "/ftp/in")
        os.makedirs(net.dir + "/mine")
        for folder in ("/ftp/in", "/mine"):
            os.chmod(net.dir + folder, 0o777)
        os.chmod(net.dir + "/ftp", 0o755)
        for name in ("/ftp/file", "/mine/up"):
            with open(net.dir + name, "wb") as f:
                f.write(os.urandom(DATA))
            os.chmod(net.dir + name, 0o644)
        net.sluice(rules=rules + HELPER_FTP)
        SERVERS[server](net, net.client if inside_server else net.server)
        for client in clients:
            for active in (False, True):
                transfer(net, client, inside_server, active)
        net.kernel_conntrack_empty()
        net.stop_sluice()


def source_nat():
    for server in SERVERS if LONG else ("vsftpd", "pyftpdlib"):
        scene(server, CLIENTS, MASQUERADE, False)


def destination_nat():
    for server in SERVERS if LONG else ("vsftpd",):
        scene(server, CLIENTS if LONG else ("curl", "tnftp"), DNAT, True)


def both():
    for server in SERVERS if LONG else ("vsftpd",):
        scene(server, CLIENTS if LONG else ("curl", "lftp"), DNAT + BOTH, True)


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl", "lftp", "tnftp", "inetutils-ftp", "ncftpget")
    main(source_nat, destination_nat, both)
