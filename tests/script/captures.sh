#!/bin/sh
# Each capture through `sluice replay`, tracked only and masqueraded, with two more engines that get
# the same packets in batches (replay_again.c).
#
#   captures.sh REPLAY-AGAIN FOLDER
set -u
status=0 runs=0 out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for capture in "$2"/*.pcap "$2"/*.pcapng; do
	for nat in '' --masquerade; do
		# shellcheck disable=SC2086 # no option, or one
		"$1" replay -q $nat "$capture" >"$out/out" 2>"$out/err"
		got=$?
		runs=$((runs + 1))
		if [ $got -ne 0 ] || ! grep -q 'packets in [1-9][0-9]* batches' "$out/err"; then
			echo "$capture $nat: exit status $got"
			cat "$out/err"
			status=1
		fi
	done
done
echo "$runs runs"
[ $runs -gt 20 ] || status=1
exit $status
