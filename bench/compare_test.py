#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""compare_test.py BENCH: a small capture through us, and whatever else is installed; what is not is named."""
import json
import subprocess
import sys


def main(bench):
    run = subprocess.run([bench, "compare", "--json", "--megabytes", "8", "--domains", "300", "--mails", "60", "--tries", "1"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    rows = {row["program"]: row for row in result["rows"]}
    ours = rows["postern replay"]
    assert ours["found"] > 0 and ours["missed"] == ours["wrong"] == 0, ours
    assert len(rows) + len(result["left_out"]) == 4, result["note"]
    for name, row in rows.items():
        assert row["wrong"] == 0, (name, row)
        assert row["CPU s"] >= 0 and row["memory MB"] > 0, (name, row)
    for left in result["left_out"]:
        assert left.endswith("not installed"), left
    suricata = any(name.startswith("Suricata") for name in rows)
    assert all((limit["reached"] is not None) == suricata for limit in result["limits"])
    print("; ".join([*rows, *result["left_out"]]))


if __name__ == "__main__":
    main(*sys.argv[1:])
