#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make soak: the long forms of all live tests, with offloads on and off everywhere; what was named on the
# command line only (forward, soak ...). Goes on after a failure; ends with what failed.
here=$(dirname "$0")/../tests/live
failed=
for offload in on off; do
	for test in "$here"/*.py; do
		name=$(basename "$test" .py)
		[ -x "$test" ] || continue # what tests share
		[ $# -gt 0 ] && case " $* " in *" $name "*) ;; *) continue ;; esac
		echo "---- $name, offloads $offload"
		SOAK=1 LIVE_OFFLOAD=$offload PYTHONDONTWRITEBYTECODE=1 "$test"
		status=$?
		[ $status -eq 0 ] || [ $status -eq 77 ] || failed="$failed $name($offload)"
	done
done
[ -z "$failed" ] && echo "all passed" && exit 0
echo "FAILED:$failed"
exit 1
