#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""postern-bench compare [--json] [--megabytes N] [--domains N] POSTERN BENCH: others beside us, on one core.

The same capture and the same domains through `postern replay` and, where they are installed, Suricata (Hyperscan,
one thread) and Postfix (check_recipient_access, asked by `postmap -q`; no packets, only lookups). Each says what it
found: 1 recipient in 100 is on the list. What is not installed is named and left out.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

SCENARIO = "flows 10000\nmail 20000\nmpps 1\nflagged 1\npatterns {domains}\n"
LAB = pathlib.Path(os.environ.get("POSTERN_LAB", "/var/cache/postern-lab")) / "mta/postfix"
NOT_INSTALLED = "not installed"


class Work:
    """The capture, the domains and where they lie."""

    def __init__(self, folder, args):
        self.folder, self.args = folder, args
        scenario = folder / "compare.scenario"
        scenario.write_text(SCENARIO.format(domains=args.domains))
        self.capture = folder / "mails.pcap"
        subprocess.run([args.bench, "capture", scenario, str(args.megabytes), self.capture], check=True)
        names = subprocess.run([args.bench, "domains", str(args.domains)], capture_output=True, text=True, check=True)
        self.domains = names.stdout.split()
        self.capture.read_bytes()  # into the page cache


def timed(command, **more):
    """Runs on one core; CPU seconds, wall seconds, memory in MB, and what it printed."""
    out = tempfile.TemporaryFile("w+")
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT,
                             preexec_fn=lambda: os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}), **more)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    out.seek(0)
    return usage.ru_utime + usage.ru_stime, time.monotonic() - begin, usage.ru_maxrss / 1024, out.read()


def row(name, cpu, wall, memory, work, found, start):
    gigabytes = work.args.megabytes / 1024
    return {"program": name, "CPU s": f"{cpu:.2f}", "wall s": f"{wall:.2f}", "of it start-up s": f"{start:.2f}",
            "CPU s per GB": f"{cpu / gigabytes:.2f}", "memory MB": f"{memory:.0f}", "found": found}


def postern(work):
    rules = work.folder / "rules.conf"
    rules.write_text("".join(f"rule r{i} flag rcpt domain {d} means=army.mil\n" for i, d in enumerate(work.domains)))
    empty = work.folder / "empty.pcap"
    empty.write_bytes(work.capture.read_bytes()[:24])
    command = [work.args.postern, "replay", "--json", "--rules", rules]
    start = timed(command + [empty])[0]
    cpu, wall, memory, said = timed(command + [work.capture])
    summary = json.loads(said.strip().splitlines()[-1])
    return row("postern replay", cpu, wall, memory, work, summary["flagged"], start)


def suricata(work):
    if shutil.which("suricata") is None:
        return None
    rules = work.folder / "suricata.rules"
    rules.write_text("".join(
        f'alert smtp any any -> any any (msg:"{d}"; content:"RCPT TO|3a|"; nocase; content:"@{d}"; nocase; '
        f"sid:{i + 1};)\n" for i, d in enumerate(work.domains)))
    command = ["suricata", "--runmode", "single", "-k", "none", "-S", rules, "-l", work.folder, "--set",
               "mpm-algo=hs", "--set", "spm-algo=hs", "-r"]
    empty = work.folder / "empty.pcap"
    start = timed(command + [empty])[0]
    cpu, wall, memory, _ = timed(command + [work.capture])
    alerts = work.folder / "fast.log"
    found = len(alerts.read_text().splitlines()) if alerts.exists() else 0
    version = subprocess.run(["suricata", "-V"], capture_output=True, text=True, check=False).stdout
    return row("Suricata " + re.search(r"[\d.]+", version).group(), cpu, wall, memory, work, found, start)


def postfix(work):
    """As many lookups as the capture has recipients; `found` is of those asked."""
    tool, more = shutil.which("postmap"), {}
    if tool is None and (LAB / "usr/sbin/postmap").exists():
        tool = LAB / "usr/sbin/postmap"
        more["env"] = dict(os.environ, LD_LIBRARY_PATH=f"{LAB}/usr/lib/postfix")
    if tool is None:
        return None
    (work.folder / "main.cf").write_text(f"compatibility_level = 3.6\nqueue_directory = {work.folder}\n"
                                         "mail_owner = daemon\nsetgid_group = mail\n"
                                         f"daemon_directory = {LAB}/usr/lib/postfix/sbin\n")
    table = work.folder / "access"
    table.write_text("".join(f"{d} REJECT\n" for d in work.domains))
    asked = work.folder / "asked"
    asked.write_text("".join(f"example{i}.net\n" if i % 100 else f"{work.domains[i % len(work.domains)]}\n"
                             for i in range(work.args.megabytes * 50)))
    command = [tool, "-c", work.folder, "-q", "-", f"texthash:{table}"]
    start = timed(command, stdin=subprocess.DEVNULL, **more)[0]
    with asked.open() as lines:
        cpu, wall, memory, said = timed(command, stdin=lines, **more)
    if "REJECT" not in said:
        return f"postmap failed: {said.strip().splitlines()[-1:]}"
    return row("Postfix (lookups only)", cpu, wall, memory, work, said.count("REJECT"), start)


def rspamd(_):
    return None if shutil.which("rspamd") is None else "reads mails, not packets, and has no list of recipients by itself"


def main():
    options = argparse.ArgumentParser(prog="postern-bench compare", description=__doc__,
                                      formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true")
    options.add_argument("--megabytes", type=int, default=1000)
    options.add_argument("--domains", type=int, default=10000)
    options.add_argument("postern")
    options.add_argument("bench")
    args = options.parse_args()
    rows, skipped = [], []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as folder:
        work = Work(pathlib.Path(folder), args)
        for program in (postern, suricata, postfix, rspamd):
            result = program(work)
            if isinstance(result, dict):
                rows.append(result)
            else:
                skipped.append(f"{program.__name__}: {result or NOT_INSTALLED}")
    note = "Left out: " + "; ".join(skipped) if skipped else ""
    if args.json:
        print(json.dumps({"command": "compare", "megabytes": args.megabytes, "domains": args.domains, "rows": rows,
                          "note": note}))
        return 0
    for result in rows:
        print("  ".join(f"{k} {v}" for k, v in result.items()))
    print(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
