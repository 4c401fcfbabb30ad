#!/bin/sh
# A verdict may be remembered for a connection only where nothing can come of it: rulesets and packets
# through sluice as it is, and through sluice that asks every rule each time; a few seconds.
# usage: memory.sh COMPARE SOURCE_ROOT SEED COUNT
here=$2/tests/rules/kernel work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/corpus.py" "$work/corpus" "$3" "$4" "$here"/hand/*.nft "$2"/tests/rules/real/*.nft || exit 1
"$1" -m "$work/corpus"
