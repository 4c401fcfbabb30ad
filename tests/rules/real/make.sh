#!/bin/sh
# What real programs make of rules, as rulesets on stdout: for the files of this directory, whose
# first lines (what is put through them) are written by hand. As root, each in a namespace of its own.
# usage: make.sh translated|listed FILE.save|FILE.save6     package iptables
#        make.sh ufw | firewalld                           packages ufw; firewalld, dbus
#        make.sh --test         are the files of this directory what iptables makes now?
here=$(dirname "$0")
case $1 in
translated)
	case $2 in *6) tool=ip6tables-restore-translate ;; *) tool=iptables-restore-translate ;; esac
	grep -v '^#' "$2" | $tool -f /dev/stdin | grep -v '^#'
	;;
listed)
	case $2 in *6) tool=ip6tables-nft-restore ;; *) tool=iptables-nft-restore ;; esac
	unshare -n sh -c "grep -v '^#' '$2' | $tool && nft list ruleset" 2>/dev/null
	;;
ufw) # ufw keeps state in /etc and /lib: on copies
	work=$(mktemp -d)
	cp -a /etc/ufw "$work/etc"
	unshare -nm sh -c "ip link set lo up; mount -t tmpfs none /run; mkdir /run/lock; mount --bind '$work/etc' /etc/ufw
		{ ufw --force enable; ufw allow 22/tcp; ufw limit 2222/tcp; ufw allow from 10.0.0.0/8 to any port 53
		ufw route allow in on in0 out on out0; ufw deny 25; ufw reject out 6667/tcp; } >/dev/null
		nft list ruleset" 2>/dev/null
	rm -rf "$work"
	;;
firewalld)
	work=$(mktemp -d)
	cp -a /etc/firewalld "$work/etc"
	unshare -nmpf --mount-proc sh -c "ip link set lo up; mount -t tmpfs none /run; mkdir /run/dbus /run/lock
		mount --bind '$work/etc' /etc/firewalld; dbus-daemon --system --fork --nopidfile
		firewalld --nopid --nofork >/dev/null 2>&1 &
		until firewall-cmd --state >/dev/null 2>&1; do sleep 1; done
		{ firewall-cmd --zone=internal --add-interface=in0; firewall-cmd --zone=external --add-interface=out0
		firewall-cmd --zone=external --add-forward-port=port=8080:proto=tcp:toaddr=10.0.0.80:toport=80
		firewall-cmd --zone=external --add-rich-rule='rule family=\"ipv4\" source address=\"198.51.100.0/24\" service name=\"ssh\" limit value=\"5/m\" accept'
		firewall-cmd --zone=external --add-rich-rule='rule family=\"ipv4\" source address=\"192.0.2.0/24\" reject type=\"icmp-host-prohibited\"'
		firewall-cmd --zone=internal --add-service=ftp --add-service=tftp; } >/dev/null
		nft list ruleset" # its processes end with their namespace
	rm -rf "$work"
	;;
--test)
	if ! iptables-nft-restore --version >/dev/null 2>&1 || ! unshare -n nft list ruleset >/dev/null 2>&1; then
		echo "SKIP rulesets of real programs: they need root, nft and the package iptables"
		exit 77
	fi
	failed=0
	for name in docker docker-listed kube-proxy-listed libvirt libvirt-listed server6 server6-listed; do
		how=translated
		base=${name%-listed}
		[ "$base" = "$name" ] || how=listed
		save=$here/$base.save
		[ -f "$save" ] || save=$here/$base.save6
		made=$("$0" $how "$save")
		[ "$made" = "$(grep -v '^#' "$here/$name.nft")" ] && continue
		echo "FAIL $name.nft is not what iptables makes of $(basename "$save") now"
		failed=1
	done
	exit $failed
	;;
esac
