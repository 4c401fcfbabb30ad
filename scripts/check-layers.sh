#!/bin/sh
# Keeps the layers apart: no file includes upward, and what must run anywhere includes nothing of an
# operating system. Says each include that breaks a rule, as file:line, and fails if there was one.
#
#   scripts/check-layers.sh [ROOT]
#
#   include/sluice   C headers of the list below, <sluice/...>
#   src/LAYER        the same, and "LAYER/..." of its own layer and those before it
#   helpers/*.c      <sluice/helper.h> alone
#   helpers/NAME/    that, and "..." headers of the same folder
#   io, ctl          anything but "prog/...", and not each other
set -u
cd "${1:-$(dirname "$0")/..}" || exit 2

dirs=
for dir in include/sluice src helpers io ctl; do
	[ -d $dir ] && dirs="$dirs $dir"
done
# shellcheck disable=SC2086 # a list of words
find $dirs -name '*.[ch]' | LC_ALL=C sort | while read -r file; do
	grep -nE '^[[:space:]]*#[[:space:]]*include' "$file" | sed "s|^|$file:|"
done | awk '
BEGIN {
	n = split("base track nat help rules engine", layers, " ")
	for (i = 1; i <= n; i++)
		rank[layers[i]] = i
	n = split("assert inttypes limits stdalign stdarg stdbool stddef stdint string", c, " ")
	for (i = 1; i <= n; i++)
		portable["<" c[i] ".h>"] = 1
}

# What an include of `what` (with its quotes) in the file breaks, or "".
function broken(path, parts, what,    top, name) {
	top = parts[1]
	name = what
	gsub(/[<>"]/, "", name)
	split(name, to, "/")
	if (name ~ /\.\./)
		return "goes up a folder"
	if (top == "io" || top == "ctl") {
		if (to[1] == "prog" || (to[1] != top && (to[1] == "io" || to[1] == "ctl")))
			return "upward: " top " must not know of " to[1]
		return ""
	}
	if (top == "helpers") {
		if (what == "<sluice/helper.h>")
			return ""
		if (parts[4] == "" && parts[3] != "" && what ~ /^"/ && name !~ /\//)
			return ""
		return "a helper includes <sluice/helper.h> and nothing else"
	}
	if (what ~ /^<sluice\// || what in portable)
		return ""
	# Messages are formatted, and left from deep inside: C of any hosted system, no more.
	if (parts[2] == "rules" && (what == "<stdio.h>" || what == "<setjmp.h>"))
		return ""
	if (what ~ /^</)
		return "not one of the C headers that are everywhere"
	if (top == "include")
		return "a public header includes public headers only"
	if (!(to[1] in rank) || to[2] == "")
		return "written as \"layer/name.h\"?"
	if (rank[to[1]] > rank[parts[2]])
		return "upward: " parts[2] " must not know of " to[1]
	return ""
}

{
	match($0, /^[^:]*:[0-9]+:/)
	where = substr($0, 1, RLENGTH)
	path = where
	sub(/:.*/, "", path)
	what = substr($0, RLENGTH + 1)
	if (!match(what, /<[^>]*>|"[^"]*"/))
		what = "?"
	else
		what = substr(what, RSTART, RLENGTH)
	split(path, parts, "/")
	seen++
	why = broken(path, parts, what)
	if (why != "") {
		print where " " what ": " why
		bad++
	}
}

END {
	if (!seen)
		print "no includes found: wrong folder?"
	exit bad || !seen
}'
