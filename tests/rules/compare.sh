#!/bin/sh
# Rulesets through sluice and through the real nft:
#   *.nft      both read it, and print the same (spaces and line breaks apart); what sluice prints
#              it reads again and prints the same again
#   bad/*.nft  both refuse it; sluice at the place that the first line names ("# expect: L:C-C")
# usage: compare.sh SLUICE SOURCE_ROOT
# Needs root and nft, for a network namespace of its own; without them only sluice is asked.
sluice=$1 dir=$2/tests/rules work=$(mktemp -d) failed=0 compared=0
trap 'rm -rf "$work"' EXIT
kernel=yes
unshare -n nft list ruleset >/dev/null 2>&1 || kernel=no

fail() {
	echo "FAIL $1: $2"
	failed=1
}

flat() {
	tr -s ' \t\n' ' ' <"$1"
}

for f in "$dir"/*.nft; do
	name=$(basename "$f")
	"$sluice" check -p "$f" >"$work/1" 2>"$work/err" || { fail "$name" "$(cat "$work/err")"; continue; }
	"$sluice" check -p "$work/1" >"$work/2" 2>"$work/err" || fail "$name" "printed, then: $(cat "$work/err")"
	cmp -s "$work/1" "$work/2" || fail "$name" "$(diff "$work/1" "$work/2")"
	[ $kernel = yes ] || continue
	unshare -n sh -c "nft -f '$f' && nft list ruleset" >"$work/nft" 2>&1
	compared=$((compared + 1))
	[ "$(flat "$work/1")" = "$(flat "$work/nft")" ] || fail "$name" "$(diff -b "$work/nft" "$work/1")"
done
for f in "$dir"/bad/*.nft; do
	name=bad/$(basename "$f")
	place=$(sed -n '1s/# expect: //p' "$f")
	"$sluice" check "$f" >/dev/null 2>"$work/err" && fail "$name" "sluice reads it"
	grep -q ":$place: Error\|^# *$" "$work/err" || [ "$place" = : ] || fail "$name" "expected $place: $(cat "$work/err")"
	[ $kernel = yes ] || continue
	unshare -n nft -f "$f" >/dev/null 2>&1 && fail "$name" "nft reads it"
done
if [ $kernel = no ]; then
	echo "SKIP the comparison with nft: it needs root, nft and nf_tables"
	[ $failed = 1 ] || exit 77
fi
echo "$compared rulesets compared with nft"
exit $failed
