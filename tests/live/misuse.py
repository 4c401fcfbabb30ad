#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What an operator may get wrong: each is refused with exit status 1 and words that say what to do, and
nothing is left behind or lost. The drawing is in lib.py.
"""
from lib import *

NO_SOCKET = ["--control", "none"]
BOTH = ["--inside", "in0", "--outside", "out0"] + NO_SOCKET
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

# Options of `sluice run`, what is said; what it is run by.
STARTS = [
    ([], "between which interfaces? --inside IF --outside IF"),
    (["--inside", "nope", "--outside", "out0"] + NO_SOCKET, "nope: no such interface"),
    (["--inside", "in0", "--outside", "in0"] + NO_SOCKET, "--outside in0: it is an inside interface, too"),
    (BOTH + ["bla"], "bla: not an option (sluice help run)"),
    (BOTH + ["-r", "/nonexistent"], "/nonexistent: No such file"),
    (BOTH + ["-r", "/tmp"], "/tmp: Is a directory"),
    (BOTH + ["--table-max", "0"], "--table-max 0: not a number from 1 to 268435456"),
    (BOTH + ["--queues", "17"], "--queues 17: not a number from 1 to 16"),
    (BOTH + ["--metrics", "9100"], "--metrics needs a control socket"),
    (BOTH[:4] + ["--control", "DIR/s", "--metrics", "203.0.113.9:9100"], "metrics on 203.0.113.9:9100: Cannot assign"),
    (BOTH[:4] + ["--control", "DIR/s", "--metrics", "x"], "metrics: x: not ADDRESS:PORT"),
    (BOTH[:4] + ["--control", "/nonexistent/dir/sock"], "control socket /nonexistent/dir/sock: No such file"),
    (BOTH[:4] + ["--control", "DIR/precious"], "there is something that is no socket (--control PATH)"),
    (BOTH[:4] + ["--control", "DIR/s", "--control-group", "nosuch"], "control socket DIR/s: no such group"),
    (BOTH + ["--record", "/nonexistent/r"], "--record /nonexistent/r: No such file"),
    (BOTH + ["--set", "nf_conntrack_nope=1"], "no such tunable"),
    (BOTH + ["--helper", "nope"], "no such helper; `sluice helpers` lists them"),
    (BOTH + ["--module", "/nonexistent.so"], "--module /nonexistent.so"),
    (BOTH + ["--on-exit", "maybe"], "neither closed nor open"),
    (BOTH + ["--tap", "in0"], "has another interface the name of --tap?"),
    (["--cleanup", "--inside", "in0", "--outside", "nope"], "nope: no such interface"),
    (BOTH, "without CAP_NET_ADMIN", NOBODY),
    (BOTH, "BPF programs cannot be loaded (CAP_BPF and CAP_NET_ADMIN?", ["setpriv", "--bounding-set=-bpf,-sys_admin"]),
    (BOTH, "is the module tun there", ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /dev/net; exec \"$@\"", "x"]),
]

# Commands to a gateway that runs.
ASKED = [
    (["list", "bla"], "bla: not understood"),
    (["list", "-s", "1.2.3"], "-s 1.2.3: cannot be read"),
    (["events", "-e", "FOO"], "FOO: not NEW, UPDATES, DESTROY or ALL"),
    (["reload"], "which file? sluice run had no --rules"),
    (["reload", "/nonexistent"], "/nonexistent: No such file"),
    (["top"], "-b prints text"),
    (["list"], "who may is said by sluice run --control-mode", NOBODY),
    (["run", "--inside", "lo"], "another sluice run answers there (--control PATH)"),
]


def refused(net, words, said, by=()):
    done = net.gateway.run(*by, sluice_program(), *words, check=False)
    check(done.returncode == 1 and said in done.stderr, "sluice %s: exit %d, %s%s" % (
        " ".join(words), done.returncode, done.stdout, done.stderr))
    return done


def starts():
    with Net() as net:
        net.file("precious", "kept")
        for words, said, *by in STARTS:
            refused(net, ["run"] + [w.replace("DIR", net.dir) for w in words], said.replace("DIR", net.dir), *by)
            net.nothing_left()
        with open(net.dir + "/precious") as f:
            check(f.read() == "kept", "what is no socket is not removed")
        check(not os.path.exists(net.dir + "/s"), "a socket of a start that failed is")
        net.sluice("--inside", "in0", "--inside", "in0", "--outside", "out0")  # said twice is no harm
        net.stop_sluice()


def asked():
    with Net() as net:
        os.chmod(net.dir, 0o755)
        net.sluice()
        for words, said, *by in ASKED:
            refused(net, words[:1] + ["--control", net.dir + "/control.sock"] + words[1:], said, *by)
        check(net.stats()["connections"] == 0, "it goes on")
        net.stop_sluice()
        done = net.ask("list", check=False)
        check(done.returncode == 1 and "is `sluice run` running?" in done.stderr, done.stderr)


def two_devices():
    """A device's name that another gateway has: not one more queue of that."""
    with Net() as net:
        net.sluice("--inside", "in0", "--queues", "2", "--tap", "gate")
        refused(net, ["run", "--outside", "out0", "--queues", "2", "--tap", "gate"] + NO_SOCKET, "the name of --tap?")
        net.stop_sluice()


if __name__ == "__main__":
    skip_unless_possible("setpriv", "unshare")
    main(starts, asked, two_devices)
