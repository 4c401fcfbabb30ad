# Sourced by the fuzz scripts, from the top directory: builds the targets in build-fuzz with clang,
# and sets fuzz_targets to their names, as fuzz/meson.build lists them.
mkdir -p build-logs
[ -f build-fuzz/build.ninja ] ||
	CC=clang meson setup build-fuzz -Dfuzz=true -Dbuildtype=debugoptimized -Db_lundef=false \
		>build-logs/build-fuzz.txt 2>&1 || {
	cat build-logs/build-fuzz.txt
	exit 1
}
ninja -C build-fuzz fuzz-targets >build-logs/build-fuzz.txt 2>&1 || {
	grep -v '^\[' build-logs/build-fuzz.txt
	echo "the build in build-fuzz failed"
	exit 1
}
fuzz_targets=$(sed -n "s/^  '\([a-z0-9_]*\)': .*/\1/p" fuzz/meson.build)
