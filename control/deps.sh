#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The packages that Postern needs on Debian 12, in one place. Installs only what is missing.
#
#   control/deps.sh GROUP...          install the groups: build, bench, lab, compare
#   control/deps.sh --list GROUP...   print their packages
#   control/deps.sh --mta             unpack the mail servers of the lab (see below)
#
# Group compare also unpacks Suricata 7 (from Debian's backports, which the system is not subscribed to) and rspamd.
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
	# What Suricata and rspamd link to, for postern-bench compare.
	[compare]="python3 iproute2 util-linux libbpf1 libcap-ng0 libevent-2.1-7 libevent-pthreads-2.1-7 libhiredis0.14
		libhyperscan5 libjansson4 libluajit-5.1-2 liblz4-1 libmagic1 libmaxminddb0 libnet1 libnetfilter-log1
		libnetfilter-queue1 libnfnetlink0 libpcap0.8 libpcre2-8-0 librte-eal23 librte-ethdev23 librte-net-bond23 libxdp1
		libyaml-0-2 libglib2.0-0 libicu72 libsodium23 libsqlite3-0 libssl3 libunwind8"
)

# The lab runs real mail servers without installing them: Debian's packages conflict with each other,
# start services and create accounts. They are unpacked side by side, outside of the system's own paths.
lab_dir=${POSTERN_LAB:-/var/cache/postern-lab}
declare -A mta=([postfix]=postfix [exim]=exim4-daemon-light [opensmtpd]=opensmtpd)
# In the same way the programs that ours is compared with.
declare -A others=([suricata]="suricata/bookworm-backports libhtp2/bookworm-backports" [rspamd]=rspamd)

apt_options=()

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
		-o APT::Sandbox::User=root "${apt_options[@]}" "$@" </dev/null
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

# Where the system has its packages from.
debian_uri() {
	apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Codename: bookworm' 'Component: main' | sed q
}

# Package lists of our own, which know backports: nothing of it reaches the system's.
use_backports() {
	local dir=$lab_dir/apt keyring=/usr/share/keyrings/debian-archive-keyring.gpg uri
	uri=$(debian_uri)
	[[ -n $uri ]] || { apt update && uri=$(debian_uri); }
	[[ -n $uri ]] || die "apt knows no source of Debian 12 (bookworm, main), beside which backports would be"
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	printf "deb [signed-by=$keyring] $uri %s main\n" bookworm bookworm-backports >"$dir/sources.list"
	apt_options=(-o "Dir::Etc::sourcelist=$dir/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o "Dir::State::lists=$dir/lists" -o "Dir::Cache=$dir/cache")
}

# KIND NAME PACKAGE...: the packages' files in $lab_dir/KIND/NAME.
unpack() {
	local kind=$1 name=$2 scratch deb
	shift 2
	[[ -e $lab_dir/$kind/$name/usr ]] && return 0
	echo "unpacking $* into $lab_dir/$kind/$name"
	mkdir -p "$lab_dir/$kind"
	scratch=$(mktemp -d "$lab_dir/$kind/.new.XXXXXX")
	# shellcheck disable=SC2064 # this very directory
	trap "rm -rf '$scratch'" EXIT
	(cd "$scratch" && { apt download "$@" 2>/dev/null || { apt update && apt download "$@"; }; })
	for deb in "$scratch"/*.deb; do
		dpkg-deb -x "$deb" "$scratch/tree"
	done
	chmod 755 "$scratch/tree"
	# Another run may have been faster.
	mv -T "$scratch/tree" "$lab_dir/$kind/$name" 2>/dev/null || [[ -e $lab_dir/$kind/$name/usr ]]
	rm -rf "$scratch"
	trap - EXIT
}

unpack_all() { # KIND
	local -n table=$1
	local name
	for name in "${!table[@]}"; do
		# shellcheck disable=SC2086 # a list of words
		unpack "$1" "$name" ${table[$name]}
	done
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
	unpack_all mta
	;;
'' | -h | --help)
	sed -n '3,10s/^# \{0,1\}//p' "$0"
	;;
*)
	install_groups "$@"
	if [[ " $* " == *" compare "* ]]; then
		use_backports
		unpack_all others
	fi
	;;
esac
