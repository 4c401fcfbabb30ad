#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Completion for bash offers what the program knows: each word list is held against a word that must be in it,
# and one that must not.
# usage: completion.sh SLUICE COMPLETION
set -u
sluice=$(realpath "$1")
# shellcheck source=dist/completion.bash
. "$2"
failed=0

# offered [-n] WORD LINE...: is WORD offered (-n: not) at the end of `sluice LINE`?
offered() {
	local wanted=yes word said=no
	[ "$1" = -n ] && wanted=no && shift
	word=$1
	shift
	COMP_WORDS=("$sluice" "$@")
	COMP_CWORD=$#
	_sluice
	for reply in "${COMPREPLY[@]}"; do [ "$reply" = "$word" ] && said=yes; done
	[ $said = $wanted ] && return
	echo "sluice $*: $word: offered $said, expected $wanted (${COMPREPLY[*]})"
	failed=1
}

offered replay ""
offered run ru
offered -n run re
offered --masquerade run --ma
offered --state run --
offered -n --masquerade list --
offered --sport list --
offered lo run --inside ""
offered sip run --helper s
offered -n sip_external_media run --helper s
offered nf_conntrack_udp_timeout= replay --set nf_conntrack_udp
offered closed run --on-exit ""
offered expect list ""
offered log events ""
offered conntrack flush con
offered tunables help tun
offered new helper ""
offered /etc/passwd replay /etc/passw
offered /etc/passwd run -r /etc/passw
offered -n /etc/passwd list -r /etc/passw
for command in $("$sluice" help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
	offered "$command" "$command"
	case $command in help | version) ;; *) offered --help "$command" --he ;; esac
done
exit $failed
