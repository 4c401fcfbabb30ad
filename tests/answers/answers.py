#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""ICMP errors and resets of `reject`, byte for byte as Linux 6.18 made them: answers.py SLUICE FOLDER.

What may differ: IPv4's id and IPv6's flow label of the errors, which are random there, and the
checksums that cover the id. About a second."""
import os
import struct
import subprocess
import sys
import tempfile


def packets(path):
    with open(path, "rb") as f:
        data = f.read()
    order = "<" if data[0] in (0xD4, 0x4D) else ">"
    at, out = 24, []
    while at < len(data):
        n = struct.unpack(order + "IIII", data[at:at + 16])[2]
        out.append(comparable(bytearray(data[at + 16:at + 16 + n])))
        at += 16 + n
    return out


def comparable(p):
    if p[0] >> 4 == 4 and p[9] == 1:
        p[4:6] = p[10:12] = b"\0\0"
    elif p[0] >> 4 == 6 and p[6] == 58:
        p[1:4] = b"\0\0\0"
    return bytes(p).hex()


def main():
    sluice, here = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([sluice, "replay", os.path.join(here, "causes.pcap"), "-q", "-o", out,
                        "-r", os.path.join(here, "rules.nft"), "--inside", "10.0.0.0/8",
                        "--inside", "2001:db8:1::/48", "--set", "icmp_ratelimit=0",
                        "--set", "icmpv6_ratelimit=0"], check=True)
        ours, linux = packets(os.path.join(out, "in0.pcap")), packets(os.path.join(here, "linux-in0.pcap"))
    for i in range(max(len(ours), len(linux))):
        pair = [p[i] if i < len(p) else "nothing" for p in (ours, linux)]
        if pair[0] != pair[1]:
            sys.exit("packet %d to the inside:\nsluice %s\nLinux  %s" % ((i + 1,) + tuple(pair)))
    if len(linux) < 20:
        sys.exit("linux-in0.pcap holds too few packets")
    print("%d packets to the inside are as Linux's" % len(linux))


main()
