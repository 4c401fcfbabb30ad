#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Connections outlive their gateway (`sluice run --state`): an end for a restart (SIGUSR2), a normal end,
a death; one engine and several; what a state file must not do. The drawing is in lib.py.

A connection that is not known is no business of the gateway's here (nf_conntrack_tcp_loose=0), so one that goes on was
taken up.
"""
import ftplib

from lib import *

STRICT = ("--masquerade", "--set", "nf_conntrack_tcp_loose=0")
PORT = 7777


def start(net, *more, state="state"):
    return net.sluice(*STRICT, "--state", "%s/%s" % (net.dir, state), *more)


def listener(net, port=PORT):
    return net.server.enter(lambda: socket.create_server((S4, port)))


def connect(net, server, source=0):
    """A connection between the ends: the client's socket, the server's, whom that sees."""
    here = net.client.enter(lambda: socket.create_connection((S4, PORT), timeout=20, source_address=("", source)))
    there, peer = server.accept()
    there.settimeout(20)
    return here, there, peer


def say(a, b, text):
    """What one end says, the other hears."""
    a.sendall(text)
    got = b""
    while len(got) < len(text):
        more = b.recv(65536)
        check(more, "the connection ended")
        got += more
    check(got == text, "%r came as %r" % (text, got))


def talk(here, there, text):
    say(here, there, text)
    say(there, here, text.upper())


def established(net):
    return [r for r in net.rows("list") if r.get("state") == "ESTABLISHED"]


def bytes_of(row):
    return row["counters_orig"]["bytes"]


def same_flow(before, after):
    check(len(before) == len(after) == 1, "one connection before and after: %s %s" % (before, after))
    b, a = before[0], after[0]
    for row in (b, a):
        row["status"] = set(row["status"]) - {"OFFLOAD"}
    for key in ("orig", "reply", "status", "state"):
        check(a[key] == b[key], "%s was %s and is %s" % (key, b[key], a[key]))
    check(bytes_of(a) >= bytes_of(b) > 0, "it counts on: %d, %d" % (bytes_of(b), bytes_of(a)))


def for_a_restart():
    """Neither end notices; what is sent meanwhile comes later."""
    with Net(offload=False) as net, listener(net) as server:
        start(net)
        here, there, _ = connect(net, server)
        talk(here, there, b"before")
        before = established(net)
        net.stop_sluice(signal.SIGUSR2)
        check("clsact" in net.gateway.run("tc", "qdisc", "show", "dev", "out0").stdout, "the programs stay")
        there.sendall(b"meanwhile")  # to the gateway's own address: its stack must not answer
        time.sleep(0.3)
        start(net)
        same_flow(before, established(net))
        check(here.recv(100) == b"meanwhile", "sent again and passed on")
        talk(here, there, b"after")
        check(not os.path.exists(net.dir + "/state"), "the file is used up")
        # Once more, and the connection was in the fast path meanwhile.
        wait_until(lambda: "OFFLOAD" in str(net.rows("list")), "handing down")
        talk(here, there, b"fast" * 10000)
        counted = bytes_of(established(net)[0])
        net.stop_sluice(signal.SIGUSR2)
        start(net)
        check(bytes_of(established(net)[0]) >= counted > 40000, "what BPF forwarded was counted")
        talk(here, there, b"again")
        here.close(), there.close()
        net.stop_sluice()


def unknown_without_it():
    """The same without --state: so the tests above can fail."""
    with Net() as net, listener(net) as server:
        net.sluice(*STRICT)
        here, there, _ = connect(net, server)
        talk(here, there, b"before")
        net.stop_sluice()
        net.sluice(*STRICT)
        here.settimeout(1)
        here.sendall(b"after")
        try:
            check(not here.recv(100), "an unknown connection goes on")
        except OSError:  # silence, or a reset
            pass
        here.close(), there.close()


def several_engines():
    """As many as before, each takes its own; and then one takes all."""
    with Net() as net, listener(net) as server:
        net.client.ip("addr", "add", "10.9.0.3/24", "dev", "c0")
        start(net, "--queues", "3")
        ends = []
        for i in range(12):
            source = ("10.9.0.%d" % (2 + i % 2), 41000 + i // 2)  # pairs want the same port
            here = net.client.enter(lambda: socket.create_connection((S4, PORT), timeout=20, source_address=source))
            there, peer = server.accept()
            there.settimeout(20)
            ends.append((here, there))
            talk(here, there, b"before %d" % i)
        for again in ("3", "1"):
            net.stop_sluice(signal.SIGUSR2)
            start(net, "--queues", again)
            check(len(established(net)) == 12, "all of them: %d with %s" % (len(established(net)), again))
            for i, (here, there) in enumerate(ends):
                talk(here, there, b"after %d" % i)
        net.stop_sluice(signal.SIGUSR2)
        start(net, "--queues", "2")
        check(not established(net), "not between other numbers of engines")
        check("state-of-other-engines" in net.sluice_errors(), "that is said")
        for here, there in ends:
            here.close(), there.close()


def ftp_goes_on():
    """A session with its helper: the numbers moved by earlier commands, and the next data connection."""
    with Net() as net:
        vsftpd(net)
        net.file("ftp/file", "x" * 100000)
        start(net)  # the gateway's address is longer than the client's, so that every PORT moves the numbers
        ftp = net.client.enter(lambda: ftplib.FTP(S4, timeout=20))
        ftp.set_pasv(False)
        net.client.enter(lambda: ftp.login("anonymous", "x"))
        for turn in range(3):
            got = []
            net.client.enter(lambda: ftp.retrbinary("RETR file", got.append))
            check(sum(map(len, got)) == 100000, "the file, turn %d" % turn)
            rows = [r for r in net.rows("list") if r.get("helper") == "ftp"]
            check(len(rows) == 1 and "SEQ_ADJUST" in rows[0]["status"], "its helper: %s" % rows)
            net.stop_sluice(signal.SIGUSR2)
            start(net)
        ftp.close()


def normal_end():
    """SIGTERM removes everything, and yet the next start knows."""
    with Net() as net, listener(net) as server:
        start(net)
        here, there, _ = connect(net, server)
        talk(here, there, b"before")
        before = established(net)
        net.stop_sluice()
        check(os.stat(net.dir + "/state").st_mode & 0o777 == 0o600, "for nobody else's eyes")
        start(net)
        same_flow(before, established(net))
        talk(here, there, b"after")
        # A start that fails loses nothing.
        net.stop_sluice()
        done = net.gateway.run(sluice_program(), "run", "--inside", "in0", "--outside", "nowhere0", "--control", "none",
                               "--state", net.dir + "/state", check=False)
        check(done.returncode == 1 and "nowhere0" in done.stderr, "no such interface: " + done.stderr)
        start(net)
        same_flow(before, established(net))
        # After its death nothing old comes back.
        net.stop_sluice(signal.SIGKILL)
        start(net)
        check(not established(net), "from the dead")
        here.close(), there.close()
        net.stop_sluice()


def of_another_time():
    """What ran out meanwhile, and what is translated to an address that went, is left out."""
    with Net() as net, listener(net) as server:
        net.server.spawn_python(ECHO, S4, "9000")
        net.server.listening(9000, "udp")
        start(net, "--set", "nf_conntrack_udp_timeout=1")
        net.client.python(ASK, S4, "9000")
        here, there, _ = connect(net, server)
        talk(here, there, b"before")
        net.stop_sluice(signal.SIGUSR2)
        time.sleep(1.2)
        net.gateway.ip("addr", "add", "192.0.2.77/24", "dev", "out0")
        start(net)
        rows = net.rows("list")
        check([r["proto"] for r in rows] == ["tcp"], "UDP ran out, TCP did not: %s" % rows)
        net.stop_sluice(signal.SIGUSR2)
        net.gateway.ip("addr", "del", OUT4 + "/24", "dev", "out0")
        start(net)
        check(not established(net), "its address is gone")
        here.close(), there.close()


def damaged_and_foreign():
    with Net() as net, listener(net) as server:
        state = net.dir + "/state"
        start(net)
        ends = [connect(net, server) for _ in range(3)]
        for here, there, _ in ends:
            talk(here, there, b"before")
        net.stop_sluice()
        with open(state, "rb") as f:
            whole = f.read()
        with open(state, "wb") as f:
            f.write(whole[:-30])  # its end, and a bit of the last connection
        start(net)
        check(len(established(net)) == 2, "what is whole: %s" % established(net))
        check("state-damaged" in net.sluice_errors(), "that is said")
        with open(state + ".bad", "rb") as f:
            check(f.read() == whole[:-30], "and it is kept")
        net.stop_sluice()
        for content, what in ((b"", "empty"), (b"#!/bin/sh\n" * 10, "a script")):
            with open(state, "wb") as f:
                f.write(content)
            refused(net, state, "not a file of connections")
            with open(state, "rb") as f:
                check(f.read() == content, what + " is left as it was")
        refused(net, net.dir + "/no/such/folder/state", "No such file")
        refused(net, net.dir, "not a file of connections")
        for here, there, _ in ends:
            here.close(), there.close()


def refused(net, state, why):
    done = net.gateway.run(sluice_program(), "run", "--inside", "in0", "--outside", "out0", "--control", "none",
                           "--state", state, check=False)
    check(done.returncode == 1 and why in done.stderr and "--state" in done.stderr, "%s: %s" % (state, done.stderr))
    net.nothing_left()


def recorded():
    """A recording begins with what was taken up, and so does its replay."""
    with Net() as net, listener(net) as server:
        start(net)
        here, there, _ = connect(net, server)
        talk(here, there, b"before")
        net.stop_sluice(signal.SIGUSR2)
        start(net, "--record", net.dir + "/record")
        talk(here, there, b"after")
        here.close(), there.close()
        net.stop_sluice()
        done = net.gateway.run(sluice_program(), "replay", net.dir + "/record", "--explain", check=False)
        check(done.returncode == 0 and "ESTABLISHED" in done.stdout, "replay: " + done.stderr + done.stdout[-500:])


if __name__ == "__main__":
    skip_unless_possible("vsftpd")
    main(for_a_restart, unknown_without_it, several_engines, ftp_goes_on, normal_end, of_another_time,
         damaged_and_foreign, recorded)
