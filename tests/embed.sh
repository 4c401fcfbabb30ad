#!/bin/sh
# An embedder's view: install into a folder, build examples/embed against that alone (shared
# and static), and run it. usage: embed.sh BUILD-DIR SOURCE-DIR
set -eu
build=$1 source=$2
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root meson install -C "$build" --no-rebuild --quiet >/dev/null
prefix=$(find "$root" -name sluice.pc | sed 's|/pkgconfig/sluice.pc||')
export PKG_CONFIG_PATH=$prefix/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
flags=$(pkg-config --cflags --libs sluice)
sanitize=
grep -q 'fsanitize' "$build/compile_commands.json" && sanitize=-fsanitize=address,undefined
expected="10.0.0.2:4000 is 203.0.113.1:4000 outside"
cc -std=c11 -Wall -Wextra -Wpedantic -Werror $sanitize "$source/examples/embed/embed.c" $flags -o "$root/shared"
cc -std=c11 $sanitize "$source/examples/embed/embed.c" $(pkg-config --cflags sluice) "$prefix/libsluice.a" -o "$root/static"
got=$(LD_LIBRARY_PATH=$prefix "$root/shared")
[ "$got" = "$expected" ] || { echo "shared: $got"; exit 1; }
got=$("$root/static")
[ "$got" = "$expected" ] || { echo "static: $got"; exit 1; }
for page in man1/sluice.1 man3/libsluice.3; do
	[ -n "$(find "$root" -path "*/$page*")" ] || { echo "no man page $page was installed"; exit 1; }
done
# Nothing but the public names is visible (AddressSanitizer adds names of its own).
hidden=$(nm -D --defined-only "$prefix/libsluice.so" | awk '{print $3}' | grep -v '^sl_[a-z]' | grep -v '^__odr_asan' || true)
[ -z "$hidden" ] || { echo "the shared library shows names that are not public: $hidden"; exit 1; }
echo "$expected"
