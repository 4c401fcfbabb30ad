#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The gateway as a service: without root, with systemd's notifications and watchdog, its log, the
privileges that it gives up, its limits. The drawing is in lib.py.
"""
from lib import *


def without_root():
    """Two capabilities are enough, from the first to the last."""
    with Net() as net:
        os.mkdir(net.dir + "/run")
        os.chmod(net.dir + "/run", 0o777)
        wrapper = net.file("unprivileged", "#!/bin/sh\nexec setpriv --reuid=65534 --regid=65534 --clear-groups "
                           "--inh-caps=+net_admin,+bpf --ambient-caps=+net_admin,+bpf "
                           "--bounding-set=-all,+net_admin,+bpf %s \"$@\"\n" % sluice_program())
        os.chmod(wrapper, 0o755)
        child = net.gateway.spawn(wrapper, "run", "--inside", "in0", "--outside", "out0", "--masquerade",
                                  "--control", net.dir + "/run/control.sock", stdout=subprocess.PIPE)
        line = child.stdout.readline()
        if line != b"ready\n":
            with open(child.log) as f:
                raise Failed("did not start: " + f.read())
        net.client.run("ping", "-c", "1", "-W", "2", S4)
        os.kill(child.pid, signal.SIGTERM)
        check(child.wait(10) == 0, "it ends well")
        net.nothing_left()


def privileges_given_up():
    with Net() as net:
        child = net.sluice("--masquerade", "--queues", "2", "--metrics", "9190")
        threads = os.listdir("/proc/%d/task" % child.pid)
        check(len(threads) >= 4, "two engines, control, metrics: %s" % threads)
        for thread in threads:  # privileges are a thread's own
            with open("/proc/%d/task/%s/status" % (child.pid, thread)) as f:
                status = dict(line.split(":", 1) for line in f)
            for which in ("CapPrm", "CapEff", "CapBnd"):
                kept = int(status[which], 16)
                check(kept & ~(1 << 12 | 1 << 39) == 0, "%s %x of thread %s" % (which, kept, thread))
            for which in ("CapInh", "CapAmb"):
                check(int(status[which], 16) == 0, "%s of thread %s" % (which, thread))
            check(status["NoNewPrivs"].strip() == "1", "no new ones")
        # An interface that comes back is still attached to, and the end leaves nothing.
        net.gateway.ip("link", "del", "out0")
        net.link(net.gateway, "out0", net.server, "s0")
        net.address(net.gateway, "out0", OUT4 + "/24", OUT6 + "/64")
        net.address(net.server, "s0", S4 + "/24", S6 + "/64")
        wait_until(lambda: net.client.run("ping", "-c", "1", "-W", "1", S4, check=False).returncode == 0, "out0")
        net.stop_sluice()
        net.nothing_left()


def notifications():
    with Net() as net:
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.bind(net.dir + "/notify")
        s.settimeout(10)
        os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"] = net.dir + "/notify", "400000"
        try:
            net.sluice("--masquerade")
            check(s.recv(1000).startswith(b"READY=1"), "ready")
            for _ in range(3):
                check(s.recv(1000) == b"WATCHDOG=1", "the watchdog is fed")
            os.kill(net.gateway_process.pid, signal.SIGSTOP)
            s.settimeout(1)
            try:
                while s.recv(1000) == b"WATCHDOG=1":
                    pass
            except socket.timeout:
                pass
            os.kill(net.gateway_process.pid, signal.SIGCONT)
            s.settimeout(10)
            net.stop_sluice()
            while s.recv(1000) != b"STOPPING=1":
                pass
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]


def unit_file():
    """systemd reads dist/sluice.service.in without a word, and finds the service well shut in."""
    analyze = find_program("systemd-analyze")
    if not analyze:
        print("        (systemd-analyze is not installed)")
        return
    here = os.path.dirname(os.path.abspath(__file__))
    with open(here + "/../../dist/sluice.service.in") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as folder:
        unit = folder + "/sluice.service"
        with open(unit, "w") as f:
            f.write(text.replace("@bindir@/sluice", os.path.abspath(sluice_program())))
        done = subprocess.run([analyze, "verify", "--man=no", unit], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ours = [l for l in done.stdout.splitlines() if "sluice" in l]
        check(done.returncode == 0 and not ours, "verify: " + done.stdout)
        done = subprocess.run([analyze, "security", "--offline=yes", "--threshold=25", "--no-pager", unit],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check(done.returncode == 0, "exposed: " + done.stdout[-200:])


def logs():
    with Net() as net:
        net.sluice("--log", "json", rules="""
            table inet t { chain forward { type filter hook forward priority filter;
                icmp type echo-request log prefix "seen: "
            }
            }""")
        net.client.run("ping", "-c", "1", "-W", "1", S4, check=False)
        net.stop_sluice()
        rows = [json.loads(line) for line in net.sluice_errors().splitlines()]
        check([r["event"] for r in rows] == ["ready", "packet", "end"], rows)
        check(rows[1]["text"] == "seen: " and "10.9.0.2 > 192.0.2.10" in rows[1]["packet"], rows[1])


def full_table():
    """At the limit the control socket answers, and new connections still come through."""
    with Net() as net:
        net.sluice("--table-max", "200", rules=MASQUERADE)
        net.server.spawn_python(ECHO, S4, 5002)
        net.server.listening(5002, "udp")
        net.client.python("""
