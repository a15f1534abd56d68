#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""report_test.py BENCH REPORT: a page of all commands' results has its plots, in a browser, and asks nobody for anything."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml

SCENARIOS = pathlib.Path(__file__).resolve().parent / "scenarios"
LATENCY = {"p50 us": 9.1, "p90 us": 12.0, "p99 us": 20.0, "p99.9 us": 31.0, "max us": 90.5}
ROW = {"NDR Mpps": 1.5, "NDR Gbit/s": 7.2, "NDR limit": "the path", "PDR Mpps": 1.6, "PDR Gbit/s": 7.5,
       "PDR limit": "the generator", "sessions": 500000, "resets": 0, "stalled": 0}
TRIALS = [{"path": path, "sent": rate, "received": rate - lost, "seconds": 1} for path in ("postern-dp", "testpmd io")
          for rate, lost in ((1000000, 0), (2000000, 400000))]
OTHERS = [
    {"command": "limits", "limits": [{"what": "a thing", "limit": "at most 1", "figure": 2.0, "reached": False},
                                     {"what": "another", "limit": "at least 1", "figure": None, "reached": None}]},
    {"command": "wire", "scenario": "wire", "seconds": 1, "rows": [{"path": "postern-dp", **ROW},
                                                                  {"path": "testpmd io", **ROW}],
     "latency": [{"load": "50% of NDR", "Mpps": 0.7, "path": p, **LATENCY} for p in ("postern-dp", "testpmd io", "added")],
     "trials": TRIALS, "note": "two copies"},
    {"command": "scale", "rows": [{"workers": n, "Mpps": 4.9 * n} for n in (1, 2)],
     "model": [{"workers": n, "linear": 5.0 * n, "contention": 4.8 * n, "memory": min(30.0, 4.8 * n)}
               for n in (1, 2, 4, 8, 16, 32)], "note": "on paper"},
    {"command": "reload", "rows": [{"patterns": 1000, "swaps": 10}], "packets": 30000000, "lost": 0, "sessions": 6,
     "stalled": 1, "resets": 0, "outside": {"bursts": 9}, "during": {"bursts": 3},
     "memory": [{"swaps": 1000 * i, "heap MB": 21.0, "MB": 80.5} for i in range(1, 11)]},
    {"command": "compare", "rows": [{"program": "<b>", "CPU s per GB": 1.2}, {"program": "other", "CPU s per GB": 13.0}],
     "note": "left out"},
]
PLOTS = 2 + 2 + 1 + 1 + 1  # engine, wire, scale, reload, compare
# The size at which the browser has drawn each plot, and how many of its shapes have one.
PROBE = """<script>document.body.dataset.plots = JSON.stringify([...document.querySelectorAll("svg")].map(s => {
const r = s.getBoundingClientRect(); return [r.width, r.height, [...s.querySelectorAll("path,polygon,use")].filter(p => {
const b = p.getBoundingClientRect(); return b.width + b.height > 0}).length]}))</script>"""


def check_text(page):
    plots = re.findall(r"<svg.*?</svg>", page, re.S)
    assert len(plots) == PLOTS, f"{len(plots)} plots"
    for plot in plots:
        drawn = [x for x in xml.fromstring(plot).iter() if x.tag.endswith(("path", "polygon"))]
        assert len(drawn) > 5, f"{len(drawn)} shapes in a plot"
    for words in ("guard-mail", "&lt;b&gt;", "left out", "not reached", "not judged", "Inspected Throughput",
                  "Application Transactions Per Second", "Frame loss rate", "&lt; 0.0006 %", "16.67 %", "&lt; 1e-05 %"):
        assert words in page, words
    assert "<b>" not in page, "a result's text is taken for HTML"
    assert not re.search(r"(src|href)=[\"']?https?:", page), "the page asks the network"


def check_drawn(folder, page):
    browser = shutil.which("chromium")
    assert browser, "no browser to look at the page with: control/deps.sh bench"
    (folder / "probe.html").write_text(page.replace("</html>", PROBE + "</html>"))
    run = subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                          f"--user-data-dir={folder}/browser", "--window-size=1200,900", "--dump-dom",
                          f"file://{folder}/probe.html"], capture_output=True, text=True, check=False, timeout=100)
    found = re.search(r'data-plots="(\[.*?\])"', run.stdout)
    assert found, run.stderr[-2000:]
    sizes = json.loads(found.group(1))
    assert len(sizes) == PLOTS, sizes
    for width, height, shapes in sizes:
        assert width > 500 and height > 150 and shapes > 5, sizes


def main(bench, report):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run = subprocess.run([bench, "engine", "--json", "--rounds", "2", "--batches", "5",
                              SCENARIOS / "guard-mail.scenario", SCENARIOS / "guard-tls.scenario"],
                             capture_output=True, text=True, check=True)
        (folder / "engine.json").write_text(run.stdout)
        (folder / "other.json").write_text("\n".join(json.dumps(x) for x in OTHERS))
        subprocess.run([report, folder], check=True)
        page = (folder / "report.html").read_text()
        check_text(page)
        check_drawn(folder, page)
    print("the page has its plots")


if __name__ == "__main__":
    main(*sys.argv[1:])
