#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""postern-bench report DIR: the results in DIR/*.json as DIR/report.html, one page that needs nothing else.

Indicators are named as in RFC 9411 (sections 6 and 7) and RFC 2544. Plots are SVG, drawn by gnuplot.
"""
import html
import json
import pathlib
import subprocess
import sys

GATE = 0.001  # per cent of failed transactions and of unexpected resets, RFC 9411 section 4.3.4
STYLE = """
body{font:15px/1.5 sans-serif;max-width:72em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.25em .8em;border-bottom:1px solid #ddd;text-align:right}
td:first-child,th:first-child{text-align:left}figure{margin:1.5em 0}figcaption{color:#555}
.good{color:#17692b}.bad{color:#a11}svg{max-width:100%;height:auto}
"""


def read_results(folder):
    """Every JSON object of every file, in the order of the names."""
    results = []
    for path in sorted(folder.glob("*.json")):
        decoder, text, at = json.JSONDecoder(), path.read_text().strip(), 0
        while at < len(text):
            result, at = decoder.raw_decode(text, at)
            results.append(result)
            while at < len(text) and text[at].isspace():
                at += 1
    return results


def gnuplot(script, data):
    """One SVG, without the XML prolog."""
    head = ("set terminal svg size 900,{height} dynamic font 'sans-serif,13' background '#ffffff'\n"
            "set border 3; set tics nomirror; set grid y lc rgb '#e4e4e4'; set key outside top horizontal\n")
    block = "$data << EOD\n" + "\n".join(" ".join(str(x) for x in row) for row in data) + "\nEOD\n"
    done = subprocess.run(["gnuplot"], input=head.format(height=420) + block + script, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"gnuplot: {done.stderr}")
    return done.stdout[done.stdout.index("<svg"):]


def lane(result, name):
    return next((x for x in result["lanes"] if x["lane"] == name), None)


def plot_stages(engines):
    """What each stage adds, scenario by scenario."""
    names = [x["lane"] for x in engines[0]["lanes"]]
    rows = []
    for r in engines:
        cycles = [x["cycles"] for x in r["lanes"]]
        rows.append([f'"{r["scenario"]}"'] + [round(max(0, b - a), 1) for a, b in zip([0] + cycles, cycles)])
    titles = ", ".join(f"$data using {i + 2}:xtic(1) title '{n}'" for i, n in enumerate(names))
    return gnuplot("set style data histograms; set style histogram rowstacked; set style fill solid 0.85; "
                   "set boxwidth 0.7; set xtics rotate by -40; set bmargin 8; set ylabel 'cycles a packet'\n"
                   f"plot {titles}\n", rows)


def plot_share(engines):
    """Throughput beside its limit in the same run."""
    rows = [[f'"{r["scenario"]}"', r["lanes"][-1]["mpps"], lane(r, "flow lookup")["mpps"]] for r in engines]
    return gnuplot("set style data histograms; set style fill solid 0.85; set boxwidth 0.9; set logscale y; "
                   "set xtics rotate by -40; set bmargin 8; set ylabel 'Mpps, one core'\n"
                   "plot $data using 2:xtic(1) title 'whole pipeline', "
                   "$data using 3 title 'limit: headers and flow lookup'\n", rows)


def plot_line(engines, key, label):
    """Cycles by a number of the scenario, with the least and most of the rounds."""
    rows = sorted([r[key], x["cycles"], x["least"], x["most"]] for r in engines for x in r["lanes"][-1:] if r[key] > 0)
    return gnuplot(f"set logscale x; set xlabel '{label}'; set ylabel 'cycles a packet'; set yrange [0:*]\n"
                   "plot $data using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'median, least, most'\n", rows)


def table(head, rows):
    cells = "".join("<tr>" + "".join(f"<td>{x}</td>" for x in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{x}</th>" for x in head) + f"</tr>{cells}</table>"


def gate(bad, of):
    """A share as text: zero is an upper bound (rule of three)."""
    if of == 0:
        return "-"
    share = 100 * bad / of if bad else 300 / of
    word = "good" if share <= GATE else "bad" if bad else ""
    return f'<span class="{word}">{"" if bad else "&lt; "}{share:.4f} %</span>'


def indicators(engines):
    rows = []
    for r in engines:
        last, health = r["lanes"][-1], r["health"]
        rows.append([html.escape(r["scenario"]), f'{last["gbit"]:.2f}', f'{last["mpps"]:.2f}', f'{r["frame"]:.0f}',
                     f'{r["flows"]:,}', f'{last["sessions"]:,.0f}', f'{last["mails"]:,.0f}',
                     f'{last["cycles"]:.0f} ({last["least"]:.0f}-{last["most"]:.0f})', f'{r["of_limit"]:.2f}',
                     gate(health["stalled"], health["sessions"]), gate(health["resets"], health["sessions"])])
    return table(["scenario", "inspected throughput, Gbit/s", "Mpps", "frame, octets", "concurrent TCP connections",
                  "TCP connections/s", "application transactions (mails)/s", "cycles a packet (range)", "of the limit",
                  "failed transactions", "unexpected resets"], rows)


def other_tables(results):
    """Results of other commands: flat objects as they are."""
    parts = []
    for command in sorted({r["command"] for r in results} - {"engine"}):
        rows = [x for r in results if r["command"] == command for x in r.get("rows", [])]
        if rows:
            head = list(rows[0])
            parts.append(f"<h2>{html.escape(command)}</h2>" + table(
                [html.escape(h) for h in head], [[html.escape(str(row.get(h, ""))) for h in head] for row in rows]))
        for r in results:
            if r["command"] == command and r.get("note"):
                parts.append(f"<p>{html.escape(r['note'])}</p>")
    return "".join(parts)


def figure(svg, caption):
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def page(results):
    engines = [r for r in results if r["command"] == "engine"]
    parts = [f"<!doctype html><html lang=en><meta charset=utf-8><title>Postern, measured</title><style>{STYLE}</style>",
             "<h1>Postern, measured</h1>"]
    if engines:
        facts = engines[0]["machine"]
        by_flows = [r for r in engines if r["scenario"].startswith("flows-") or r["scenario"] == "mail-20k"]
        by_patterns = [r for r in engines if r["scenario"].startswith("patterns-") or r["scenario"] == "mail-20k"]
        by_patterns = [r for r in by_patterns if "envelope" not in r["scenario"]]
        parts += [
            "<p>One core, no NIC, release build; method in bench/README.md. Medians of rounds, with least and most. "
            "Zero counts are shown as upper bounds (3/n).</p>", "<h2>Indicators (RFC 9411, RFC 2544)</h2>",
            indicators(engines),
            figure(plot_share(engines), "Throughput beside the limit: the same loop with headers and flow lookup only."),
            figure(plot_stages(engines), "Where the cycles go: each stage is the difference of two lanes.")]
        if len(by_flows) > 1:
            parts.append(figure(plot_line(by_flows, "flows", "flows"), "Cycles by the number of flows at once."))
        if len(by_patterns) > 1:
            parts.append(figure(plot_line(by_patterns, "patterns", "patterns"), "Cycles by the number of patterns."))
        parts += ["<h2>Machine</h2>", table(["fact", "value"], [[html.escape(k), html.escape(str(v))]
                                                               for k, v in facts.items() if v != ""])]
    parts.append(other_tables(results))
    return "".join(parts) + "</html>\n"


def main(args):
    if len(args) != 1 or args[0] in ("-h", "--help"):
        print(__doc__)
        return 2
    folder = pathlib.Path(args[0])
    results = read_results(folder)
    if not results:
        print(f"{folder}: no results; write them with: postern-bench engine --json SCENARIO... > {folder}/engine.json",
              file=sys.stderr)
        return 1
    (folder / "report.html").write_text(page(results))
    print(folder / "report.html")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
