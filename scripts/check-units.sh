#!/bin/sh
# Every source file of the library and every helper has its unit test: tests/unit/NAME.c for
# src/*/NAME.c, or a test in tests/unit or tests/helpers whose head says
#	Tests: src/a/b.c helpers/c.c ...
# (a whole folder: helpers/c/). Names that several folders have must be said. A test must be one
# that is built.
cd "$(dirname "$0")/.." || exit 1
said=$(grep -h '^ \* Tests: ' tests/unit/*.c tests/helpers/*.c | sed 's/^ \* Tests: //' | tr ' ' '\n')
bad=0

# Not yet: tested as parts of the whole alone, by what stands behind them. Only to become shorter.
whole=$(sed 's/ *#.*//' scripts/no-unit-test.txt)

complain() {
	echo "$1"
	bad=1
}

for word in $said; do
	[ -e "$word" ] || complain "a test says that it tests $word, which is not there"
done
files=$(find src helpers -name '*.c' | sort)
for file in $files; do
	name=$(basename "$file" .c)
	printf '%s\n' $said | grep -qxF -e "$file" -e "$(dirname "$file")/" && continue
	if [ -e "tests/unit/$name.c" ] && [ "$(printf '%s\n' $files | grep -c "/$name\.c$")" = 1 ]; then
		continue
	fi
	printf '%s\n' $whole | grep -qxF "$file" || complain "$file has no unit test"
done
for file in $whole; do
	[ -e "$file" ] || complain "scripts/no-unit-test.txt names $file, which is not there"
	printf '%s\n' $said | grep -qxF "$file" && complain "scripts/no-unit-test.txt names $file, which has one"
done
for test in tests/unit/*.c tests/helpers/*.c; do
	grep -q "'$(basename "$test" .c)\(\.c\)\?'" "$(dirname "$test")/meson.build" || complain "$test is not built"
done
exit $bad
