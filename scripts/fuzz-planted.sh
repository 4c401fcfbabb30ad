#!/bin/sh
# Proof that the fuzz targets find bugs: each is built with one planted in it (fuzz/fuzz.h), must
# survive its seeds, and must then find the bug within PLANTED_SECONDS (180; 5 to 30 are usual).
# Two at a time.
#   scripts/fuzz-planted.sh [TARGET...]
set -u
cd "$(dirname "$0")/.."
jobs=${FUZZ_JOBS:-2}

say() { # say NAME VERDICT WORDS
	printf 'planted %-20s %-5s %s\n' "$1" "$2" "$3"
	[ "$2" = OK ]
}

one() { # one NAME SECONDS
	run="build-fuzz/fuzz/fuzz-$1-planted -seed=1 -artifact_prefix=build-fuzz/planted-$1-"
	# A ruleset of few words: most changes of a longer one make it wrong before it gets there.
	[ "$1" != rules ] || run="$run -max_len=48"
	# The same for a connection without a helper's state.
	[ "$1" != import ] || run="$run -max_len=168"
	log=build-logs/planted-$1.txt
	learned=build-fuzz/planted/$1 # or it would be written among the seeds
	rm -rf "$learned" && mkdir -p "$learned"
	if ! $run -runs=0 "$learned" "fuzz/corpus/$1" >"$log" 2>&1; then
		say "$1" FAIL "the seeds alone meet it: see $log"
	elif $run -max_total_time="$2" "$learned" "fuzz/corpus/$1" >"$log" 2>&1; then
		say "$1" FAIL "not found in $2 s"
	elif grep -q 'AddressSanitizer: heap-buffer-overflow' "$log" && grep -q fuzz_plant "$log"; then
		say "$1" OK "found after $(sed -n 's/^#\([0-9]*\).*/\1/p' "$log" | tail -n 1) runs"
	else
		say "$1" FAIL "something else was found: see $log"
	fi
}

if [ "${1:-}" = --one ]; then
	one "$2" "$3"
	exit
fi
. scripts/fuzz-build.sh
[ $# -gt 0 ] || set -- $fuzz_targets
printf '%s\n' "$@" | xargs -P "$jobs" -I NAME scripts/fuzz-planted.sh --one NAME "${PLANTED_SECONDS:-180}"
