#!/bin/sh
# Install what is missing of scripts/debian-packages.txt; without root, say how.
set -eu
list=$(dirname "$0")/debian-packages.txt
missing=
for package in $(sed 's/#.*//' "$list"); do
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' ||
		missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
	echo "sluice needs these Debian packages; as root, run:" >&2
	echo "    apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
# Services that a package would start are the tests' own business, never the machine's.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' >$policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi
apt-get -q update >/dev/null
apt-get -q -y install --no-install-recommends $missing >/dev/null
