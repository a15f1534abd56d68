# SPDX-License-Identifier: BSD-3-Clause
"""Every pair of mail programs through the box: good mail arrives identical, the typo bounces, the mixed mail splits."""

import os
import unittest

import scene  # noqa: F401 (the way to the lab)
from exchange import MTA_CLIENTS, TOOLS, Exchange, table

LONG = bool(os.environ.get("POSTERN_LONG"))
CLIENTS = MTA_CLIENTS + (TOOLS if LONG else ("swaks",))
SERVERS = ("postfix", "exim", "opensmtpd") + (("aiosmtpd", "smtp-sink") if LONG else ())


class Peers(unittest.TestCase):
    def test_every_pair_of_mail_programs_delivers_bounces_and_splits(self):
        exchange = Exchange(CLIENTS, SERVERS)
        try:
            exchange.run(120, Exchange.well)
            outcomes = exchange.outcomes()
            print("\n" + table(outcomes, CLIENTS, SERVERS) + "\n", flush=True)
            self.assertTrue(exchange.well(), exchange.log())
            self.assertEqual(exchange.box.total("changed_unjudged"), 0)
        finally:
            exchange.close()
