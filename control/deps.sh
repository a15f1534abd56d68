#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The packages that Postern needs on Debian 12, in one place. Installs only what is missing.
#
#   control/deps.sh GROUP...          install the groups: build, bench, lab
#   control/deps.sh --list GROUP...   print their packages
#   control/deps.sh --mta             unpack the mail servers of the lab (see below)
set -euo pipefail

declare -A packages=(
	# cmocka: the unit tests are part of the build.
	[build]="gcc libc6-dev pkg-config meson ninja-build libcmocka-dev
		libdpdk-dev libhyperscan-dev libcyaml-dev libyaml-dev libjansson-dev libsodium-dev
		libidn2-dev libuv1-dev libpcap-dev libbpf-dev libxdp-dev libpsl-dev libicu-dev publicsuffix clang llvm bpftool"
	# Instruction counts (guard), plots of a report and the browser that looks at it, testpmd beside the box (wire).
	[bench]="python3 valgrind gnuplot-nox dpdk-dev chromium"
	# Two networks with mail servers (the libraries that those link to), clients and captures.
	[lab]="python3 iproute2 iputils-ping ethtool procps util-linux openssl swaks libio-socket-inet6-perl tcpdump iperf3 netbase
		libdb5.3 libicu72 libnsl2 libsasl2-2 libssl3 libgnutls-dane0 libidn12 libpcre2-8-0 libcrypt1 libevent-2.1-7 libpam0g
		msmtp curl python3-aiosmtplib python3-aiosmtpd"
)

# The lab runs real mail servers without installing them: Debian's packages conflict with each other,
# start services and create accounts. They are unpacked side by side, outside of the system's own paths.
mta_dir=${POSTERN_LAB:-/var/cache/postern-lab}/mta
declare -A mta=([postfix]=postfix [exim]=exim4-daemon-light [opensmtpd]=opensmtpd)

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

missing() {
	local name
	for name in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
	done
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 \
		-o APT::Sandbox::User=root "$@" </dev/null
}

install_groups() {
	local wanted=() absent
	for group in "$@"; do
		[[ -v packages[$group] ]] || die "no group '$group': it is one of ${!packages[*]}"
		# shellcheck disable=SC2206 # a list of words
		wanted+=(${packages[$group]})
	done
	mapfile -t absent < <(missing "${wanted[@]}")
	((${#absent[@]})) || return 0
	((EUID == 0)) || die "not root, and these packages are missing: ${absent[*]}"
	echo "installing ${absent[*]}"
	apt update
	apt install --no-install-recommends -y "${absent[@]}" >/dev/null
}

unpack_mta() {
	local name=$1 package=$2 scratch
	[[ -e $mta_dir/$name/usr ]] && return 0
	echo "unpacking $package into $mta_dir/$name"
	mkdir -p "$mta_dir"
	scratch=$(mktemp -d "$mta_dir/.new.XXXXXX")
	# shellcheck disable=SC2064 # this very directory
	trap "rm -rf '$scratch'" EXIT
	(cd "$scratch" && { apt download "$package" 2>/dev/null || { apt update && apt download "$package"; }; })
	dpkg-deb -x "$scratch/$package"_*.deb "$scratch/tree"
	chmod 755 "$scratch/tree"
	# Another run may have been faster.
	mv -T "$scratch/tree" "$mta_dir/$name" 2>/dev/null || [[ -e $mta_dir/$name/usr ]]
	rm -rf "$scratch"
	trap - EXIT
}

case ${1-} in
--list)
	shift
	for group in "$@"; do
		# shellcheck disable=SC2086 # a list of words
		printf '%s\n' ${packages[$group]}
	done
	;;
--mta)
	for name in "${!mta[@]}"; do
		unpack_mta "$name" "${mta[$name]}"
	done
	;;
'' | -h | --help)
	sed -n '3,8s/^# \{0,1\}//p' "$0"
	;;
*)
	install_groups "$@"
	;;
esac
