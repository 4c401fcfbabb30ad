#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
The two forwarders of examples/, built against the installed library alone, between a client and a
server that do not know of them:

    client 10.0.0.2 --veth-- forwarder, in the wire --veth-- server 10.0.0.1

The client's packets must arrive from 10.0.0.200, answers must come back: UDP, TCP with a megabyte, ping.

    forwarders.py BUILD-DIR SOURCE-DIR afxdp|dpdk

Skipped (77) without root, without the libraries, or where the kernel has no AF_XDP. About 5 seconds.
"""
import fcntl, os, shutil, socket, struct, subprocess, sys, tempfile, time

BUILD, SOURCE, WHICH = sys.argv[1:4]
NAMES = {"afxdp": "libxdp libbpf", "dpdk": "libdpdk"}
ME = os.getpid()
NS = {side: f"slfw{ME}{side}" for side in "cws"}
PUBLIC = "10.0.0.200"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def run(*words, **more):
    return subprocess.run(words, check=True, **more)


def build(root):
    """Install into a folder, build the example against that."""
    env = dict(os.environ, DESTDIR=root)
    run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", env=env, stdout=subprocess.DEVNULL)
    pc = subprocess.check_output(["find", root, "-name", "sluice.pc"], text=True).split()[0]
    lib = os.path.dirname(os.path.dirname(pc))
    sysrooted = dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(pc), PKG_CONFIG_SYSROOT_DIR=root)
    flags = subprocess.check_output(["pkg-config", "--cflags", "sluice"], text=True, env=sysrooted).split()
    flags += subprocess.check_output(["pkg-config", "--cflags", *NAMES[WHICH].split()], text=True).split()
    libs = subprocess.check_output(["pkg-config", "--libs", *NAMES[WHICH].split()], text=True).split()
    with open(f"{BUILD}/compile_commands.json") as f:
        sanitize = ["-fsanitize=address,undefined"] if "fsanitize=address" in f.read() else []
    source = f"{SOURCE}/examples/{WHICH}/{WHICH}.c"
    lines = sum(1 for _ in open(source))
    assert lines <= 200, f"{source} has {lines} lines, 200 are allowed"
    run("cc", "-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", *sanitize, source, *flags, f"{lib}/libsluice.a",
        *libs, "-o", f"{root}/forwarder")
    return f"{root}/forwarder"


def ip(*words):
    run("ip", *words)


def inside(side, *words):
    return ["ip", "netns", "exec", NS[side], *words]


def no_offload(side, name):
    """Whole checksums, single segments: what comes by AF_XDP or a raw socket has no more to say of them."""
    code = ("import fcntl,socket,struct,sys,array\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            "for c in (0x15,0x17,0x1f,0x22,0x24,0x2c):\n"
            "  a=array.array('B',struct.pack('II',c,0))\n"
            "  try: fcntl.ioctl(s,0x8946,struct.pack('16sP',sys.argv[1].encode(),a.buffer_info()[0]))\n"
            "  except OSError: pass\n")
    run(*inside(side, sys.executable, "-c", code, name))


def topology():
    for ns in NS.values():
        ip("netns", "add", ns)
    for side, there in (("c", "i"), ("s", "o")):
        ip("link", "add", f"{there}0", "netns", NS["w"], "type", "veth", "peer", "name", "e0", "netns", NS[side])
        for ns, name in ((NS["w"], f"{there}0"), (NS[side], "e0")):
            ip("-n", ns, "link", "set", name, "up")
        no_offload(side, "e0")
        no_offload("w", f"{there}0")
    ip("-n", NS["c"], "addr", "add", "10.0.0.2/24", "dev", "e0")
    ip("-n", NS["s"], "addr", "add", "10.0.0.1/24", "dev", "e0")
    mac = subprocess.check_output(inside("c", "cat", "/sys/class/net/e0/address"), text=True).strip()
    ip("-n", NS["s"], "neigh", "add", PUBLIC, "lladdr", mac, "dev", "e0")


SERVER = """
import socket, threading
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("10.0.0.1", 7)); t = socket.create_server(("10.0.0.1", 7))
def udp():
    while True:
        d, a = u.recvfrom(2000); u.sendto(a[0].encode() + b" " + d, a)
threading.Thread(target=udp, daemon=True).start()
print("listening", flush=True)
while True:
    c, a = t.accept(); c.sendall(a[0].encode() + b"\\n")
    n = 0
    while n < 1 << 20:
        d = c.recv(65536)
        if not d: break
        n += len(d)
    c.sendall(str(n).encode()); c.close()
"""
CLIENT = """
import socket
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.settimeout(2)
for n in range(10):
    u.sendto(b"hello", ("10.0.0.1", 7))
    try: print(u.recv(100).decode()); break
    except TimeoutError: pass
t = socket.create_connection(("10.0.0.1", 7), timeout=20); f = t.makefile("rb")
print(f.readline().decode().strip()); t.sendall(bytes(1 << 20)); print(f.read().decode())
"""


def words(program):
    if WHICH == "afxdp":
        return [program, "i0", "o0", PUBLIC]
    return [program, "--no-huge", "-m", "256", "--no-pci", "--no-telemetry", "--no-shconf", "--file-prefix", f"slfw{ME}", "-l", "0", "--log-level", "error",
            "--vdev", "net_af_packet0,iface=i0", "--vdev", "net_af_packet1,iface=o0", "--", PUBLIC]


def session(program):
    started = []
    env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
    try:
        topology()
        forwarder = subprocess.Popen(inside("w", *words(program)), stdout=subprocess.PIPE, text=True, env=env)
        started.append(forwarder)
        if forwarder.stdout.readline().strip() != "ready":
            skip(f"the {WHICH} forwarder cannot start here")
        server = subprocess.Popen(inside("s", sys.executable, "-c", SERVER), stdout=subprocess.PIPE, text=True)
        started.append(server)
        server.stdout.readline()
        said = subprocess.run(inside("c", sys.executable, "-c", CLIENT), text=True, capture_output=True, timeout=60)
        ping = subprocess.run(inside("c", "ping", "-c", "3", "-i", "0.2", "-W", "5", "10.0.0.1"),
                              capture_output=True, text=True)
        expected = [f"{PUBLIC} hello", PUBLIC, str(1 << 20)]
        if said.stdout.split("\n")[:3] != expected:
            sys.exit(f"the client was told {said.stdout!r}, not {expected}\n{said.stderr}")
        if ping.returncode:
            sys.exit(f"no ping: {ping.stdout}")
        if forwarder.poll() is not None:
            sys.exit(f"the forwarder ended with {forwarder.returncode}")
        print(f"{WHICH}: UDP, TCP and ping, seen from {PUBLIC}")
    finally:
        for process in started:
            process.kill()
            process.wait()
        for ns in NS.values():
            subprocess.run(["ip", "netns", "del", ns], stderr=subprocess.DEVNULL)


def main():
    if os.geteuid() or not shutil.which("ip"):
        skip("needs root and iproute2")
    if subprocess.run(["pkg-config", "--exists", *NAMES[WHICH].split()]).returncode:
        skip(f"{NAMES[WHICH]} is not installed")
    probe = subprocess.run(["ip", "netns", "add", f"slfw{ME}probe"], capture_output=True)
    if probe.returncode:
        skip("network namespaces cannot be made here")
    run("ip", "netns", "del", f"slfw{ME}probe")
    with tempfile.TemporaryDirectory() as root:
        session(build(root))


main()
