#!/bin/sh
# Run each fuzz target from its seeds and from what earlier runs learned (build-fuzz/corpus/NAME),
# two at a time, for FUZZ_SECONDS (60) each; or, with FUZZ_TOTAL, for so long that all of them
# together take that many seconds. A find stays in build-fuzz/finds/. See fuzz/README.md.
#   scripts/fuzz.sh [TARGET...]
set -u
cd "$(dirname "$0")/.."
jobs=${FUZZ_JOBS:-2}

one() { # one NAME SECONDS
	log=build-logs/fuzz-$1.txt
	mkdir -p "build-fuzz/corpus/$1"
	dict= && [ -f "fuzz/$1.dict" ] && dict=-dict=fuzz/$1.dict
	# shellcheck disable=SC2086 # no dictionary, or one
	if "build-fuzz/fuzz/fuzz-$1" $dict -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="build-fuzz/finds/$1-" \
		"build-fuzz/corpus/$1" "fuzz/corpus/$1" >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		printf 'fuzz %-20s OK    %s runs in %s s\n' "$1" "$runs" "$2"
		return 0
	fi
	printf 'fuzz %-20s FAIL  see %s\n' "$1" "$log"
	tail -n 40 "$log"
	return 1
}

if [ "${1:-}" = --one ]; then
	one "$2" "$3"
	exit
fi
. scripts/fuzz-build.sh
mkdir -p build-fuzz/finds
[ $# -gt 0 ] || set -- $fuzz_targets
seconds=${FUZZ_SECONDS:-60}
if [ -n "${FUZZ_TOTAL:-}" ]; then
	seconds=$((FUZZ_TOTAL * jobs / $#))
	[ $seconds -gt 0 ] || seconds=1
fi
printf '%s\n' "$@" | xargs -P "$jobs" -I NAME scripts/fuzz.sh --one NAME "$seconds"
