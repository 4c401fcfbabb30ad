#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
make demo-live: an FTP server, a client, and sluice as the NAT gateway between them, in three
network namespaces that are made here and removed at the end, whatever happens.
"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/live"))
from lib import *  # noqa


def say(text):
    print("\n\033[1m%s\033[0m" % text if sys.stdout.isatty() else "\n" + text)


def indent(text):
    print("".join("    " + line + "\n" for line in text.rstrip().splitlines()), end="")


def demo():
    with Net() as net:
        say("client %s  --  gateway %s | %s  --  FTP server %s" % (C4, G4, OUT4, S4))
        rules = MASQUERADE + HELPER_FTP
        indent(rules.strip())
        net.sluice(rules=rules)
        vsftpd(net)
        with open(net.dir + "/ftp/file", "wb") as f:
            f.write(os.urandom(2000000))
        events = net.listen("events", "all", "-e", "NEW,DESTROY")
        for title, server, mode in (
                ("passive: the client opens the data connection", S4, ["--disable-epsv"]),
                ("active: the server opens it, to an address that only the gateway's helper can know", S4,
                 ["-P", "-", "--disable-eprt"]),
                ("active, IPv6", "[%s]" % S6, ["-P", "-"])):
            say(title)
            done = net.client.run("curl", "-sS", "--max-time", "20", *mode, "-o", net.dir + "/got", "-w",
                                  "%{size_download} bytes in %{time_total} s\n", "ftp://%s/file" % server)
            with open(net.dir + "/got", "rb") as a, open(net.dir + "/ftp/file", "rb") as b:
                check(a.read() == b.read(), "the file is another one")
            indent(done.stdout + "the same file arrived")
        say("what the gateway saw (sluice events all)")
        wait_until(lambda: net.heard(events).count("[NEW]") >= 9, "events")
        indent(net.heard(events))
        say("its connections now (sluice list)")
        indent(net.ask("list").stdout)
        say("the kernel's own conntrack in that namespace")
        net.kernel_conntrack_empty()
        indent("empty")
        net.stop_sluice()
        net.nothing_left()
        say("ended: no device, no filter, no qdisc is left.")


if __name__ == "__main__":
    skip_unless_possible("vsftpd", "curl")
    try:
        demo()
    except Failed as e:
        sys.exit("demo-live: " + str(e))
