#!/bin/sh
# scripts/check-layers.sh must let through what is allowed, and name each thing that is not.
set -u
script=$(cd "$(dirname "$0")/../scripts" && pwd)/check-layers.sh
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT
failed=0

# The tree is one file with one include; expect PASS|FAIL FILE INCLUDE
expect() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree/$(dirname "$2")"
	echo "#include $3" >"$tree/$2"
	if "$script" "$tree" >"$tree/said"; then said=PASS; else said=FAIL; fi
	[ "$said" = FAIL ] && ! grep -qF "$2:1:" "$tree/said" && said="FAIL without saying where"
	[ "$said" = "$1" ] && return
	echo "$2 with $3: expected $1, got $said"
	failed=1
}

expect PASS src/base/a.c '<string.h>'
expect FAIL src/base/a.c '<stdio.h>'
expect FAIL src/engine/a.h '<sys/socket.h>'
expect PASS src/base/a.c '<sluice/text.h>'
expect PASS src/track/a.c '"base/slab.h"'
expect PASS src/track/a.c '"track/conn.h"'
expect FAIL src/track/a.c '"nat/map.h"'
expect PASS src/engine/a.c '"rules/eval.h"'
expect FAIL src/rules/a.c '"engine/engine.h"'
expect FAIL src/engine/a.c '"io/capture.h"'
expect FAIL src/base/a.c '"slab.h"'
expect FAIL src/base/a.c '"base/../track/conn.h"'
expect FAIL include/sluice/a.h '"base/slab.h"'
expect PASS include/sluice/a.h '<stdint.h>'
expect PASS helpers/ftp.c '<sluice/helper.h>'
expect FAIL helpers/ftp.c '<string.h>'
expect FAIL helpers/ftp.c '<sluice/text.h>'
expect FAIL helpers/ftp.c '"sip.h"'
expect PASS helpers/sip/sdp.c '"sip.h"'
expect FAIL helpers/sip/sdp.c '"base/slab.h"'
expect PASS io/tun.c '<sys/ioctl.h>'
expect FAIL io/tun.c '"prog/run.h"'
expect FAIL io/tun.c '"ctl/json.h"'
exit $failed
