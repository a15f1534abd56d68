# SPDX-License-Identifier: BSD-3-Clause
"""Every client, server and quarantine, in every way, on every wire: see matrix.py."""

import os
import time
import unittest

from matrix import ALL, CLEAN, CLIENTS, QUARANTINES, SERVERS, WAYS, Cell, Matrix

LONG = bool(os.environ.get("POSTERN_LONG"))

# Each value of each dimension at least once.
SOME = {
    "postfix": [Cell("postfix", "exim", "pipelining"), Cell("exim", "postfix", "bdat"), Cell("swaks", "opensmtpd", "ipv6"),
                Cell("postfix", "opensmtpd", "vlan"), Cell("exim", "exim", "large"), Cell("swaks", "postfix", "lockstep"),
                Cell("swaks", "exim", "bdat")],
    "opensmtpd": [Cell("exim", "opensmtpd", "lockstep"), Cell("postfix", "postfix", "pipelining"), Cell("swaks", "exim", "ipv6"),
                  Cell("exim", "postfix", "vlan"), Cell("swaks", "postfix", "bdat"), Cell("postfix", "exim", "large")],
}
# Between the box and each end: what is lost is lost twice as often, and a round trip has four delays.
WIRES = {"clean": CLEAN, "loss 5 %": ("loss=5",), "reorder 25 %": ("reorder=25", "delay=10"), "delay 50 ms": ("delay=50",),
         "all three": ("loss=5", "reorder=25", "delay=50")}


class Redirection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.matrix = Matrix()

    @classmethod
    def tearDownClass(cls):
        cls.matrix.close()

    def diagnosis(self):
        return self.matrix.log()

    def round(self, quarantine, wire, cells, seconds):
        """{cell: "" or what is wrong}, and what is wrong in all."""
        began = time.monotonic()
        self.matrix.choose(quarantine, WIRES[wire])
        outcome = self.matrix.run(cells, seconds)
        bad = [f"{quarantine}, {wire}: {' '.join(cell)}: {wrong}" for cell, wrong in outcome.items() if wrong]
        bad += [f"{quarantine}, {wire}: log of {server}: {fault}"
                for server, found in self.matrix.faults_of_logs().items() for fault in found]
        print(f"     {quarantine}, {wire}: {len(cells)} cells, {len(bad)} faults, {time.monotonic() - began:.0f} s", flush=True)
        return outcome, bad

    def test_flagged_mails_arrive_at_each_quarantine_whoever_sends_them_and_however(self):
        well, bad = {}, []
        for quarantine, wire, cells in rounds():
            outcome, faults = self.round(quarantine, wire, cells, 400)
            bad += faults
            for cell in cells:
                well.setdefault((quarantine, cell), []).append("-" if outcome[cell] else wire[0].upper())
        if LONG:
            print("\n" + "\n\n".join(table(q, well) for q in QUARANTINES) + "\n", flush=True)
        self.assertFalse(bad, f"{len(bad)} faults\n" + "\n".join(bad))


def rounds():
    """(quarantine, wire, cells): all that there are, or some."""
    if LONG:
        # 10 MB on a wire that has all three faults are a test of patience, not of redirection.
        return [(quarantine, wire, [c for c in ALL if c.way != "large" or wire != "all three"])
                for quarantine in QUARANTINES for wire in WIRES]
    return [*((quarantine, "clean", cells) for quarantine, cells in SOME.items()),
            ("postfix", "all three", [c for c in SOME["postfix"] if c.way != "large"])]


def table(quarantine, well):
    """Markdown: in each cell the wires on which it was well, by their first letters."""
    rows = [f"| quarantine {quarantine} | " + " | ".join(WAYS) + " |", "| --- |" + " --- |" * len(WAYS)]
    for client in CLIENTS:
        for server in SERVERS:
            cells = []
            for way in WAYS:
                cell = Cell(client, server, way)
                note = ", put off" if cell.promises_more_than(quarantine) else ""
                cells.append(" ".join(well[quarantine, cell]) + note)
            rows.append(f"| {client} to {server} | " + " | ".join(cells) + " |")
    return "\n".join(rows)
