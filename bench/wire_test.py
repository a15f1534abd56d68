#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""wire_test.py BENCH: postern-dp and testpmd between the ports of a generator, for a moment."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

SCENARIO = "flows 200\nmail 2000\npatterns 100\ncapacity 65536\n"
QUICK = ["--seconds", "0.3", "--tries", "3", "--min", "0.002", "--max", "0.02", "--precision", "900",
         "--latency-seconds", "0.3", "--warm", "0.02", "--warm-seconds", "3"]


def main(bench):
    if shutil.which("dpdk-testpmd") is None:
        sys.exit("dpdk-testpmd is missing: control/deps.sh bench")
    with tempfile.TemporaryDirectory() as folder:
        scenario = pathlib.Path(folder) / "small.scenario"
        scenario.write_text(SCENARIO)
        run = subprocess.run([bench, "wire", "--json", *QUICK, scenario], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    box, reference = result["rows"]
    assert (box["path"], reference["path"]) == ("postern-dp", "testpmd io")
    for row in (box, reference):
        assert row["NDR Mpps"] > 0 and row["PDR Mpps"] >= row["NDR Mpps"], run.stderr
    counters = result["counters"]
    assert counters["mails"] > 0 and counters.get("undecoded", 0) == 0, counters
    for trial in result["trials"]:
        assert trial["latency_ns"]["p50"] <= trial["latency_ns"]["p99"] <= trial["latency_ns"]["max"]
        if trial["sent"] == trial["received"]:
            assert trial["stalled"] == trial["resets"] == 0, trial
    assert [r["path"] for r in result["latency"]] == ["postern-dp", "testpmd io", "added"] * 3
    wrong = subprocess.run([bench, "wire", "--min", "5", "--max", "1"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2 and "--min" in wrong.stderr
    print(f"{box['sessions']} sessions through postern-dp")


if __name__ == "__main__":
    main(*sys.argv[1:])
