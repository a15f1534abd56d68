#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Instructions a packet, counted by callgrind, against what was stored: they do not depend on the machine's mood.

guard.py BENCH BUILDTYPE            ends with 1 where a scenario costs more, or less, than its baseline by 3 per cent
guard.py --update BENCH BUILDTYPE   stores what is counted now
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BASELINE = HERE / "baseline.json"
TOLERANCE = 0.03
SCENARIOS = ["guard-mail", "guard-envelope", "guard-flagged", "guard-tls", "guard-other"]


def count(bench, scenario):
    """Instructions a packet of the measured loop, warm-up included."""
    with tempfile.NamedTemporaryFile() as out:
        run = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}", "--toggle-collect=lane_bursts",
             bench, "engine", "--json", "--lanes", "w", HERE / "scenarios" / f"{scenario}.scenario"],
            capture_output=True, text=True, check=False)
    if run.returncode != 0:
        sys.exit(f"{scenario}: {run.stderr}")
    collected = int(re.search(r"Collected : (\d+)", run.stderr).group(1))
    return collected / json.loads(run.stdout)["health"]["rx_packets"]


def judge(name, now, stored):
    """One line of the table; True where the count is as stored."""
    change = now / stored - 1
    good = abs(change) <= TOLERANCE
    word = "" if good else "  SLOWER" if change > 0 else "  faster: store it with --update"
    print(f"  {name:16} {now:8.0f} {stored:8.0f} {change:+7.1%}{word}")
    return good


def main(args):
    update = args[:1] == ["--update"]
    if len(args) != 2 + update or args[-1].startswith("-"):
        sys.exit(__doc__)
    bench, buildtype = args[update:]
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
    counts = {name: count(bench, name) for name in SCENARIOS}
    if update:
        baseline[buildtype] = {name: round(n, 1) for name, n in counts.items()}
        BASELINE.write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n")
        return 0
    print(f"  {'instructions':16} {'now':>8} {'stored':>8}  change")
    stored = baseline[buildtype]
    return 0 if all([judge(name, counts[name], stored[name]) for name in SCENARIOS]) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
