#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# A helper as a shared object: FOO's announcement is expected and translated, by the module; then
# the same by the two modules with the interface of 2000, in either order.
# usage: module.sh SLUICE FOO.so IP_CONNTRACK_FOO.so IP_NAT_FOO.so
set -eu
sluice=$(realpath "$1") module=$(realpath "$2") track=$(realpath "$3") nat=$(realpath "$4")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# SYN, SYN/ACK, ACK, and "HERE 10.0.0.2 4711", as raw IPv4.
python3 - "$dir/foo.pcap" <<'PY'
import socket, struct, sys

def checksum(data):
    data += b'\0' * (len(data) % 2)
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

def packet(src, sport, dst, dport, seq, ack, flags, payload=b''):
    a, b = socket.inet_aton(src), socket.inet_aton(dst)
    tcp = struct.pack('!HHIIBBHHH', sport, dport, seq, ack, 0x50, flags, 8192, 0, 0) + payload
    tcp = tcp[:16] + struct.pack('!H', checksum(a + b + struct.pack('!HH', 6, len(tcp)) + tcp)) + tcp[18:]
    ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0) + a + b
    return ip[:10] + struct.pack('!H', checksum(ip)) + ip[12:] + tcp

c, s = ('10.0.0.2', 40000), ('198.51.100.7', 111)
packets = [packet(*c, *s, 100, 0, 2), packet(*s, *c, 500, 101, 18), packet(*c, *s, 101, 501, 16),
           packet(*c, *s, 101, 501, 24, b'HERE 10.0.0.2 4711\r\n')]
with open(sys.argv[1], 'wb') as f:
    f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
    for i, p in enumerate(packets):
        f.write(struct.pack('<IIII', 1700000000, i, len(p), len(p)) + p)
PY

check() { # check MODULE-OPTIONS...
	"$sluice" replay -q --masquerade "$@" -o "$dir/out" "$dir/foo.pcap"
	grep -q '"event": *"EXPECT_NEW".*"dst": *"203.0.113.1".*"dport": *4711' "$dir/out/events.jsonl"
	grep -aq 'HERE 203.0.113.1 4711' "$dir/out/out0.pcap"
}
check --module "$module"
check --module "$track" --module "$nat"
check --module "$nat" --module "$track"
# Linked to nothing of ours.
for file in "$module" "$track" "$nat"; do
	if nm -D --undefined-only "$file" | grep ' sl_'; then exit 1; fi
done

# A new helper made from FOO's shape builds, and the same is expected and sent however its capture is cut.
include=$(cd "$(dirname "$0")/../include" && pwd)
cd "$dir"
"$sluice" helper new bar --from foo.pcap >new.txt
for file in bar.c bar.txt bar-test.c bar-fuzz.c; do grep -qx "$file" new.txt && [ -s "$file" ]; done
grep -q 'port = 111' bar.c
if "$sluice" helper new bar >/dev/null 2>&1; then exit 1; fi # nothing is written over
${CC:-cc} -std=c11 -Wall -Wextra -Werror -shared -fPIC -I"$include" -o bar.so bar.c
"$sluice" helper test ./bar.so foo.pcap >test.txt
grep -q 'after  HERE 203.0.113.1 4711' test.txt
grep -q '^(.*): tcp .* > 203.0.113.1:4711, for' test.txt
grep -q 'cut in two at 19 places: as when whole' test.txt
# What else was made compiles, and finds its place in the tree.
root=$include/..
for file in bar-test.c bar-fuzz.c; do
	${CC:-cc} -std=c11 -Wall -Wextra -Werror -fsyntax-only -I"$include" -I"$root" -I"$root/src" $file
done
"$sluice" helper new pear --from "$root/tests/captures/tftp.pcap" >/dev/null # a capture of datagrams
grep -q 'SL_PROTO_UDP, .port = 69}' pear.c
grep -q 'SL_FRAME_DATAGRAM' pear.c
grep -q '^flow c udp .*:69$' pear.txt
${CC:-cc} -std=c11 -Wall -Wextra -Werror -shared -fPIC -I"$include" -o pear.so pear.c
lists='helpers/meson.build tests/helpers/meson.build fuzz/meson.build src/engine/builtin.c'
mkdir -p tree/helpers tree/tests/helpers tree/tests/script tree/fuzz tree/src/engine tree/scripts
for list in $lists; do cp "$root/$list" "tree/$list"; done
cp "$root/scripts/add-helper.sh" tree/scripts/
tree/scripts/add-helper.sh pear . >/dev/null
for list in $lists; do grep -q 'pear' "tree/$list"; done
for file in helpers/pear.c tests/helpers/pear.c tests/script/pear.txt fuzz/pear.c fuzz/corpus/pear/here; do [ -s "tree/$file" ]; done
# One that reads nothing but whole segments is found out.
sed 's/SL_FRAME_LINE/SL_FRAME_OWN, .frame = frame/; s/^const struct sl_helper/static size_t frame(struct sl_help *h, const struct sl_text *b, enum sl_dir d)\n{\n\t(void)h, (void)d;\n\treturn sl_text_left(b);\n}\n\n&/; s/sl_helper_bar/sl_helper_bad/; s/"bar"/"bad"/' bar.c >bad.c
${CC:-cc} -std=c11 -shared -fPIC -I"$include" -o bad.so bad.c
if "$sluice" helper test ./bad.so foo.pcap >test.txt; then exit 1; fi
grep -q 'not as when whole' test.txt
# The second client of this capture is told another call id; the far side follows it through every cut.
"$sluice" helper test pptp "$include/../tests/captures/pptp.pcap" >test.txt
grep -q 'cut in two at 167 places: as when whole' test.txt
# Datagrams: twice, and with their end missing.
"$sluice" helper test tftp "$include/../tests/captures/tftp.pcap" >test.txt
grep -q '^(TFTP data, from RRQ): udp ' test.txt
grep -q '^each datagram twice: ' test.txt
grep -q '^end missing at [0-9]* places: nothing else is expected' test.txt
# The lists: ports, classes, options, in text and as JSON.
"$sluice" helpers | grep -q 'option ftp_loose=0'
"$sluice" helpers -j | grep '"helper": "ftp"' | grep -q '"name": "ftp_loose"'
