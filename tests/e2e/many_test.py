# SPDX-License-Identifier: BSD-3-Clause
"""
Many refused recipients among good ones in one mail: every good one is delivered, every bad one refused in the end, and the
good ones do not wait for the bad. With PIPELINING and in lock-step. Prints what it took.
"""

import json
import os
import re
import time
import unittest

import scene  # noqa: F401 (the way to the lab)
from exchange import RULES, SUBMIT
from lab import network, peers
from lab.box import Box
from lab.capture import Capture
from lab.place import Place

LONG = bool(os.environ.get("POSTERN_LONG"))
COUNTS = (1, 10, 100, 1000) if LONG else (10, 100)
# OpenSMTPD as a client gives up a session after 25 refusals in a row, whoever refuses, and comes back after a pause.
SLOW = () if LONG else (("opensmtpd", 100),)
GOOD = ("first@army.mil", "middle@navy.mil", "last@army.mil")
# What the client of an operator needs who sends to more than 1,000 recipients in one mail, many of them bad: by default
# Postfix and OpenSMTPD take 1,000 recipients a mail, Postfix gives a server 50 at a time.
LIMIT = max(COUNTS) + len(GOOD)
FOR_MANY = {
    "postfix": (f"smtpd_recipient_limit = {LIMIT}", f"smtp_destination_recipient_limit = {LIMIT}") if LONG else (),
    "opensmtpd": (f"smtp limit max-rcpt {LIMIT}", f"mta limit max-failures-per-session {LIMIT}") if LONG else ()}
BAD = re.compile(r"u\d+@army\.ml")
PATIENCE = {1: 30, 10: 30, 100: 120, 1000: 600}
CLIENTS, SERVERS = ("postfix", "exim", "opensmtpd"), ("postfix", "exim", "opensmtpd")


class Many:
    """The lab. `pipelining`: whether Postfix and Exim offer it; OpenSMTPD never does."""

    def __init__(self, pipelining):
        self.place = place = Place()
        try:
            network.connect(place)
            peers.connect_servers(place)
            self.box = Box(place, RULES).start()
            self.server = {
                "postfix": peers.postfix_server(place, () if pipelining else ("smtpd_discard_ehlo_keywords = pipelining",)),
                "exim": peers.exim_server(place, settings=() if pipelining else ("pipelining_advertise_hosts =",)),
                "opensmtpd": peers.opensmtpd_server(place)}
            self.client = {
                "postfix": peers.postfix_client(place, settings=(
                    "minimal_backoff_time = 1s", "maximal_backoff_time = 2s", "queue_run_delay = 1s", *FOR_MANY["postfix"])),
                "exim": peers.exim_client(place), "opensmtpd": peers.opensmtpd_client(place, settings=FOR_MANY["opensmtpd"])}
            for peer in (*self.server.values(), *self.client.values()):
                peer.start()
        except BaseException:
            place.remove()
            raise

    def send(self, client, server, count):
        """Returns sessions, seconds until all was done, seconds until the first good one had arrived, good, bad ones told."""
        subject = f"many {count} {client} {server}"
        bad = [f"u{n}@army.ml" for n in range(count)]
        to = [GOOD[0], *bad[:count // 2], GOOD[1], *bad[count // 2:], GOOD[2]]
        sender = peers.sender_to(server)
        mail = sender, to, f"From: {sender}\nTo: list@example.org\nSubject: {subject}\n\nbody\n"
        with Capture(self.place, "client", name=subject.replace(" ", "-")) as wire:
            began, first = time.monotonic(), None
            self.place.run("client", "/usr/bin/python3", SUBMIT, self.client[client].port, input=json.dumps([mail]))
            while True:
                good = sorted(m.recipient for m in self.server[server].messages() if m.subject == subject)
                told = self.told(client, subject)
                first = first or (good and time.monotonic() - began)
                if (len(good) >= len(GOOD) and len(told) >= count) or time.monotonic() - began > PATIENCE[count]:
                    break
                if client == "opensmtpd":
                    self.client[client].retry()
                time.sleep(0.5)
            seconds = time.monotonic() - began
        sessions = sum(p.target_port == 25 and p.flags & 0x12 == 2 for p in wire.packets())
        return sessions, seconds, first, good, told

    def told(self, client, subject):
        texts = (m.octets.decode("latin-1") for m in self.client[client].messages())
        return {bad for text in texts if subject in text for bad in BAD.findall(text)}


class ManyRefused(unittest.TestCase):
    def every_pair(self, pipelining):
        many = Many(pipelining)
        try:
            for count in COUNTS:
                for client in CLIENTS:
                    for server in SERVERS if (client, count) not in SLOW else ():
                        with self.subTest(count=count, client=client, server=server):
                            self.one(many, count, client, server)
            stats = many.box.show("stats")["total"]
            self.assertEqual([stats["changed_unjudged"], stats["verdict_not_applied"], stats["verdict_reset"]], [0, 0, 0])
        finally:
            many.place.remove()

    def one(self, many, count, client, server):
        sessions, seconds, first, good, told = many.send(client, server, count)
        print(f"     {client} to {server}, {count} bad: {sessions} sessions, {seconds:.1f} s, first good after {first or 0:.1f} s", flush=True)
        self.assertEqual(good, sorted(GOOD))
        self.assertEqual(len(told), count)

    def test_many_refused_recipients_with_pipelining_stop_no_good_one(self):
        self.every_pair(True)

    def test_many_refused_recipients_in_lock_step_stop_no_good_one(self):
        self.every_pair(False)
