#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""report_test.py BENCH REPORT: a page of two short measurements has its plots, and asks nobody for anything.

With POSTERN_LONG set, and where Chromium is installed, the page is opened in it.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

SCENARIOS = pathlib.Path(__file__).resolve().parent / "scenarios"


def main(bench, report):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = subprocess.run([bench, "engine", "--json", "--rounds", "2", "--batches", "5",
                              SCENARIOS / "guard-mail.scenario", SCENARIOS / "guard-tls.scenario"],
                             capture_output=True, text=True, check=True)
        (folder / "engine.json").write_text(run.stdout)
        (folder / "other.json").write_text('{"command": "compare", "rows": [{"program": "<b>"}], "note": "left out"}')
        subprocess.run([report, folder], check=True)
        page = (folder / "report.html").read_text()
        plots = re.findall(r"<svg.*?</svg>", page, re.S)
        assert len(plots) == 2, f"{len(plots)} plots"
        for plot in plots:
            drawn = [x for x in xml.fromstring(plot).iter() if x.tag.endswith(("path", "polygon"))]
            assert len(drawn) > 10, f"{len(drawn)} shapes in a plot"
        assert "guard-mail" in page and "&lt;b&gt;" in page and "left out" in page
        assert not re.search(r"(src|href)=[\"']?https?:", page), "the page asks the network"
        browser = shutil.which("chromium") if os.environ.get("POSTERN_LONG") else None
        if browser:
            dom = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
                                  f"file://{folder}/report.html"], capture_output=True, text=True, check=True, timeout=60)
            assert dom.stdout.count("<svg") == 2
            print("opened in Chromium")
    print("the page has its plots")


if __name__ == "__main__":
    main(*sys.argv[1:])
