#!/bin/sh
# Every test, in the builds that matter, with one closing line: 'N passed, N failed, N skipped'.
#   build-asan    gcc, AddressSanitizer and UndefinedBehaviourSanitizer: all tests run here
#   build-clang   clang, warnings are errors: compiled only
#   build         gcc as users get it: compiled, and the tests that need the real thing
#   build-fuzz    clang and libFuzzer: each fuzz target with FUZZ_RUNS (4000) inputs, always the same
set -u
cd "$(dirname "$0")/.."

setup() { # setup DIR MESON-OPTIONS...
	dir=$1
	shift
	[ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$dir.log" 2>&1 || {
		cat "$dir.log"
		return 1
	}
}

mkdir -p build-logs
setup build-asan -Dbuildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false \
	-Dwerror=true || exit 1
CC=clang setup build-clang -Dbuildtype=debugoptimized -Dwerror=true || exit 1
setup build -Dbuildtype=debugoptimized -Dwerror=true || exit 1
for dir in build build-clang build-asan; do
	ninja -C $dir >build-logs/$dir.txt 2>&1 || {
		grep -v '^\[' build-logs/$dir.txt
		echo "the build in $dir failed"
		exit 1
	}
done

export ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
run_tests() { # run_tests DIR MESON-OPTIONS...: adds to status and to the counts
	dir=$1 log=build-logs/test-$1.txt
	shift
	meson test -C "$dir" --print-errorlogs --no-rebuild --timeout-multiplier 3 "$@" >"$log" 2>&1 || status=1
	sed -n '/^ *[0-9]*\/[0-9]* /p; /^――/,$p' "$log"
	passed=$((passed + $(count Ok))) skipped=$((skipped + $(count Skipped)))
	failed=$((failed + $(count Fail) + $(count Timeout)))
}
count() { sed -n "s/^$1: *\([0-9]*\).*/\1/p" "$log" | tail -n 1; }
status=0 passed=0 failed=0 skipped=0
run_tests build-asan --no-suite plain
run_tests build --suite plain # what sanitizers would falsify

FUZZ_RUNS=${FUZZ_RUNS:-4000} scripts/fuzz.sh >build-logs/fuzz.txt 2>&1 || status=1
cat build-logs/fuzz.txt
count_fuzz() { grep -c "^fuzz [^ ]* *$1" build-logs/fuzz.txt; }
passed=$((passed + $(count_fuzz OK))) failed=$((failed + $(count_fuzz FAIL)))

echo "$passed passed, $failed failed, $skipped skipped"
exit $status
