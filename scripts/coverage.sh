#!/bin/sh
# Line coverage of what reads untrusted bytes, from the tests and the fuzz targets' seeds: parsers,
# the stream service, helpers. A row a file, a total a group; fails when a group is under
# COVERAGE_LEAST (90) per cent.
#   scripts/coverage.sh [MESON-TEST-ARGUMENTS...]     without arguments: every test that needs no root
set -u
cd "$(dirname "$0")/.."
least=${COVERAGE_LEAST:-90}
mkdir -p build-logs
[ -f build-coverage/build.ninja ] ||
	meson setup build-coverage -Db_coverage=true -Dbuildtype=debug >build-logs/coverage.txt 2>&1 || {
	cat build-logs/coverage.txt
	exit 1
}
ninja -C build-coverage >build-logs/coverage.txt 2>&1 || {
	grep -v '^\[' build-logs/coverage.txt
	echo "the build in build-coverage failed"
	exit 1
}
find build-coverage -name '*.gcda' -delete
if [ $# -eq 0 ]; then
	set -- $(meson introspect --tests build-coverage | python3 -c '
import json, re, sys
print(*(t["name"] for t in json.load(sys.stdin)
        if not re.match("live|embed$|layers$|check-layers$", t["name"])))')
fi
meson test -C build-coverage --no-rebuild --timeout-multiplier 5 "$@" >build-logs/coverage-test.txt 2>&1 || {
	grep -E 'FAIL|TIMEOUT' build-logs/coverage-test.txt
	echo "tests failed: see build-logs/coverage-test.txt"
	exit 1
}
gcovr -r . --object-directory build-coverage --filter 'src/' --filter 'helpers/' --filter 'io/' \
	--json-summary -o build-coverage/summary.json 2>build-logs/coverage-gcovr.txt || {
	cat build-logs/coverage-gcovr.txt
	exit 1
}
exec python3 - "$least" build-coverage/summary.json <<'PYTHON'
import json, re, sys

GROUPS = [
    ('parsers', r'src/track/(parse|tcp_options|ip_options|fragment)\.c|src/rules/(lex|parse\w*|source)\.c'
                r'|include/sluice/text_inline\.h|src/base/bytes\.h|io/(link|capture|pcap_read|pcapng_read)\.c'),
    ('stream service', r'src/help/.*\.c'),
    ('helpers', r'helpers/.*\.c'),
]
least = float(sys.argv[1])
files = {f['filename']: f for f in json.load(open(sys.argv[2]))['files']}
low = 0
for name, pattern in GROUPS:
    rows = sorted(n for n in files if re.fullmatch(pattern, n))
    lines = hit = 0
    for n in rows:
        total, covered = files[n]['line_total'], files[n]['line_covered']
        lines, hit = lines + total, hit + covered
        if total:
            print(f'  {n:40} {covered:5} of {total:5}  {100 * covered / total:5.1f} %')
    percent = 100 * hit / lines if lines else 0
    verdict = 'OK' if percent >= least else f'FAIL  under {least:g} %'
    low += percent < least
    print(f'coverage {name:32} {hit:5} of {lines:5}  {percent:5.1f} %  {verdict}')
sys.exit(1 if low else 0)
PYTHON
