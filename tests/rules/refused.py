#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""What nft reads and sluice refuses, and the reverse (refused.list): that it is so, and the list.

Each entry is a ruleset of its own. sluice must refuse it with the words that the list tells, in one
message, at the line where the statement stands; nft must read it. So a statement that sluice
learns, or that nft never knew, is a failure here until the list tells the truth again.

usage: refused.py SLUICE SOURCE_ROOT [inside]     (as root: it makes a network namespace of its own)
"""
import os
import subprocess
import sys
import tempfile

if len(sys.argv) == 3:
    try:
        able = subprocess.run(["unshare", "-n", "nft", "list", "ruleset"], capture_output=True).returncode == 0
    except OSError:
        able = False
    if not able:
        print("SKIP what is refused: it needs root, nft and nf_tables")
        sys.exit(77)
    os.execvp("unshare", ["unshare", "-n", sys.executable] + sys.argv + ["inside"])

sluice, root = sys.argv[1], sys.argv[2]


def ruleset(where, what):
    if where == "file":
        return what + "\n"
    if where == "table":
        return "table inet t {\n%s\n}\n" % what
    return "table inet t {\nchain c {\ntype filter hook %s priority 0;\n%s\n}\n}\n" % (where, what)


def entries():
    with open(root + "/tests/rules/refused.list") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                reverse = line.startswith("!")
                where, what, words = (x.strip() for x in line.rstrip("\n").lstrip("! ").split(" | "))
                yield reverse, where, what, words


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


failed = count = 0
with tempfile.TemporaryDirectory() as work:
    path = work + "/rules.nft"
    for reverse, where, what, words in entries():
        with open(path, "w") as f:
            f.write(ruleset(where, what))
        nft, ours = run("nft", "-c", "-f", path), run(sluice, "check", path)
        # What only the kernel lacks, nft has read.
        nft_reads = nft.returncode == 0 or "Could not process rule" in nft.stderr
        count += 1
        print("%s: %s: %s" % ("sluice alone reads" if reverse else "nft alone reads", what, words))
        if nft_reads == reverse:
            print("FAIL nft %s it: %s" % ("reads" if nft_reads else "refuses", nft.stderr.strip()))
            failed += 1
        elif reverse != (ours.returncode == 0):
            print("FAIL sluice %s it: %s" % ("refuses" if reverse else "reads", ours.stderr.strip()))
            failed += 1
        elif not reverse and (words not in ours.stderr or ours.stderr.count("Error:") != 1):
            print("FAIL sluice says: %s" % ours.stderr.strip())
            failed += 1
print("%d statements that one of both refuses, %d failures" % (count, failed))
sys.exit(failed > 0)
