#!/bin/sh
# How many instructions packets cost, counted under callgrind: the count does not depend on how busy the
# machine is. The bounds are generous (about 1.5 times what it was when they were set), so that what
# doubles the cost of a packet is noticed, and nothing else. Takes about 10 seconds.
#
#   tests/instructions.sh BENCH-COUNT
#
# Skipped (77) without valgrind, in builds with sanitizers, which valgrind cannot run, and where it cannot read the
# debug information (3.19 and clang).
set -u
count=$1
packets=4096 # COUNT in bench/count.c

skip() {
	echo "skipped: $1"
	exit 77
}

command -v valgrind >/dev/null || skip "valgrind is not installed"
if nm "$count" 2>/dev/null | grep -q '__asan_init\|__ubsan_handle'; then
	skip "built with a sanitizer"
fi
if valgrind --tool=none "$count" 2>&1 | grep -q 'debuginfo reader'; then
	skip "this valgrind cannot read this compiler's debug information (DWARF 5)"
fi

failed=0
# what BOUND: instructions a packet, or a connection's end
check() {
	what=$1 bound=$2
	# shellcheck disable=SC2086 # a list of words
	total=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no \
		--toggle-collect=counted --toggle-collect=counted_end "$count" $what 2>&1 >/dev/null |
		sed -n 's/.*Collected : \([0-9]*\).*/\1/p')
	if [ -z "$total" ]; then
		echo "$what: valgrind counted nothing"
		failed=1
		return
	fi
	each=$((total / packets))
	if [ "$each" -gt "$bound" ] || [ "$each" -lt 50 ]; then
		echo "$what: $each instructions, the bound is $bound"
		failed=1
	else
		echo "$what: $each (at most $bound)"
	fi
}

check "udp 4 snat established" 600
check "tcp 4 snat established" 800
check "udp 6 snat established" 660
check "tcp 6 snat established" 840
check "udp 4 none established" 500
check "udp 4 snat new" 2800
check "tcp 6 snat new" 3400
check "udp 4 snat end" 1650
check "tcp 6 snat end" 2100
exit $failed
