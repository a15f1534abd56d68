#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""postern-bench report DIR: the results in DIR/*.json as DIR/report.html, one page that needs nothing else.

Indicators are named as in RFC 9411 (sections 6 and 7) and RFC 2544 (section 26). Plots are SVG, drawn by gnuplot.
Exit status: 0 the page is written; 1 there is nothing to show; 2 wrong usage.
"""
import html
import json
import pathlib
import subprocess
import sys

GATE = 0.001  # per cent of failed transactions and of unexpected resets, RFC 9411 section 4.3.4
STYLE = """
body{font:15px/1.5 sans-serif;max-width:76em;margin:2em auto;padding:0 1em;color:#222}
h2{margin:2em 0 .5em;border-bottom:2px solid #ddd}h3{margin:1.5em 0 .3em}
table{border-collapse:collapse;margin:1em 0;font-size:14px}td,th{padding:.25em .7em;border-bottom:1px solid #ddd;
text-align:right;vertical-align:bottom}td{white-space:nowrap}td:first-child,th:first-child{text-align:left}
.wrap td:first-child{white-space:normal}tr:hover{background:#f6f6f6}
figure{margin:1.5em 0}figcaption,p.note{color:#555;max-width:60em}
.good{color:#17692b}.bad{color:#a11;font-weight:bold}.open{color:#777}svg{max-width:100%;height:auto}.scroll{overflow-x:auto}
"""
WORDS = {True: '<span class="good">reached</span>', False: '<span class="bad">not reached</span>',
         None: '<span class="open">not judged</span>'}


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


def gnuplot(script, blocks, height=420):
    """One SVG, without the XML prolog. `blocks`: name to rows."""
    head = (f"set terminal svg size 1000,{height} dynamic font 'sans-serif,13' background '#ffffff'\n"
            "set border 3; set tics nomirror; set grid y lc rgb '#e4e4e4'; set key outside top horizontal\n")
    data = "".join(f"${name} << EOD\n" + "\n".join(" ".join(str(x) for x in row) for row in rows) + "\nEOD\n"
                   for name, rows in blocks.items())
    done = subprocess.run(["gnuplot"], input=head + data + script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"gnuplot: {done.stderr}")
    return done.stdout[done.stdout.index("<svg"):]


def escape(x):
    return html.escape(f"{x:,}" if isinstance(x, int) and not isinstance(x, bool) and abs(x) >= 10000 else
                       f"{x:.4g}" if isinstance(x, float) else str(x))


def table(head, rows, wrap=False):
    """Cells are HTML."""
    cells = "".join("<tr>" + "".join(f"<td>{x}</td>" for x in row) + "</tr>" for row in rows)
    return (f'<div class="scroll"><table{" class=wrap" if wrap else ""}><tr>' +
            "".join(f"<th>{x}</th>" for x in head) + f"</tr>{cells}</table></div>")


def object_table(objects, skip=()):
    """Flat objects as they are; every key that any of them has."""
    head = [k for k in dict.fromkeys(k for o in objects for k in o) if k not in skip]
    return table([escape(h) for h in head], [[escape(o.get(h, "")) for h in head] for o in objects])


def figure(svg, caption):
    return f"<figure>{svg}<figcaption>{caption}</figcaption></figure>"


def note(result):
    return f'<p class="note">{html.escape(result["note"])}</p>' if result.get("note") else ""


# What was asked for.

def gate(bad, of):
    """A share as text: zero is an upper bound (rule of three)."""
    if of == 0:
        return "-"
    share = 100 * bad / of if bad else 300 / of
    word = "good" if share <= GATE else "bad" if bad else "open"
    return f'<span class="{word}">{"" if bad else "&lt; "}{share:.4g} %</span>'


def sessions_of(results):
    """(what, sessions, failed, reset), where mail sessions were played."""
    engines = [r["health"] for r in results if r["command"] == "engine"]
    sums = [("engine, all scenarios", *(sum(h[k] for h in engines) for k in ("sessions", "stalled", "resets")))]
    for r in results:
        if r["command"] == "wire":
            sums += [(f'wire, {row["path"]}, trials without loss', row["sessions"], row["stalled"], row["resets"])
                     for row in r["rows"]]
        if r["command"] == "reload":
            sums.append(("reload", r["sessions"], r["stalled"], r["resets"]))
    return [s for s in sums if s[1] > 0]


def gates(results):
    rows = [[html.escape(what), f"{n:,}", f"{failed:,}", gate(failed, n), f"{reset:,}", gate(reset, n)]
            for what, n, failed, reset in sessions_of(results)]
    if not rows:
        return ""
    return ("<h2>Gates</h2>" + table(["sessions of", "application transactions", "failed", "failed transactions",
                                      "reset", "unexpected resets"], rows) +
            f'<p class="note">Each below {GATE} % (RFC 9411, section 4.3.4). Zero is shown as an upper bound with 95 % '
            "confidence, 3/n: where it is grey, more sessions would have to be played to show less.</p>")


def limits(results):
    rows = [[html.escape(x["what"]), html.escape(x["limit"]), "-" if x["figure"] is None else escape(float(x["figure"])),
             WORDS[x["reached"]]] for r in results for x in r.get("limits", [])]
    return "<h2>Budgets</h2>" + table(["what", "budget", "measured", ""], rows, wrap=True) if rows else ""


# engine

def lane(result, name):
    return next((x for x in result["lanes"] if x["lane"] == name), None)


def plot_stages(engines):
    """What each stage adds, scenario by scenario."""
    most = max(len(r["lanes"]) for r in engines)
    whole = [r for r in engines if len(r["lanes"]) == most]
    names = [x["lane"] for x in whole[0]["lanes"]]
    rows = []
    for r in whole:
        cycles = [x["cycles"] for x in r["lanes"]]
        rows.append([f'"{r["scenario"]}"'] + [round(max(0, b - a), 1) for a, b in zip([0] + cycles, cycles)])
    titles = ", ".join(f"$data using {i + 2}:xtic(1) title '{n}'" for i, n in enumerate(names))
    return gnuplot("set style data histograms; set style histogram rowstacked; set style fill solid 0.85; "
                   "set boxwidth 0.7; set xtics rotate by -50 font ',11'; set bmargin 9; set ylabel 'cycles a packet'\n"
                   f"plot {titles}\n", {"data": rows}, 470)


def plot_share(engines):
    """Throughput beside its limit in the same run."""
    rows = [[f'"{r["scenario"]}"', r["lanes"][-1]["mpps"], lane(r, "flow lookup")["mpps"]] for r in engines
            if lane(r, "flow lookup")]
    return gnuplot("set style data histograms; set style fill solid 0.85; set boxwidth 0.9; set yrange [0:*]; "
                   "set xtics rotate by -50 font ',11'; set bmargin 9; set ylabel 'Mpps, one core'\n"
                   "plot $data using 2:xtic(1) title 'whole pipeline', "
                   "$data using 3 title 'limit: headers and flow lookup'\n", {"data": rows}, 470)


def plot_line(engines, key, label):
    """Cycles by a number of the scenario, with the least and most of the rounds."""
    rows = sorted([r[key], x["cycles"], x["least"], x["most"]] for r in engines for x in r["lanes"][-1:] if r[key] > 0)
    return gnuplot(f"set logscale x; set format x '%.0f'; set xlabel '{label}'; set ylabel 'cycles a packet'; set yrange [0:*]\n"
                   "plot $data using 1:2:3:4 with yerrorlines lw 2 pt 7 title 'median, least, most'\n", {"data": rows})


def indicators(engines):
    rows = []
    for r in engines:
        last, health = r["lanes"][-1], r["health"]
        rows.append([html.escape(r["scenario"]), f'{last["gbit"]:.2f}', f'{last["mpps"]:.2f}', f'{r["frame"]:.0f}',
                     f'{r["flows"]:,}', f'{last["sessions"]:,.0f}', f'{last["mails"]:,.0f}',
                     f'{last["cycles"]:.0f} ({last["least"]:.0f}-{last["most"]:.0f})', f'{r["of_limit"]:.2f}',
                     r["payload"].upper(), f'{health["stalled"]:,} / {health["resets"]:,}'])
    return table(["scenario", "Inspected Throughput, Gbit/s", "Mpps", "frame, octets", "Concurrent TCP Connections",
                  "TCP Connections Per Second", "Application Transactions Per Second (mails)", "cycles a packet (range)",
                  "of the limit", "packets in", "failed / reset"], rows)


def engine_section(results):
    engines = [r for r in results if r["command"] == "engine"]
    if not engines:
        return ""
    by_flows = [r for r in engines if r["scenario"].startswith("flows-") or r["scenario"] == "mail-20k"]
    by_patterns = [r for r in engines if r["patterns"] != 10000 and r["scenario"] == f'patterns-{r["patterns"]}' or
                   r["scenario"] == "mail-20k"]
    parts = ["<h2>Engine: one core, no ports</h2>", indicators(engines)]
    if any(lane(r, "flow lookup") for r in engines):
        parts.append(figure(plot_share(engines),
                            "Throughput beside the limit: the same loop with headers and flow lookup only, same run."))
    if max(len(r["lanes"]) for r in engines) > 2:
        parts.append(figure(plot_stages(engines), "Where the cycles go: each stage is the difference of two lanes."))
    if len(by_flows) > 1:
        parts.append(figure(plot_line(by_flows, "flows", "flows at once"), "Cycles by the number of flows at once "
                            "(20 kB mails; the one of 4,000,000 flows has 2 kB mails)."))
    if len(by_patterns) > 1:
        parts.append(figure(plot_line(by_patterns, "patterns", "patterns"), "Cycles by the number of patterns."))
    return "".join(parts)


# wire

def plot_loss(result):
    """RFC 2544, section 26.3: frame loss rate over the rate offered."""
    blocks, plots = {}, []
    for i, row in enumerate(result["rows"]):
        trials = sorted((t["sent"] / t["seconds"] / 1e6, 100 * max(0, t["sent"] - t["received"]) / max(1, t["sent"]))
                        for t in result["trials"] if t["path"] == row["path"])
        blocks[f"p{i}"] = trials
        plots.append(f"$p{i} with points pt {7 + 2 * i} ps 0.9 title '{row['path']}'")
    return gnuplot("set xlabel 'offered, Mpps'; set ylabel 'Frame loss rate, %'; set yrange [0:*]; set xrange [0:*]\n"
                   f"plot {', '.join(plots)}\n", blocks, 360)


def plot_latency(result):
    shares = ["p50 us", "p90 us", "p99 us", "p99.9 us", "max us"]
    blocks, plots = {}, []
    for i, row in enumerate(r for r in result["latency"] if r["path"] != "added"):
        blocks[f"l{i}"] = [[f'"{s[:-3]}"', row[s]] for s in shares]
        dash = 2 if row["path"].startswith("testpmd") else 1
        plots.append(f"$l{i} using 0:2:xtic(1) with linespoints lw 2 dt {dash} pt 7 ps 0.6 "
                     f"title '{row['path']}, {row['load']}'")
    return gnuplot("set logscale y; set ylabel 'Latency, us'; set xrange [-0.2:4.2]; "
                   f"set key outside right vertical\nplot {', '.join(plots)}\n", blocks)


def wire_section(results):
    parts = []
    for r in (r for r in results if r["command"] == "wire"):
        rows = [[escape(x["path"]), *(escape(x[k]) for k in ("NDR Mpps", "NDR Gbit/s", "NDR limit", "PDR Mpps",
                                                             "PDR Gbit/s", "PDR limit"))] for x in r["rows"]]
        parts += [f'<h2>Wire: the process between two ports</h2><p>Scenario {escape(r["scenario"])}, trials of '
                  f'{escape(r["seconds"])} s.</p>',
                  table(["path", "Throughput (no loss), Mpps", "Gbit/s", "bounded by", "at 0.1 % loss, Mpps", "Gbit/s",
                         "bounded by"], rows),
                  "<h3>Latency</h3>", object_table(r["latency"])]
        if r["trials"]:
            parts.append(figure(plot_loss(r), "Frame loss rate over what was sent, every trial."))
        if r["latency"]:
            parts.append(figure(plot_latency(r), "Latency by its percentiles, at three loads; dashed: testpmd."))
        parts.append(note(r))
    return "".join(parts)


# scale, reload, compare

def plot_scale(result):
    model = [list(row.values()) for row in result["model"]]
    measured = [[row["workers"], row["Mpps"]] for row in result["rows"]]
    return gnuplot("set logscale xy 2; set xlabel 'workers'; set ylabel 'Mpps'; set grid x y lc rgb '#e4e4e4'; "
                   "set xrange [0.9:36]; set yrange [*:*]\n"
                   "plot $model using 1:2 with lines dt 3 lw 2 title 'linear', $model using 1:3 with lines lw 2 "
                   "title 'contention as measured', $model using 1:4 with lines lw 2 title 'and every frame three times "
                   "through this memory', $measured with points pt 7 ps 1.2 title 'measured'\n",
                   {"model": model, "measured": measured})


def scale_section(results):
    return "".join("<h2>Scale: more than one worker</h2><h3>Measured</h3>" + object_table(r["rows"]) + "<h3>Modelled</h3>" +
                   object_table(r["model"]) + figure(plot_scale(r), "Measured workers, and the model of more.") + note(r)
                   for r in results if r["command"] == "scale")


def plot_memory(samples):
    return gnuplot("set xlabel 'swaps'; set ylabel 'MB'; set yrange [0:*]\n"
                   "plot $data with linespoints lw 2 pt 7 title 'allocated', $data using 1:3 with linespoints lw 2 pt 6 "
                   "title 'resident'\n", {"data": [[s["swaps"], s["heap MB"], s["MB"]] for s in samples]}, 320)


def reload_section(results):
    parts = []
    for r in (r for r in results if r["command"] == "reload"):
        bursts = [{"bursts of 64 packets": name, **r[key]} for name, key in (("outside of swaps", "outside"),
                                                                            ("during swaps", "during"))]
        parts += ["<h2>Reload: rule sets swapped under load</h2>", object_table(r["rows"]), object_table(bursts),
                  f'<p>{r["packets"]:,} packets, {r["lost"]:,} lost: Frame loss rate {gate(r["lost"], r["packets"])}.</p>']
        if r.get("memory"):
            parts.append(figure(plot_memory(r["memory"]), "Memory over swaps of 1,000 domains without a pause. Resident memory has the "
                                "worker's flow table in it, of which more is touched until it has gone round once."))
    return "".join(parts)


def plot_cpu(rows):
    data = [[f'"{x["program"]}"', x["CPU s per GB"]] for x in rows if "CPU s per GB" in x]
    return gnuplot("set style fill solid 0.85; set boxwidth 0.5; set logscale y; set ylabel 'CPU seconds per GB'; "
                   "unset key; set xrange [-0.6:*]\nplot $data using 0:2:xtic(1) with boxes, "
                   "$data using 0:2:2 with labels offset 0,0.7\n", {"data": data}, 360)


def compare_section(results):
    parts = []
    for r in (r for r in results if r["command"] == "compare"):
        parts += ["<h2>Compare: others beside us</h2>", object_table(r["rows"])]
        if any("CPU s per GB" in x for x in r["rows"]):
            parts.append(figure(plot_cpu(r["rows"]), "CPU seconds per GB, start-up included. rspamd reads mails, the "
                                "others packets."))
        parts.append(note(r))
    return "".join(parts)


def machine_section(results):
    facts = next((r["machine"] for r in results if "machine" in r), None)
    if facts is None:
        return ""
    loads = [r["machine"]["load"] for r in results if "load" in r.get("machine", {})]
    rows = [[html.escape(k), html.escape(str(v))] for k, v in facts.items() if v != "" and k != "load"]
    if loads:
        rows.append(["load while measuring", f"{min(loads):.1f} to {max(loads):.1f}"])
    return "<h2>Machine</h2>" + table(["fact", "value"], rows)


def page(results):
    return "".join([
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Postern, measured</title><style>{STYLE}</style><h1>Postern, measured</h1>"
        "<p>Release build; medians of rounds with least and most; method and what was not measured: bench/README.md.</p>",
        limits(results), gates(results), engine_section(results), wire_section(results), scale_section(results),
        reload_section(results), compare_section(results), machine_section(results), "</html>\n"])


def main(args):
    if len(args) != 1 or args[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if args[:1] in (["-h"], ["--help"]) else 2
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
