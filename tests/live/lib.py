# SPDX-License-Identifier: BSD-2-Clause
"""
Live tests: three network namespaces, sluice in the middle, real programs at both ends.

    client                  gateway (sluice run)               server
    +--------+        +---------------------------+        +---------+
    | c0     |--------| in0                  out0 |--------| s0      |
    +--------+        +---------------------------+        +---------+
    10.9.0.2          10.9.0.1          192.0.2.1          192.0.2.10
    fd09::2           fd09::1         2001:db8::1          2001:db8::10

Names of namespaces carry this process's id, so runs beside each other do not meet. The client's
default route is the gateway; the server knows only its own network, so that a packet which
leaves untranslated finds no way back (Net(routed=True) gives it a route to the client too).

    from lib import Net, skip_unless_possible, RULES_MASQUERADE
    skip_unless_possible("vsftpd", "curl")
    with Net() as net:
        net.sluice("--inside", "in0", "--outside", "out0", "--masquerade")
        net.server.spawn("vsftpd", conf)
        net.client.run("curl", ...)

With LIVE_OFFLOAD=off every offload (tx, rx, tso, gso, gro) is off on every interface of the drawing, and
what arrives at both ends is captured meanwhile: a wrong checksum fails the test. (With offloads on, a veth
carries unfinished checksums, so that a wrong one would not be seen.) A normal end of sluice is always checked
to leave nothing, and the kernel's own conntrack to be empty.

Everything started in a Net is ended, and its namespaces are removed, when the `with` block ends,
however it ends. A test that fails raises; main(tests) counts and prints.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

C4, G4, S4 = "10.9.0.2", "10.9.0.1", "192.0.2.10"
C6, G6, S6 = "fd09::2", "fd09::1", "2001:db8::10"
OUT4, OUT6 = "192.0.2.1", "2001:db8::1"  # the gateway's outside addresses

MASQUERADE = """
table inet gateway {
    chain postrouting {
        type nat hook postrouting priority srcnat;
        oifname "out0" masquerade
    }
}
"""
HELPER_FTP = """
table inet helpers {
    ct helper ftp-standard { type "ftp" protocol tcp; }
    chain prerouting {
        type filter hook prerouting priority -150;
        tcp dport 21 ct helper set "ftp-standard"
    }
}
"""


# A test that is told to end still ends its programs and removes its namespaces.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


# Where scripts/deps.sh unpacks what cannot be installed beside another package.
UNPACKED = "/usr/local/lib/sluice-tests/usr/sbin"


class Failed(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


def skip(why):
    print("SKIPPED:", why)
    sys.exit(77)


def skip_unless_possible(*programs):
    """Root, namespaces, BPF, TAP and the named programs, or exit 77 with one clear line."""
    if os.geteuid() != 0:
        skip("needs root, for network namespaces")
    for program in ("ip", "ethtool") + programs:
        if not find_program(program):
            skip("needs the program " + program)
    if not os.path.exists("/dev/net/tun"):
        skip("needs /dev/net/tun")
    name = "slprobe-%d" % os.getpid()
    if subprocess.run(["ip", "netns", "add", name], stderr=subprocess.DEVNULL).returncode:
        skip("network namespaces cannot be made here")
    subprocess.run(["ip", "netns", "del", name])


def find_program(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:" + UNPACKED)


def sluice_program():
    """The program under test: $SLUICE, or the one in build/."""
    here = os.path.dirname(os.path.abspath(__file__))
    return os.environ.get("SLUICE") or os.path.join(here, "../../build/prog/sluice")


def wait_until(condition, what, seconds=30):
    """Waits for a fact, not for a time; the limit is only there to fail at last."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed("waited in vain for " + what)
        time.sleep(0.02)


