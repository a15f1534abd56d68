#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Shows the main job on one machine: two networks, a real mail server in each, Postern in the wire.
#
#   control/quickstart.sh            install what is missing (apt), build, show, clean up; as root on Debian 12
#   control/quickstart.sh --keep     the same, but leave it running, and say how to play with it
#   control/quickstart.sh --stop     remove what --keep left
#   control/quickstart.sh FILE...    run capture files (pcap, pcapng) through the filter instead
#
# Nothing outside the lab is changed: no service is started, no mail server installed or configured.
# What stays: the installed packages, build-release/, and unpacked mail servers in /var/cache/postern-lab.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$top/build-release
python=/usr/bin/python3

die() {
	echo "quickstart: $*" >&2
	exit 1
}

build() {
	echo "== build in $build"
	if [[ ! -e $build/build.ninja ]]; then
		rm -rf "$build"
		meson setup "$build" "$top" >"$build.log" 2>&1 || { cat "$build.log" >&2; die "meson failed"; }
		rm -f "$build.log"
	fi
	ninja -C "$build" --quiet || die "the build failed"
}

case ${1-} in
-h | --help)
	sed -n '3,11s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
	exit 0
	;;
--stop)
	exec "$python" "$top/tests/lab/demo.py" --stop
	;;
'' | --keep)
	((EUID == 0)) || die "namespaces and AF_XDP want root; for capture files give their names instead"
	echo "== packages"
	"$top/control/deps.sh" build lab
	"$top/control/deps.sh" --mta
	build
	POSTERN_BUILD=$build exec "$python" "$top/tests/lab/demo.py" "$@"
	;;
-*)
	die "\"$1\" is no option; see --help"
	;;
esac

for file in "$@"; do
	[[ -r $file ]] || die "$file: cannot be read"
done
"$top/control/deps.sh" build
build
echo "== replay by control/share/rules.conf, mail known by its dialogue on any port, wrong checksums taken as right"
exec "$build/control/postern" replay --rules "$top/control/share/rules.conf" --ports any --ignore-checksums --clear "$@"
