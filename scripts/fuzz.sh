#!/bin/sh
# Run each fuzz target from its seeds and from what earlier runs learned (build-fuzz/corpus/NAME),
# two at a time, for FUZZ_SECONDS (60) each. With FUZZ_RUNS so many inputs each, from the seeds alone and
# always the same ones: what a test needs. A find stays in build-fuzz/finds/. See fuzz/README.md.
#   scripts/fuzz.sh [TARGET...]
set -u
cd "$(dirname "$0")/.."
jobs=${FUZZ_JOBS:-2}

one() { # one NAME SECONDS
	log=build-logs/fuzz-$1.txt
	mkdir -p "build-fuzz/corpus/$1"
	dict= && [ -f "fuzz/$1.dict" ] && dict=-dict=fuzz/$1.dict
	limit=-max_total_time=$2 learned=build-fuzz/corpus/$1
	if [ -n "${FUZZ_RUNS:-}" ]; then
		limit="-runs=$FUZZ_RUNS -seed=1" learned=build-fuzz/test-corpus/$1 # new units go there
		rm -rf "$learned"
		mkdir -p "$learned"
	fi
	# shellcheck disable=SC2086 # words
	if "build-fuzz/fuzz/fuzz-$1" $dict $limit -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="build-fuzz/finds/$1-" \
		$learned "fuzz/corpus/$1" >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		printf 'fuzz %-20s OK    %s runs\n' "$1" "$runs"
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
printf '%s\n' "$@" | xargs -P "$jobs" -I NAME scripts/fuzz.sh --one NAME "$seconds"
