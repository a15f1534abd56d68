# SPDX-License-Identifier: BSD-3-Clause
"""
The pairs of mail programs over bad wires, between the box and both ends, so that what the box sends is lost as well as
what it receives. The outcomes are those of a good wire; and the sessions last no longer than they do over the same wires
with a plain bridge in the box's place, as far as chance lets that be said.
"""

import os
import statistics
import unittest

import scene  # noqa: F401 (the way to the lab)
from exchange import MTA_CLIENTS, TOOLS, Exchange, table

LONG = bool(os.environ.get("POSTERN_LONG"))
CLIENTS = MTA_CLIENTS + TOOLS if LONG else ("postfix", "exim", "swaks")
SERVERS = ("postfix", "exim", "opensmtpd") + (("aiosmtpd", "smtp-sink") if LONG else ())
PATIENCE = 400 if LONG else 150

# Losses make heavy tails: the slowest of some hundred sessions may be slower by so many times, and so many seconds.
TAIL_TIMES, TAIL_SECONDS, MEDIAN_TIMES, MEDIAN_SECONDS = 3.0, 15.0, 1.5, 1.0


class Wires:
    def both(self, wire, mtu=1500, size=20000, servers=SERVERS, timed=True):
        lasted = {}
        for bridge in (True, False):
            exchange = Exchange(CLIENTS, servers, bridge=bridge, wire=wire, mtu=mtu, size=size)
            try:
                done = Exchange.everything_arrived if bridge else Exchange.well
                lasted[bridge] = exchange.run(PATIENCE, done)
                self.assertTrue(done(exchange), f"{'bridge' if bridge else 'box'}\n{table(exchange.outcomes(), CLIENTS, servers)}\n{exchange.log()}")
                if not bridge:
                    self.assertEqual(exchange.box.total("changed_unjudged"), 0)
            finally:
                exchange.close()
        median, longest = ([f(lasted[b]) for b in (False, True)] for f in (statistics.median, max))
        print(f"     {' '.join(wire) or 'good wire'}, MTU {mtu}: {len(lasted[False])} sessions, median {median[0]:.2f} s with the box, "
              f"{median[1]:.2f} s without (ratio {median[0] / median[1]:.2f}), longest {longest[0]:.1f} s and {longest[1]:.1f} s "
              f"(ratio {longest[0] / longest[1]:.2f})", flush=True)
        if not timed:
            return
        self.assertLess(median[0], MEDIAN_TIMES * median[1] + MEDIAN_SECONDS)
        self.assertLess(longest[0], TAIL_TIMES * longest[1] + TAIL_SECONDS)


class BadWire(Wires, unittest.TestCase):
    def test_mail_over_wires_that_lose_packets(self):
        self.both(("loss=5",))

    def test_mail_over_wires_that_reorder_packets(self):
        self.both(("reorder=25", "delay=10"))

    def test_mail_over_wires_that_cut_segments_to_one_octet(self):
        self.both(("segment=1",), size=2000)


class LongBadWire(Wires, unittest.TestCase):
    """Only in the long run."""

    def test_mail_over_wires_that_cut_segments_to_one_octet_and_lose_some(self):
        """
        Every line has gaps, and a session takes three times as long, since what is held is not acknowledged. Half of a line may
        have left when it is judged; smtp-sink takes whatever is made of the rest.
        """
        self.both(("segment=1", "loss=1"), size=300, servers=SERVERS[:-1], timed=False)

    def test_mail_over_wires_that_duplicate_packets(self):
        self.both(("duplicate=5",))

    def test_mail_over_wires_that_corrupt_packets(self):
        self.both(("corrupt=1",))

    def test_mail_over_slow_wires_with_jitter(self):
        self.both(("delay=20", "jitter=5"))

    def test_mail_over_wires_of_576_octets(self):
        self.both(("delay=1",), mtu=576)

    def test_mail_over_wires_that_do_it_all(self):
        self.both(("loss=2", "reorder=10", "duplicate=2", "corrupt=1", "delay=10", "jitter=5"), mtu=576)


if not LONG:
    del LongBadWire
