#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Installs what is missing, builds, and runs every test. The last line counts them.
#
#   tests/run.sh [--long] [--filter NAME] [--sanitize]
#
#   --long         longer soaks, more random rounds, every pair of mail programs, all bad wires, 21,000 dialogues
#   --filter NAME  only tests with NAME in their name
#   --sanitize     only the build with AddressSanitizer and UndefinedBehaviorSanitizer
#
# Ends with 0 when every test passed. A skipped test counts as a failure unless its reason
# begins with "kernel:" and names the feature that this kernel lacks.
set -euo pipefail
cd "$(dirname "$0")/.."

captures=../shared/captures
filter='' sanitize_only=false
while (($#)); do
	case $1 in
	--long) export POSTERN_LONG=1 ;;
	--filter)
		filter=${2:?--filter wants a name}
		shift
		;;
	--sanitize) sanitize_only=true ;;
	-h | --help)
		sed -n '5,12s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	*)
		echo "tests/run.sh: \"$1\" is no option; see --help" >&2
		exit 2
		;;
	esac
	shift
done

export ASAN_OPTIONS=halt_on_error=1:abort_on_error=1:detect_leaks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
python=/usr/bin/python3
results=$(mktemp)
trap 'rm -f "$results"' EXIT
trap 'exit 130' INT TERM

say() {
	printf '\n== %s (%s s)\n' "$*" "$SECONDS"
}

record() { # pass|fail|skip NAME WHY
	printf '%s\t%s\t%s\n' "$1" "$2" "${3-}" >>"$results"
}

build() { # DIRECTORY MESON_OPTION...
	local dir=$1
	shift
	say "build in $dir"
	if [[ ! -e $dir/build.ninja ]]; then
		rm -rf "$dir"
		meson setup "$dir" "$@" >"$dir.log" 2>&1 || { cat "$dir.log"; return 1; }
		rm -f "$dir.log"
	fi
	ninja -C "$dir" --quiet
}

meson_tests() { # DIRECTORY LABEL MESON_OPTION...
	local dir=$1 label=$2 names=()
	shift 2
	say "unit tests and captures, $label"
	if [[ -n $filter ]]; then
		mapfile -t names < <(meson test -C "$dir" --list "$@" 2>/dev/null | sed -n 's/.* \/ //p' | grep -F -- "$filter" || true)
		((${#names[@]})) || return 0
	fi
	rm -f "$dir/meson-logs/testlog.json"
	meson test -C "$dir" --no-rebuild --print-errorlogs "$@" "${names[@]}" || true
	"$python" - "$dir/meson-logs/testlog.json" "$label" >>"$results" <<-'END'
		import json, sys
		words = {"OK": "pass", "EXPECTEDFAIL": "pass", "SKIP": "skip"}
		for line in open(sys.argv[1]):
		    test = json.loads(line)
		    said = (test.get("stdout") or "").strip().splitlines()
		    word = words.get(test["result"], "fail")
		    print(word, f"{test['name']} ({sys.argv[2]})", said[-1] if word == "skip" and said else test["result"], sep="\t")
	END
}

end_to_end_tests() { # DIRECTORY
	say "end to end, real mail servers"
	POSTERN_BUILD=$PWD/$1 "$python" tests/e2e/run.py --filter "$filter" --results "$results" ||
		grep -q '^fail' "$results" || record fail "end to end" "ended before its tests did"
}

differential_tests() { # DIRECTORY
	local name="dialogues with Postfix, Exim, OpenSMTPD read alike" count=600
	[[ $name == *"$filter"* ]] || return 0
	say "differential, real mail servers"
	[[ -z ${POSTERN_LONG-} ]] || count=21000
	if "$python" tests/differential/run.py --feed "$1/tests/differential/dialogue_feed" --count "$count"; then
		record pass "$name"
	else
		record fail "$name"
	fi
}

say "packages"
control/deps.sh build bench lab
control/deps.sh --mta

for flavour in release sanitize; do
	[[ $flavour == release ]] && $sanitize_only && continue
	options=(-Dwerror=true)
	[[ $flavour == sanitize ]] && options+=("-Db_sanitize=address,undefined")
	if ! build "build-$flavour" "${options[@]}"; then
		record fail "build-$flavour"
		continue
	fi
	if [[ $flavour == release ]]; then
		meson_tests build-release release
		differential_tests build-release
		end_to_end_tests build-release
	else
		meson_tests build-sanitize sanitize --no-suite system
		# The EAL of DPDK leaks a few octets at its end, which are not ours to mend.
		ASAN_OPTIONS+=:detect_leaks=0 meson_tests build-sanitize sanitize --suite system
	fi
done

say "result"
[[ -d $captures ]] || echo "absent: $captures; no capture was replayed"
passed=$(grep -c '^pass' "$results" || true)
failed=$(grep -c '^fail' "$results" || true)
skipped=$(grep -c '^skip' "$results" || true)
bad_skips=$(grep '^skip' "$results" | grep -vcP '^skip\t[^\t]*\tkernel:' || true)
awk -F '\t' '$1 != "pass" { print $1 ": " $2 (($3 != "") ? ": " $3 : "") }' "$results"
echo "$passed passed, $failed failed, $skipped skipped"
((passed > 0 && failed == 0 && bad_skips == 0))