class Namespace:
    def __init__(self, net, name):
        self.net, self.name, self.started = net, name, {}

    def command(self, *args):
        return ["ip", "netns", "exec", self.name] + [str(a) for a in args]

    def run(self, *args, timeout=60, check=True, **more):
        """Runs to the end; returns the CompletedProcess with stdout and stderr as text."""
        more.setdefault("stdin", subprocess.DEVNULL if "input" not in more else None)
        if "input" in more:
            del more["stdin"]
        done = subprocess.run(self.command(*args), timeout=timeout, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
        if check and done.returncode:
            raise Failed("%s: exit %d\n%s%s" % (" ".join(map(str, args)), done.returncode,
                                                done.stdout, done.stderr))
        return done

    def spawn(self, *args, **more):
        """Starts in the background; ended with the Net."""
        more.setdefault("stdin", subprocess.DEVNULL)
        log = open(os.path.join(self.net.dir, "%s-%d.log" % (os.path.basename(str(args[0])),
                                                             len(self.net.children))), "wb")
        more.setdefault("stdout", log)
        more.setdefault("stderr", log)
        child = subprocess.Popen(self.command(*args), start_new_session=True, **more)
        child.log = log.name
        self.net.children.append(child)
        return child

    def ip(self, *args):
        return self.run("ip", *args)

    def listening(self, port, proto="tcp"):
        """Waits until something listens there; all that spawn_python() started for that port."""
        flags = "-Hltn" if proto == "tcp" else "-Hlun"
        n = self.started.get(port, 1)
        wait_until(lambda: len(self.run("ss", flags, "sport = :%d" % port).stdout.splitlines()) >= n,
                   "a listener on port %d" % port)

    def python(self, text, *args, **more):
        return self.run(sys.executable, "-c", text, *args, **more)

    def spawn_python(self, text, *args, **more):
        if text in (SINK, ECHO):  # for listening()
            self.started[int(args[1])] = self.started.get(int(args[1]), 0) + 1
        return self.spawn(sys.executable, "-c", text, *args, **more)

    def enter(self, function, *args):
        """Calls function in this namespace, in a thread of its own (for sockets made in Python)."""
        result = []

        def work():
            here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            there = os.open("/run/netns/" + self.name, os.O_RDONLY)
            try:
                setns(there)
                result.append((function(*args), None))
            except BaseException as e:  # handed over
                result.append((None, e))
            finally:
                setns(here)
                os.close(here)
                os.close(there)

        t = threading.Thread(target=work)
        t.start()
        t.join()
        if result[0][1]:
            raise result[0][1]
        return result[0][0]


def setns(fd):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


class Checksums:
    """Looks at what arrives at an interface, in a thread; how many frames were right and wrong."""
    SOME = 20000  # all of so many; then each sixteenth

    def __init__(self, ns, dev):
        self.dev, self.right, self.wrong, self.stopped = dev, 0, [], False
        self.socket = ns.enter(self.open)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def open(self):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        s.setsockopt(socket.SOL_SOCKET, 33, 1 << 26)  # SO_RCVBUFFORCE
        s.bind((self.dev, 3))
        s.settimeout(0.1)
        return s

    def work(self):
        n = 0
        while True:
            try:
                frame, address = self.socket.recvfrom(65536)
            except socket.timeout:
                if self.stopped:
                    return
                continue
            except OSError:  # the interface went
                return
            n += 1
            if address[2] == 4 or (n > self.SOME and n % 16):  # 4: what this end sends itself
                continue
            right = checksum_ok(frame)
            self.right += right is True
            if right is False and len(self.wrong) < 10:
                self.wrong.append(frame.hex())

    def stop(self):
        self.stopped = True
        self.thread.join()
        self.socket.close()


def checksum_ok(frame):
    """Header and transport checksums of an Ethernet frame; None: it has none that can be checked."""
    if frame[12:14] == b"\x08\x00":
        ip = frame[14:]
        n = (ip[0] & 15) * 4
        ip = ip[:int.from_bytes(ip[2:4], "big")]
        if int.from_bytes(ip[:n], "big") % 0xffff:
            return False
        if int.from_bytes(ip[6:8], "big") & 0x3fff:
            return None
        proto, pseudo, body = ip[9], ip[12:20] + b"\0" + ip[9:10] + (len(ip) - n).to_bytes(2, "big"), ip[n:]
    elif frame[12:14] == b"\x86\xdd":
        ip = frame[14:54 + int.from_bytes(frame[18:20], "big")]
        proto, body = ip[6], ip[40:]
        pseudo = ip[8:40] + len(body).to_bytes(4, "big") + bytes((0, 0, 0, proto))
    else:
        return None
    if proto not in (1, 6, 17, 58) or (proto == 17 and body[6:8] == b"\0\0"):
        return None
    summed = body if proto == 1 else pseudo + body
    return int.from_bytes(summed + b"\0" * (len(summed) % 2), "big") % 0xffff == 0


class Net:
    """
    The three namespaces of the drawing. offload: switch every offload off everywhere, or not (None: as
    LIVE_OFFLOAD says). wrong_checksums: the test itself sends some.
    """

    def __init__(self, offload=None, routed=False, mtu=None, wrong_checksums=False):
        self.offload = os.environ.get("LIVE_OFFLOAD") != "off" if offload is None else offload
        self.routed, self.mtu, self.wrong_checksums = routed, mtu, wrong_checksums
        self.checksums = []
        self.children, self.names = [], []
        self.dir = tempfile.mkdtemp(prefix="sluice-live-")
        os.chmod(self.dir, 0o755)
        self.gateway_process = None

    # ---- the topology

    def __enter__(self):
        try:
            self.client, self.gateway, self.server = (self.namespace(n) for n in "cgs")
            self.link(self.client, "c0", self.gateway, "in0")
            self.link(self.gateway, "out0", self.server, "s0")
            self.address(self.client, "c0", C4 + "/24", C6 + "/64")
            self.address(self.gateway, "in0", G4 + "/24", G6 + "/64")
            self.address(self.gateway, "out0", OUT4 + "/24", OUT6 + "/64")
            self.address(self.server, "s0", S4 + "/24", S6 + "/64")
            self.client.ip("route", "add", "default", "via", G4)
            self.client.ip("-6", "route", "add", "default", "via", G6)
            if self.routed:
                self.server.ip("route", "add", "10.9.0.0/24", "via", OUT4)
                self.server.ip("-6", "route", "add", "fd09::/64", "via", OUT6)
            if not self.offload:
                self.checksums = [Checksums(self.client, "c0"), Checksums(self.server, "s0")]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def namespace(self, letter):
        name = "slv%d-%s" % (os.getpid(), letter)
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.names.append(name)
        ns = Namespace(self, name)
        # No waiting for link-local addresses: until they are there, no neighbour can be asked for.
        for conf in ("all", "default"):
            ns.run("sysctl", "-qw", "net.ipv6.conf.%s.accept_dad=0" % conf)
        ns.ip("link", "set", "lo", "up")
        return ns

    def link(self, a, dev_a, b, dev_b):
        subprocess.run(["ip", "link", "add", dev_a, "netns", a.name, "type", "veth",
                        "peer", "name", dev_b, "netns", b.name], check=True)
        for ns, dev in ((a, dev_a), (b, dev_b)):
            if not self.offload:
                ns.run("ethtool", "-K", dev, "tx", "off", "rx", "off", "tso", "off", "gso", "off",
                       "gro", "off")
            if self.mtu:
                ns.ip("link", "set", dev, "mtu", self.mtu)
            ns.ip("link", "set", dev, "up")

    def address(self, ns, dev, v4, v6):
        ns.ip("addr", "add", v4, "dev", dev)
        ns.ip("addr", "add", v6, "dev", dev, "nodad")

    # ---- sluice

    def file(self, name, text):
        path = os.path.join(self.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def sluice(self, *options, rules=None):
        """Starts `sluice run` in the gateway and waits for its `ready`. rules: text of a ruleset."""
        args = ["--inside", "in0", "--outside", "out0"] if "--inside" not in options else []
        if "--control" not in options:
            args += ["--control", self.dir + "/control.sock"]
        if rules is not None:
            args += ["-r", self.file("gateway.nft", rules)]
        child = self.gateway.spawn(sluice_program(), "run", *args, *options,
                                   stdout=subprocess.PIPE, stderr=open(self.dir + "/sluice.err", "ab"))
        self.gateway_process = child
        line = child.stdout.readline()
        if line != b"ready\n":
            child.wait(30)
            raise Failed("sluice run did not start: " + self.sluice_errors())
        return child

    def sluice_errors(self):
        with open(self.dir + "/sluice.err") as f:
            return f.read()

    def stop_sluice(self, how=signal.SIGTERM, leaves_nothing=True):
        """A normal end, which leaves nothing; returns the exit status."""
        child, self.gateway_process = self.gateway_process, None
        self.kernel_conntrack_empty()
        if child.poll() is None:
            os.kill(child.pid, how)
        status = child.wait(60)
        child.stdout.close()
        self.children.remove(child)
        if how == signal.SIGTERM and status:
            raise Failed("sluice run ended with %d: %s" % (status, self.sluice_errors()))
        if how == signal.SIGTERM and leaves_nothing:
            self.nothing_left()
        return status

    def ask(self, *words, check=True, **more):
        """`sluice WORDS` at the gateway's control socket; the CompletedProcess."""
        return self.gateway.run(sluice_program(), words[0], "--control", self.dir + "/control.sock",
                                *words[1:], check=check, **more)

    def rows(self, *words):
        """The JSON Lines that `sluice WORDS -j` prints."""
        return [json.loads(line) for line in self.ask(*words, "-j").stdout.splitlines()]

    def stats(self):
        return self.rows("stats")[0]

    def listen(self, *words):
        """Starts `sluice events ...` or `explain ...`; returns when it is heard. See heard()."""
        what = "explainers" if words[0] == "explain" else "readers"
        before = self.stats()[what]
        child = self.gateway.spawn(sluice_program(), words[0], "--control", self.dir + "/control.sock",
                                   *words[1:])
        wait_until(lambda: self.stats()[what] > before, "a listener")
        return child

    def heard(self, child):
        """What a listener has printed so far."""
        with open(child.log) as f:
            return f.read()

    def nothing_left(self):
        """After a normal end: no device, no filter, no qdisc of ours."""
        links = self.gateway.ip("-o", "link").stdout
        check("sluice" not in links, "a device is left: " + links)
        for dev in ("in0", "out0"):
            left = self.gateway.run("tc", "qdisc", "show", "dev", dev, check=False).stdout
            check("clsact" not in left, "clsact is left on %s: %s" % (dev, left))

    def kernel_conntrack_empty(self):
        path = "/proc/sys/net/netfilter/nf_conntrack_count"
        done = self.gateway.run("cat", path, check=False)
        if done.returncode == 0:
            check(done.stdout.strip() == "0", "the kernel's conntrack has entries: " + done.stdout)

    # ---- end

    def __exit__(self, kind, value, trace):
        try:
            self.check_checksums(kind)
        finally:
            self.end_all(kind)
        return False

    def check_checksums(self, kind):
        for seen in self.checksums:
            seen.stop()
            if kind is None and not self.wrong_checksums:
                check(not seen.wrong, "wrong checksums at %s: %s" % (seen.dev, seen.wrong[:3]))

    def end_all(self, kind):
        for child in self.children:
            if child.poll() is None:
                try:
                    os.killpg(child.pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
        for child in self.children:
            try:
                child.wait(0.5 if getattr(child, "slow_to_end", False) else 5)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
        for name in self.names:
            subprocess.run(["ip", "netns", "del", name])
        if kind is None:
            shutil.rmtree(self.dir, ignore_errors=True)
        else:
            print("what the programs said is in", self.dir)


# ---- programs for the ends

# Takes connections; answers each with the hash and length of what came, and from whom.
SINK = """
import hashlib, socket, sys, threading
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family, backlog=1024)
def serve(c, peer):
    h, n = hashlib.sha256(), 0
    while True:
        b = c.recv(1 << 16)
        if not b:
            break
        h.update(b)
        n += len(b)
    c.sendall(('%s %d %s' % (h.hexdigest(), n, peer[0])).encode())
    c.close()
while True:
    threading.Thread(target=serve, args=s.accept(), daemon=True).start()
"""
# Sends so many bytes; prints the answer of SINK and the hash of what was sent.
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
# UDP: sends back what came, behind the address that it came from.
ECHO = """
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.bind((sys.argv[1], int(sys.argv[2])))
while True:
    d, a = s.recvfrom(65536)
    s.sendto(a[0].encode() + b' ' + d, a)
"""
# Asks ECHO with several sizes, again until an answer comes; prints the address that was seen.
ASK = """
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
s = socket.socket(family, socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((sys.argv[1], int(sys.argv[2])))
def ask(d):
    s.send(d)
    try:
        a = s.recv(65536)
        while not a.endswith(b' ' + d):  # a late one of before
            a = s.recv(65536)
        return a
    except socket.timeout:
        return None
for size in (1, 100, 1400, 4000):
    a = None
    for turn in range(15):
        a = a or ask(b'x' * size)
    assert a, size
print(a.split()[0].decode())
"""


def vsftpd(net, port=21, *more, ns=None):
    """An anonymous FTP server in the server's namespace, serving net.dir/ftp, uploads to in/."""
    os.makedirs(net.dir + "/ftp/in", exist_ok=True)
    os.makedirs(net.dir + "/empty", exist_ok=True)
    os.chmod(net.dir + "/ftp", 0o755)
    os.chmod(net.dir + "/ftp/in", 0o777)
    conf = net.file("vsftpd.conf", "\n".join(("listen=NO", "listen_ipv6=YES", "listen_port=%d" % port,
        "background=NO", "anonymous_enable=YES", "anon_root=%s/ftp" % net.dir, "write_enable=YES",
        "anon_upload_enable=YES", "anon_other_write_enable=YES", "anon_umask=022",
        "secure_chroot_dir=%s/empty" % net.dir, "seccomp_sandbox=NO", "connect_from_port_20=YES",
        "pasv_min_port=50000", "pasv_max_port=50999") + more) + "\n")
    ns = ns or net.server
    child = ns.spawn("vsftpd", conf)
    ns.listening(port)
    return child


def main(*tests):
    """Runs test functions; arguments on the command line choose some by name."""
    wanted = sys.argv[1:]
    failed = 0
    for test in tests:
        name = test.__name__
        if wanted and name not in wanted:
            continue
        begin = time.monotonic()
        try:
            test()
            print("ok      %-40s %5.1f s" % (name, time.monotonic() - begin), flush=True)
        except (Failed, subprocess.SubprocessError, OSError, AssertionError) as e:
            failed += 1
            print("FAILED  %s: %s" % (name, e), flush=True)
            if not isinstance(e, Failed):
                traceback.print_exc()
    sys.exit(1 if failed else 0)
