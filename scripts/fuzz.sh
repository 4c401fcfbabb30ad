#!/bin/sh
# Run each fuzz target for FUZZ_SECONDS (60), from its seeds and from what earlier runs learned
# (build-fuzz/corpus/NAME). A find stays in build-fuzz/finds/. See fuzz/README.md.
#   scripts/fuzz.sh [TARGET...]
set -u
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-60}
. scripts/fuzz-build.sh

status=0
mkdir -p build-fuzz/finds
for name in ${*:-$fuzz_targets}; do
	mkdir -p "build-fuzz/corpus/$name"
	log=build-logs/fuzz-$name.txt
	if "build-fuzz/fuzz/fuzz-$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
		-print_final_stats=1 -artifact_prefix="build-fuzz/finds/$name-" \
		"build-fuzz/corpus/$name" "fuzz/corpus/$name" >"$log" 2>&1; then
		runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
		printf 'fuzz %-20s OK    %s runs in %s s\n' "$name" "$runs" "$seconds"
	else
		status=1
		printf 'fuzz %-20s FAIL  see %s\n' "$name" "$log"
		tail -n 40 "$log"
	fi
done
exit $status
