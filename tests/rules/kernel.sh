#!/bin/sh
# Rulesets and packets through the kernel and through sluice (kernel/compare.c): those written by
# hand, those of real programs, and COUNT random ones from SEED. About 30 s for 270 on two quiet cores.
# usage: kernel.sh COMPARE SOURCE_ROOT SEED COUNT
here=$2/tests/rules/kernel work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 "$here/corpus.py" "$work/corpus" "$3" "$4" "$here"/hand/*.nft "$2"/tests/rules/*.nft "$2"/tests/rules/real/*.nft || exit 1
"$1" -n 90 "$work/corpus"
