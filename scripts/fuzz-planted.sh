#!/bin/sh
# Proof that the fuzz targets find bugs: each is built with one planted in it (fuzz/fuzz.h), must
# survive its seeds, and must then find the bug within PLANTED_SECONDS (180; 5 to 30 are usual).
#   scripts/fuzz-planted.sh [TARGET...]
set -u
cd "$(dirname "$0")/.."
seconds=${PLANTED_SECONDS:-180}
. scripts/fuzz-build.sh

status=0
fail() { # fail NAME WORDS
	status=1
	printf 'planted %-20s FAIL  %s\n' "$1" "$2"
}

for name in ${*:-$fuzz_targets}; do
	run="build-fuzz/fuzz/fuzz-$name-planted -seed=1 -artifact_prefix=build-fuzz/planted-$name-"
	log=build-logs/planted-$name.txt
	learned=build-fuzz/planted/$name # or it would be written among the seeds
	rm -rf "$learned" && mkdir -p "$learned"
	if ! $run -runs=0 "$learned" "fuzz/corpus/$name" >"$log" 2>&1; then
		fail "$name" "the seeds alone meet it: see $log"
	elif $run -max_total_time="$seconds" "$learned" "fuzz/corpus/$name" >"$log" 2>&1; then
		fail "$name" "not found in $seconds s"
	elif grep -q 'AddressSanitizer: heap-buffer-overflow' "$log" && grep -q fuzz_plant "$log"; then
		printf 'planted %-20s OK    found\n' "$name"
	else
		fail "$name" "something else was found: see $log"
	fi
done
exit $status
