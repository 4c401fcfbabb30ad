#!/bin/sh
# Rulesets and packets through the kernel and through sluice (kernel/compare.c): those written by
# hand and COUNT random ones from SEED. About a minute for 250.
# usage: kernel.sh COMPARE SOURCE_ROOT SEED COUNT
here=$2/tests/rules/kernel work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/corpus.py" "$work/corpus" "$3" "$4" "$here"/hand/*.nft "$2"/tests/rules/*.nft || exit 1
"$1" -n 85 "$work/corpus"
