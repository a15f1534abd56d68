# SPDX-License-Identifier: BSD-3-Clause
"""Rules that change while mail and other traffic pass."""

import json
import os
import threading
import time

from scene import RULES, SENDER, SceneTest, network, run, wait_for
from lab.box import program

SECONDS = 120 if os.environ.get("POSTERN_LONG") else 20
EVERY = 0.1
FLOOD = "50M"

MAIL = f"MAIL FROM:<{SENDER}>\r\n"
# One session: two recipients of one group, a message, and the next sender. What each reply must be, whatever the rules are now.
SESSION = (
    (MAIL + "RCPT TO:<ann@army.mil>\r\nRCPT TO:<bob@army.ml>\r\nDATA\r\n", 4),
    ("Subject: {}\r\n\r\nbody\r\n.\r\n", 1),
    (MAIL + "RCPT TO:<carol@navy.ml>\r\nRCPT TO:<dan@gouv.ml>\r\nRSET\r\n", 4),
    ("QUIT\r\n", 1))
CODES = [250, 250, 550, 354, 250, 250, 550, 250, 250, 221]


def rules(round_number):
    """Always the same verdicts for SESSION, in a different rule set: some come back from the cache, some are new."""
    filler = "".join(f"rule f{n} flag rcpt domain filler{n}.example\n" for n in range(200 + round_number % 40))
    return RULES + filler


class Reload(SceneTest):
    def setUp(self):
        self.scene.box.write_rules(RULES)
        self.scene.box.reload()

    def test_an_address_is_exempted_and_read_again_without_steering(self):
        box, text = self.scene.box, self.scene.box.settings.read_text()
        before = box.total("exempt")
        self.apply(text.replace("  flows:", f"  exempt: [{network.ADDRESS['server']['v4']}/31]\n  flows:"))
        try:
            self.assertEqual(self.codes(), [250, 250, 221])
            self.assertGreater(box.total("exempt"), before)
        finally:
            self.apply(text)
        self.assertEqual(self.codes(), [250, 550, 221])

    def codes(self):
        return [r.code for r in self.scene.talk((MAIL + "RCPT TO:<bob@army.ml>\r\n", 2), ("QUIT\r\n", 1))]

    def apply(self, settings):
        self.scene.box.settings.write_text(settings)
        run(program("postern"), "apply", "--config", self.scene.box.settings)

    def test_a_changed_rule_judges_the_next_mail_differently(self):
        box, scene = self.scene.box, self.scene
        before = box.generation()
        subject = scene.submit("flo@airforce.ml")
        scene.accepted(subject, "flo@airforce.ml")
        box.write_rules(RULES.replace("r3 flag  ", "r3 reject"))
        answer = box.reload()
        self.assertTrue(answer["ok"])
        self.assertGreater(answer["generation"], before)
        self.assertEqual(answer["generation"], box.generation())
        subject = scene.submit("flo@airforce.ml")
        self.assertRefused(scene.bounce("flo@airforce.ml", subject).text, "airforce.ml", "airforce.mil")
        self.assertEqual(scene.received(subject), [])

    def test_a_rule_change_reaches_a_session_that_is_already_open(self):
        box, scene = self.scene.box, self.scene
        change = threading.Timer(1, lambda: (box.write_rules(RULES.replace("r3 flag  ", "r3 reject")), box.reload()))
        change.start()
        replies = scene.talk((MAIL + "RCPT TO:<a@airforce.ml>\r\n", 2), {"pause": 3}, ("RCPT TO:<b@airforce.ml>\r\n", 1),
                             ("QUIT\r\n", 1))
        change.join()
        self.assertEqual([r.code for r in replies], [250, 250, 550, 221], replies)

    def test_reloading_every_100_ms_under_traffic_loses_no_packet_misjudges_no_mail_and_leaks_nothing(self):
        box, scene = self.scene.box, self.scene
        # The caches and pools have their size then: the first session brings the first pages of those, of 2 MB each.
        self.scene.talk(*((text.format("first"), n) for text, n in SESSION))
        self.reload_for(4)
        settled = box.resident_kb(), box.resident_kb(box.daemon)
        listener = scene.place.start("server", "iperf3", "-s", "-1", log="iperf-server")
        wait_for("iperf3 to listen", 10, lambda: ":5201" in scene.place.run("server", "ss", "-Hltn").stdout)
        before, loss = box.show("stats"), network.Loss(scene.place)
        flood = scene.place.start("client", "iperf3", "-c", network.ADDRESS["server"]["v4"], "-b", FLOOD, "-t", SECONDS,
                                  log="iperf-client")
        wrong, sessions, over = [], [], threading.Event()
        mail = threading.Thread(target=self.mail_loop, args=(over, sessions, wrong))
        mail.start()
        reloads = self.reload_for(SECONDS)
        over.set()
        mail.join()
        self.assertEqual(flood.wait(30), 0)
        listener.wait(10)
        time.sleep(1)
        lost, after = loss.count(), box.show("stats")
        print(f"     {reloads} reloads, {len(sessions)} sessions, packets (sent, lost): {json.dumps(lost)}", flush=True)
        self.assertEqual(wrong, [])
        self.assertGreater(len(sessions), SECONDS / 4)
        self.assertGreaterEqual(reloads, SECONDS / EVERY / 3)
        self.assertEqual([n for _, n in lost.values()], [0, 0])
        for counter in ("changed_unjudged", "tx_dropped", "no_buffer", "spread_dropped"):
            self.assertEqual(after["total"][counter], before["total"][counter], counter)
        self.assertEqual([p["rx_missed"] for p in after["ports"]], [p["rx_missed"] for p in before["ports"]])
        # Its two events take the next places of their ring, which nobody may have touched yet.
        self.assertLess(box.resident_kb() - settled[0], 2048 + 2 * len(sessions), "kB more in postern-dp")
        self.assertLess(box.resident_kb(box.daemon) - settled[1], 4096, "kB more in posternd")
        wait_for("the server to store the mails", 30, self.scene.server.idle)
        stored = [m for m in scene.server.messages() if m.subject in set(sessions)]
        self.assertEqual(sorted(m.subject for m in stored), sorted(sessions))
        self.assertEqual({m.recipient for m in stored}, {"ann@army.mil"})

    def mail_loop(self, over, sessions, wrong):
        while not over.is_set():
            subject = f"loop {len(sessions)}"
            replies = self.scene.talk(*((text.format(subject), n) for text, n in SESSION))
            sessions.append(subject)
            if [r.code for r in replies] != CODES:
                wrong.append((subject, replies))

    def reload_for(self, seconds):
        """A new rule set every 100 ms, or as soon as the last one is live. Returns how many went live."""
        count, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            self.scene.box.write_rules(rules(count))
            answer = self.scene.box.reload()
            self.assertTrue(answer["ok"], answer)
            self.assertEqual(answer["packets_lost"], 0)
            count += 1
            time.sleep(max(0, EVERY - (time.monotonic() - began)))
        return count


class Watching(SceneTest):
    scene_options = {"watch": True}

    def test_a_saved_rule_file_goes_live_by_itself(self):
        box = self.scene.box
        before = box.generation()
        box.write_rules(RULES + "rule w reject rcpt domain watched.example means=watch.example\n")
        wait_for("the new rules", 20, lambda: box.generation() > before)
        replies = self.scene.talk((MAIL + "RCPT TO:<x@watched.example>\r\n", 2), ("QUIT\r\n", 1))
        self.assertEqual([r.code for r in replies], [250, 550, 221], replies)
