#!/bin/sh
# Install what is missing of scripts/debian-packages.txt; without root, say how.
set -eu
list=$(dirname "$0")/debian-packages.txt
missing=
for package in $(sed 's/#.*//' "$list"); do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
		missing="$missing $package"
done

install() {
	echo "installing$missing"
	# Services that a package would start are the tests' own business, never the machine's.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod 755 $policy
		trap 'rm -f $policy' EXIT
	fi
	apt-get -q update >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing >/dev/null
}

# atftpd cannot be installed beside tftpd-hpa: the tests take it from here (tests/live/lib.py, UNPACKED).
unpacked=/usr/local/lib/sluice-tests
unpack() {
	deb=$(mktemp -d)
	(cd "$deb" && apt-get -q download atftpd >/dev/null 2>&1 && dpkg -x atftpd_*.deb $unpacked) ||
		echo "atftpd could not be had: its test will be left out" >&2
	rm -rf "$deb"
}

if [ -n "$missing" ] && [ "$(id -u)" -ne 0 ]; then
	echo "sluice needs these Debian packages; as root, run:" >&2
	echo "    apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
[ -z "$missing" ] || install
[ -e $unpacked/usr/sbin/atftpd ] || [ "$(id -u)" -ne 0 ] || unpack
