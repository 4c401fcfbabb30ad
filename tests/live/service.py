#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
dist/sluice.service.in under a real systemd: process 1 of a PID namespace of its own, with a root that is this
machine's under a layer of memory, and in the network namespace of the test's gateway (the drawing is in
lib.py). What the unit promises is looked at: ready when packets flow, no root, a restart by which connections go on, a reload, a restart after a
crash or a hang, a clear word when the ruleset is bad, and an end that leaves nothing.
"""
from lib import *

# Arguments: the program, the unit, the folder with gateway.nft and default, where systemd's console goes.
BOOT = """
set -e
mount -t tmpfs none "$4"
mkdir "$4/up" "$4/work" "$4/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$4/up,workdir=$4/work" "$4/root"
cd "$4/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 none dev
mkdir dev/net dev/shm dev/pts
for n in null zero full random urandom tty net/tun; do touch dev/$n; mount --bind /dev/$n dev/$n; done
touch dev/console
mount -t tmpfs none run
rm -rf etc/systemd/system/* etc/sluice usr/bin/sluice
cp "$1" usr/bin/sluice
sed 's|@bindir@|/usr/bin|' "$2" >etc/systemd/system/sluice.service
mkdir etc/sluice
mount --bind "$3" etc/sluice
cp "$3/default" etc/default/sluice
printf '[Unit]\\nDescription=tests\\nAllowIsolate=yes\\n' >etc/systemd/system/tests.target
# There is no journal. And a shorter patience with one that hangs.
mkdir etc/systemd/system/sluice.service.d
printf "[Service]\\nStandardError=append:/etc/sluice/said\\nWatchdogSec=2\\n" >etc/systemd/system/sluice.service.d/said.conf
container=tests exec chroot . /lib/systemd/systemd --system --unit=tests.target --log-target=null
"""


class Systemd:
    """One that manages the gateway's namespace; ended with the Net."""

    def __init__(self, net, rules):
        here = os.path.dirname(os.path.abspath(__file__))
        self.net, self.folder = net, net.dir + "/etc"
        net.file("etc/gateway.nft", rules)
        net.file("etc/default", 'SLUICE_OPTIONS="--inside in0 --outside out0 --set nf_conntrack_tcp_loose=0"\n')
        net.file("etc/said", "")
        os.chmod(self.folder, 0o755)
        os.mkdir(net.dir + "/root")
        net.gateway.spawn("unshare", "-m", "-p", "-f", "-u", "-i", "-C", "--kill-child", "--propagation", "private",
                          "sh", "-c", BOOT, "boot", os.path.abspath(sluice_program()),
                          here + "/../../dist/sluice.service.in", self.folder, net.dir + "/root")
        wait_until(lambda: self.find() is not None, "systemd")
        wait_until(lambda: self.run("systemctl", "is-active", "tests.target", check=False).stdout == "active\n", "its target")

    def find(self):
        """The first process of its PID namespace: the one with our root and the number 1 there."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid) as f, open("/proc/%s/status" % pid) as g:
                    mine = os.readlink("/proc/%s/ns/net" % pid) == self.ns() and "NSpid:\t%s\t1\n" % pid in g.read()
                    if mine and f.read().startswith("/lib/systemd/systemd\0"):
                        return pid
            except OSError:
                pass
        return None

    def ns(self):
        return "net:[%d]" % os.stat("/run/netns/" + self.net.gateway.name).st_ino

    def run(self, *args, **more):
        """In its namespaces and its root."""
        pid = self.find()
        return self.net.gateway.run("nsenter", "-t", pid, "-m", "-p", "-C", "--root=/proc/%s/root" % pid, "--wd=/", *args, **more)

    def show(self, what):
        return self.run("systemctl", "show", "-P", what, "sluice").stdout.strip()

    def said(self):
        with open(self.folder + "/said") as f:
            return f.read()


def reaches(net):
    return net.client.run("ping", "-c", "1", "-W", "1", S4, check=False).returncode == 0


def goes_on(net, restart):
    """A connection lives through it (and would not be known again: no picking up, see the options)."""
    with net.server.enter(lambda: socket.create_server((S4, 7777))) as server:
        here = net.client.enter(lambda: socket.create_connection((S4, 7777), timeout=20))
        there, _ = server.accept()
        there.settimeout(20)
        restart()
        for a, b in ((here, there), (there, here)):
            a.sendall(b"still here")
            check(b.recv(100) == b"still here", "a connection goes on")
        here.close(), there.close()


def managed():
    with Net() as net:
        s = Systemd(net, MASQUERADE)
        done = s.run("systemctl", "start", "sluice", check=False)
        check(done.returncode == 0, "start: %s%s\n%s" % (done.stdout, done.stderr, s.said()))
        check(s.show("ActiveState") == "active" and s.show("StatusText") == "packets flow", "ready: " + s.show("StatusText"))
        check(reaches(net), "packets flow")
        first = s.show("MainPID")
        with open("/proc/%s/root/proc/%s/status" % (s.find(), first)) as f:
            status = dict(line.split(":", 1) for line in f)
        check(int(status["Uid"].split()[0]) >= 1000, "no root: " + status["Uid"])
        check(int(status["CapEff"], 16) == 1 << 12 | 1 << 39, "two capabilities: " + status["CapEff"])
        check(status["Seccomp"].strip() == "2" and status["NoNewPrivs"].strip() == "1", "shut in")
        check("10.9.0.2" in s.run("sluice", "list").stdout, "it answers at the usual place")

        goes_on(net, lambda: s.run("systemctl", "restart", "sluice"))
        check(s.show("MainPID") != first and "state-taken-up" in s.said(), "a new one: " + s.said())

        net.file("etc/gateway.nft", MASQUERADE + "table ip f { chain c { type filter hook forward priority 0; policy drop;\n}\n}\n")
        s.run("systemctl", "reload", "sluice")
        check(not reaches(net), "the new rules hold")
        net.file("etc/gateway.nft", "nonsense\n")
        done = s.run("systemctl", "reload", "sluice", check=False)
        check(done.returncode == 1 and "gateway.nft:1" in s.said(), "a bad file is told: " + s.said())
        check(s.show("ActiveState") == "active" and not reaches(net), "and changes nothing")
        net.file("etc/gateway.nft", MASQUERADE)

        for how, result in (("KILL", "signal"), ("STOP", "watchdog")):
            before = s.show("MainPID")
            s.run("kill", "-" + how, before)
            wait_until(lambda: s.show("MainPID") not in ("0", before) and s.show("ActiveState") == "active",
                       "a new one after " + how, 60)
            check(reaches(net), "packets flow again")
        check(s.show("NRestarts") == "2", s.show("NRestarts"))
        s.run("systemctl", "stop", "sluice")
        check(s.show("Result") == "success", s.show("Result") + s.said())
        net.nothing_left()

        net.file("etc/gateway.nft", "table ip t {\n  nonsense\n}\n")
        done = s.run("systemctl", "start", "sluice", check=False)
        check(done.returncode == 1 and "gateway.nft:2:3" in s.said().splitlines()[-3], "a bad start is told: " + s.said())
        s.run("systemctl", "stop", "sluice")
        net.nothing_left()


if __name__ == "__main__":
    skip_unless_possible("unshare", "nsenter", "systemctl")
    if not os.access("/lib/systemd/systemd", os.X_OK):
        skip("needs systemd")
    main(managed)