import socket, sys
for i in range(1000):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.sendto(b'x', (sys.argv[1], 6000 + i))
    s.close()
""", S4)
        check(net.client.python(ASK, S4, 5002).stdout.strip() == OUT4, "a new connection")
        stats = net.stats()
        check(stats["connections"] <= 200 and stats["connections_evicted"] > 0, stats)
        check(len(net.rows("list")) <= 200, "the list")
        net.stop_sluice()


def on_terminal(net, columns, rows, term="xterm", then=None):
    """What `sluice top` writes to a terminal of that size until it has drawn a frame (then something happens) and ends."""
    import fcntl
    import pty
    import select
    import struct
    import termios
    pid, fd = pty.fork()
    if pid == 0:
        sys.stdin.readline()  # when the size is set
        os.environ["TERM"] = term
        os.execv(sluice_program(), ["sluice", "top", "--control", net.dir + "/control.sock"])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    os.write(fd, b"\n")
    shown, told = b"", False
    try:
        while select.select([fd], [], [], 20)[0]:
            shown += os.read(fd, 4096)
            if b"busiest" in shown and not told:
                told = True
                if then:
                    then()
                else:
                    os.write(fd, b"q")
    except OSError:  # it has ended
        pass
    os.close(fd)  # and with it the terminal, if it has not
    os.waitpid(pid, 0)
    return shown


def top():
    """As text, and on a terminal of its own."""
    import pty
    with Net() as net:
        net.sluice(rules=MASQUERADE)
        net.server.spawn_python(ECHO, S4, 5002)
        net.server.listening(5002, "udp")
        net.client.python(ASK, S4, 5002)
        text = net.ask("top", "-b", "-n", "2").stdout
        check(text.count("connections 1 (0 unreplied)") == 2 and "dport=5002" in text, text)
        pid, fd = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm"
            os.execv(sluice_program(), ["sluice", "top", "--control", net.dir + "/control.sock"])
        shown = b""
        while b"192.0.2.10 5002" not in shown:
            shown += os.read(fd, 4096)
        os.write(fd, b"q")
        try:
            while os.read(fd, 4096):
                pass
        except OSError:
            pass
        check(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "q ends it")
        os.close(fd)
        small = on_terminal(net, 40, 10)
        check(b"reasons" in small and b"busiest" in small, "a small screen has a bit of all: %s" % small)
        check(b"TERM=dumb" in on_terminal(net, 80, 24, "dumb"), "no screen on such a terminal")
        done = net.ask("top", check=False)
        check(done.returncode == 1 and "-b prints text" in done.stderr, "nor into a pipe: " + done.stderr)
        gone = on_terminal(net, 80, 24, "xterm", lambda: net.stop_sluice(signal.SIGKILL))
        check(b"is `sluice run` running?" in gone, "the gateway is gone: %s" % gone[-200:])
        net.sluice(rules=MASQUERADE)
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("setpriv")
    main(without_root, privileges_given_up, notifications, unit_file, logs, full_table, top)
