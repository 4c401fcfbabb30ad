#!/bin/sh
# Put what `sluice helper new NAME` has made (in FOLDER, or here) into the tree: the files to their places, their names
# into the lists, and a first seed for the fuzz target.
#   scripts/add-helper.sh NAME [FOLDER]
set -eu
name=${1:?NAME} from=$(cd "${2:-.}" && pwd)
cd "$(dirname "$0")/.."

for file in .c .txt -test.c -fuzz.c; do
	[ -f "$from/$name$file" ] || { echo "add-helper: $from/$name$file is not there: sluice helper new $name"; exit 1; }
done
for file in "helpers/$name.c" "tests/helpers/$name.c" "tests/script/$name.txt" "fuzz/$name.c"; do
	[ ! -e "$file" ] || { echo "add-helper: there is a $file already"; exit 1; }
done

mv "$from/$name.c" "helpers/$name.c"
mv "$from/$name.txt" "tests/script/$name.txt"
mv "$from/$name-test.c" "tests/helpers/$name.c"
mv "$from/$name-fuzz.c" "fuzz/$name.c"
mkdir -p "fuzz/corpus/$name"
printf '\001\340HERE 10.0.0.2 4711\r\n\n' >"fuzz/corpus/$name/here"

sed -i "s/^  'foo.c',/&\n  '$name.c',/" helpers/meson.build
sed -i "s/^extern const struct sl_helper sl_helper_foo;/&\nextern const struct sl_helper sl_helper_$name;/
	s/^\t\t&sl_helper_foo,/&\n\t\t\&sl_helper_$name,/" src/engine/builtin.c
sed -i "s/^foreach name : \['amanda'/&, '$name'/" tests/helpers/meson.build
sed -i "s/^  'ftp': inner_dep,/&\n  '$name': inner_dep,/
	s/^fuzz_dialogues = \['amanda'/&, '$name'/" fuzz/meson.build
echo "helpers/$name.c tests/script/$name.txt tests/helpers/$name.c fuzz/$name.c fuzz/corpus/$name/here"
