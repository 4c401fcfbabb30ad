# SPDX-License-Identifier: BSD-2-Clause
# bash completion for sluice. What there is to complete is asked of the program itself (`sluice help`,
# `sluice helpers`, `sluice help tunables`), so that it is what this version knows.

_sluice_offer() { # _sluice_offer WORD...: those that begin like the word under the cursor
	mapfile -t COMPREPLY < <(compgen -W "$*" -- "${COMP_WORDS[COMP_CWORD]}")
}

_sluice_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
}

_sluice_commands() {
	"${COMP_WORDS[0]}" help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'
}

_sluice_options() { # of a command
	echo --help
	"${COMP_WORDS[0]}" help "$1" 2>/dev/null | grep -oE '(^|[ ,(])--?[a-zA-Z][a-z-]*' | tr -d ' ,(' | sort -u
}

_sluice_value() { # of an option: false if it takes none that could be offered
	case $1 in
	--inside | --outside)
		_sluice_offer "$(cd /sys/class/net 2>/dev/null && echo ./* | sed 's|\./||g')" ;;
	--helper)
		_sluice_offer "$("${COMP_WORDS[0]}" helpers -j 2>/dev/null | sed -n 's/^{"helper": "\([^"]*\)".*/\1/p')" ;;
	--set)
		compopt -o nospace 2>/dev/null
		_sluice_offer "$("${COMP_WORDS[0]}" help tunables 2>/dev/null | sed -n 's/^  \([a-z][a-zA-Z0-9_.]*\) .*/\1=/p')" ;;
	--on-exit) _sluice_offer closed open ;;
	--log) _sluice_offer text json ;;
	--time) _sluice_offer capture none ;;
	-p | --proto) _sluice_offer tcp udp icmp icmpv6 sctp gre udplite ;;
	-f | --family) _sluice_offer ipv4 ipv6 ;;
	-r | --rules | -I | --includepath | -o | --output | --module | --record | --state | --control) _sluice_files ;;
	*) return 1 ;;
	esac
}

_sluice() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		_sluice_offer "$(_sluice_commands)"
		return
	fi
	# In questions to a gateway -r is a filter, and -o a format.
	case $command:$before in
	list:-[or] | expect:-[or] | events:-[or] | flush:-r | explain:-r) ;;
	*) _sluice_value "$before" && return ;;
	esac
	case $command:$word in
	help:*) _sluice_offer "$(_sluice_commands) tunables" ;;
	*:-*) _sluice_offer "$(_sluice_options "$command")" ;;
	list:* | flush:*) _sluice_offer conntrack expect ;;
	events:*) _sluice_offer conntrack expect log all ;;
	helper:*) if [ "$COMP_CWORD" -eq 2 ]; then _sluice_offer new test; else _sluice_files; fi ;;
	replay:* | check:* | reload:*) _sluice_files ;;
	esac
}

complete -F _sluice sluice
