#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Captures nobody here wrote replay to exactly the envelopes of their table.

usage: captures_test.py POSTERN [CAPTURES_DIR]

Each capture runs on any port with its SMTP known by its dialogue, and a second
time on the mail ports where it keeps to them. Checksums are ignored where the table
counts bad ones, and verified everywhere else. What leaves must be what came:
the written capture holds the same frames (invariant 1), for no rule matches.
"""
import csv
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict

# The table names the condition under which the envelopes are those of the base; these want a
# receiver for which the last copy counts, and Postern's rule is that the first copy counts and
# is what leaves, so the server sees what was judged.
LAST_COPY = "where the last copy counts"


def read_table(directory, base_notes):
    """capture -> {flow: {transaction: (mail, [rcpt...])}}, and the notes of each capture and of its base."""
    flows, notes = defaultdict(lambda: defaultdict(dict)), defaultdict(str)
    with open(os.path.join(directory, "expected.tsv"), newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            transactions = flows[row["capture"]][row["flow"]]
            notes[row["capture"]] += row.get("notes") or row["expected against the base"] + base_notes[row["base"]]
            if row["transaction"] != "0":
                rcpts = [] if row["rcpt_to"] == "-" else row["rcpt_to"].split(" ")
                transactions[int(row["transaction"])] = (row["mail_from"], rcpts)
    return flows, notes


def replay(postern, path, *options):
    """{flow: {transaction: (mail, [rcpt...])}} and the summary of one run."""
    run = subprocess.run([postern, "replay", "--json", "--clear", *options, path],
                         capture_output=True, text=True, timeout=120)
    if run.returncode != 0:
        raise RuntimeError(f"exit {run.returncode}: {run.stderr.strip()[-2000:]}")
    flows, summary = defaultdict(dict), None
    for line in run.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "summary":
            summary = event
            continue
        mail, rcpts = flows[event["flow"]].get(event["transaction"], ("-", []))
        if event["event"] == "mail":
            if mail != "-" or rcpts:
                raise RuntimeError(f"two senders in transaction {event['transaction']} of {event['flow']}")
            mail = event["address"]
        else:
            rcpts = rcpts + [event["address"]]
        flows[event["flow"]][event["transaction"]] = (mail, rcpts)
    return dict(flows), summary


def frames(path):
    """The frames of a pcap or pcapng file, in order."""
    with open(path, "rb") as f:
        data = f.read()
    found, at = [], 24
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        order, at = "<", 0
        while at < len(data):
            kind, length = struct.unpack_from(order + "II", data, at)
            if kind == 0x0A0D0D0A:
                order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
                kind, length = struct.unpack_from(order + "II", data, at)
            if kind == 6:
                caplen = struct.unpack_from(order + "I", data, at + 20)[0]
                found.append(data[at + 28:at + 28 + caplen])
            elif kind == 3:
                caplen = min(struct.unpack_from(order + "I", data, at + 8)[0], length - 16)
                found.append(data[at + 12:at + 12 + caplen])
            at += length
        return found
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    while at < len(data):
        caplen = struct.unpack_from(order + "I", data, at + 8)[0]
        found.append(data[at + 16:at + 16 + caplen])
        at += 16 + caplen
    return found


def payload(frame):
    """The TCP payload of an IPv4 frame behind an Ethernet or loopback header."""
    ip = 14 if frame[12:14] == b"\x08\x00" else 4
    tcp = ip + (frame[ip] & 15) * 4
    end = ip + struct.unpack_from(">H", frame, ip + 2)[0]
    return frame[tcp + (frame[tcp + 12] >> 4) * 4:end if end > ip else len(frame)]


def changed(before, after):
    """
    A sentence where what left is not what came, or ''. A client that talks on behind a command which only the
    server's answer explains (DATA, its text, and more, in one segment) is answered only if the command leaves
    before the rest: then one segment leaves as several, with the same octets.
    """
    missing, new = Counter(before) - Counter(after), Counter(after) - Counter(before)
    missing, new = [f for f in before if missing[f]], [f for f in after if new[f]]
    if not missing and not new:
        return ""
    if missing and b"".join(map(payload, missing)) == b"".join(map(payload, new)):
        return ""
    return f"{len(missing)} frames did not leave as they came, {len(new)} left that never came"


def compare(got, wanted):
    """A sentence on the first difference, or ''."""
    wanted = {flow: t for flow, t in wanted.items() if t}
    for flow in wanted.keys() | got.keys():
        if wanted.get(flow) != got.get(flow):
            return f"{flow}: expected {wanted.get(flow)}, got {got.get(flow)}"
    return ""


def check(postern, path, wanted, note):
    """Yields a sentence for each thing that is wrong with one capture."""
    bad = re.search(r"bad checksums tcp=([1-9]\d*)", note)
    options = ["--ignore-checksums"] if bad else []
    ports = {int(flow.rsplit(":", 1)[1]) for flow in wanted}
    ways = [["--ports", "any"]] + ([["--ports", "25,587"]] if ports <= {25, 587} else [])
    with tempfile.NamedTemporaryFile(suffix=".pcap") as out:
        for how in ways:
            got, summary = replay(postern, path, *how, *options, "--write", out.name)
            difference = compare(got, wanted)
            if difference and LAST_COPY not in note:
                yield f"{' '.join(how)}: {difference}"
            if summary["changed_unjudged"] != 0:
                yield f"{' '.join(how)}: {summary['changed_unjudged']} octets changed without a verdict"
            if "overlap" not in note + path:
                difference = changed(frames(path), frames(out.name))
                if difference:
                    yield f"{' '.join(how)}: {difference}"


def main():
    postern = sys.argv[1]
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    directory = sys.argv[2] if len(sys.argv) > 2 else os.path.join(root, "..", "shared", "captures")
    if not os.path.isdir(directory):
        print("no captures at ../shared/captures: nothing to replay")
        return 0
    failed = count = 0
    notes = defaultdict(str)
    for folder in (directory, os.path.join(directory, "derived")):
        if not os.path.isdir(folder):
            continue
        flows, notes = read_table(folder, notes)
        for capture in sorted(flows):
            count += 1
            try:
                problems = list(check(postern, os.path.join(folder, capture), flows[capture], notes[capture]))
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                problems = [str(error)]
            failed += bool(problems)
            print(f"{'not ok' if problems else 'ok'} {capture}")
            for problem in problems:
                print(f"  {problem}")
    print(f"{count - failed} captures replay to their envelopes, {failed} do not")
    return 1 if failed or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
