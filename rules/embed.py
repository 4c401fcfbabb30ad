#!/usr/bin/env python3
# A text file as a C string: embed.py NAME FILE OUTPUT
import sys

name, source, output = sys.argv[1:]
with open(source, encoding="ascii") as f, open(output, "w") as out:
    out.write('#include <sluice/rules.h>\n\nconst char %s[] =\n' % name)
    for line in f:
        line = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
        out.write('\t"%s\\n"\n' % line)
    out.write("\t;\n")
