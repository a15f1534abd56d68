#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Every measurement and the report, in under 20 minutes on a machine that does nothing else.
#
#   bench/run-all.sh [--quick] DIR
#
#   DIR      where engine.json, wire.json, scale.json, reload.json, compare.json and report.html go
#   --quick  a look at whether all of it works, in a few minutes: the figures mean little
#
# Builds what it measures, a release build, in build-bench; control/deps.sh build bench lab compare and --mta bring what
# it needs. A command that fails is named at the end, and its place in the report stays empty; then the status is 1.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false
if [[ ${1-} == --quick ]]; then
	quick=true
	shift
fi
if (($# != 1)) || [[ $1 == -h || $1 == --help ]]; then
	sed -n '3,11s/^# \{0,1\}//p' "$0"
	[[ ${1-} == -h || ${1-} == --help ]]
	exit
fi
mkdir -p "$1"
results=$(cd "$1" && pwd)

# A session of its own, whose processes go before those of others where that is permitted: the kernel weighs sessions first.
if [[ -z ${POSTERN_BENCH_SESSION-} ]]; then
	again=(bench/run-all.sh)
	$quick && again+=(--quick)
	POSTERN_BENCH_SESSION=1 exec setsid --wait "${again[@]}" "$results"
fi

[[ -e build-bench/build.ninja ]] || meson setup build-bench -Dbuildtype=release >/dev/null
ninja -C build-bench --quiet bench/postern-bench dataplane/io/postern-dp control/posternd control/postern
bench=build-bench/bench/postern-bench
{ echo -20 >/proc/self/autogroup; } 2>/dev/null || true

engine=() wire=() scale=() reload=(--swaps 100 --every 100 --memory-swaps 10000) compare=()
if $quick; then
	engine=(--rounds 2 --batches 10)
	wire=(--seconds 0.5 --tries 1 --precision 30 --latency-seconds 0.5)
	scale=(--rounds 2 --batches 10)
	reload=(--swaps 5 --every 10 --memory-swaps 100)
	compare=(--megabytes 50 --mails 300 --tries 1)
fi
scenarios=()
for scenario in bench/scenarios/*.scenario; do
	[[ $scenario == */guard-* || $scenario == */wire.scenario ]] || scenarios+=("$scenario")
done

failed=()
measure() { # NAME ARGUMENT...
	local name=$1
	shift
	printf '== %s (%s s)\n' "$name" "$SECONDS"
	if "$bench" "$name" --json "$@" >"$results/.$name"; then
		mv "$results/.$name" "$results/$name.json"
	else
		failed+=("$name")
		rm -f "$results/.$name" "$results/$name.json"
	fi
}
measure engine "${engine[@]}" "${scenarios[@]}"
measure wire "${wire[@]}"
measure scale "${scale[@]}" bench/scenarios/mail-20k.scenario
measure reload "${reload[@]}" bench/scenarios/wire.scenario
measure compare "${compare[@]}"
"$bench" report "$results"
printf '== done (%s s)\n' "$SECONDS"
((${#failed[@]} == 0)) || { echo "failed: ${failed[*]}"; exit 1; }
