#!/bin/sh
# The examples that nftables ships: sluice reads what nft reads, or refuses it with the words told here.
# usage: examples.sh SLUICE
# Needs root, nft and its examples (package nftables).
sluice=$(realpath "$1") dir=/usr/share/doc/nftables/examples
if ! unshare -n nft list ruleset >/dev/null 2>&1 || [ ! -f $dir/nat.nft ]; then
	echo "SKIP nftables' examples: they need root, nft and $dir"
	exit 77
fi
[ -n "$2" ] || exec unshare -n "$0" "$sluice" inside

refusal() {
	case $1 in
	all-in-one | arp-filter | bridge-filter | netdev-ingress) echo "not supported: tables of families arp, bridge and netdev" ;;
	secmark) echo "not supported: synproxy and secmark objects" ;;
	load_balancing) echo "not supported: tables of families arp, bridge and netdev" ;;
	esac
}

cd $dir || exit 1
for name in eth0 eth1 bond0 bond1; do
	ip link add $name type dummy 2>/dev/null || ip tuntap add $name mode tun
done
failed=0 count=0
for f in *.nft; do
	name=${f%.nft} words=$(refusal "${f%.nft}")
	count=$((count + 1))
	nft add table ip filter # sets_and_maps.nft deletes it
	said=$("$sluice" check "$f" 2>&1 >/dev/null)
	status=$?
	if [ -n "$words" ]; then
		echo "sluice refuses $f: $words"
		case $said in *"$words"*) continue ;; esac
	elif [ $status = 0 ]; then
		nft -c -f "$f" 2>/dev/null || echo "nft alone refuses $f"
		continue
	elif ! nft -c -f "$f" 2>/dev/null; then
		echo "both refuse $f"
		continue
	fi
	echo "FAIL $f: $said"
	failed=1
done
echo "$count examples of nftables"
exit $failed
